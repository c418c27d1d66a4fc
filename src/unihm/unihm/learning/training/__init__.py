"""Training of every stage's network."""
