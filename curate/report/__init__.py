"""What people look at: terminal views and the visual report."""
