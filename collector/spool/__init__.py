"""One SQLite file holds all state."""
