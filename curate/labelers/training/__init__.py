"""Training of the model labeler: alignment, silver labels, fitting, the model card."""
