"""The simulated robot, camera and table; nothing of the pipeline imports it."""
