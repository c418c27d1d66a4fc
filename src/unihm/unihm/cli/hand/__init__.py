"""Look at or check a hand file."""
