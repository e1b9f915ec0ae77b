"""Dataset curation and annotation for web pages."""
