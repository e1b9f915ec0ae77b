"""Scores of a labeler against gold labels."""
