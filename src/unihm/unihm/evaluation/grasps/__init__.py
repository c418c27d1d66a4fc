"""Measure grasps by themselves: without a camera, and most of them without an arm."""
