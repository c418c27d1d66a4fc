"""Tables full of things, rendered by ray casting: what perception learns from."""
