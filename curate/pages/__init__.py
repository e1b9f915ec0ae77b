"""Readers: files, archives and datasets to decoded pages."""
