"""Lines become events."""
