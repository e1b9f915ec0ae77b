"""Which pages need a person, and why."""
