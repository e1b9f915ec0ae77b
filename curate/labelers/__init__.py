"""Labelers: a label, scores and reasons for every segment."""
