"""Convert or count episodes."""
