"""Measuring: benchmarks of the whole journey and of its stages."""
