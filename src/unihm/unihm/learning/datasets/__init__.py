"""Episodes on disk, and readers of recorded data sets."""
