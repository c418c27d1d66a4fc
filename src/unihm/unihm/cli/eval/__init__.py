"""Evaluate what was recorded, without ROS and without a robot."""
