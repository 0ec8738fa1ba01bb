"""What people read: summaries, pages."""
