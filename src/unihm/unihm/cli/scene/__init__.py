"""Scenes of the simulation: for other simulators."""
