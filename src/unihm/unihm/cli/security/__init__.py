"""Keys and permissions, so that only the graph's own nodes command and listen."""
