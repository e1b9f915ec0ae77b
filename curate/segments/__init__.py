"""Splitters: a page to ordered, disjoint segments."""
