"""Train the weights of a stage."""
