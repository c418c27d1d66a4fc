"""Grasps and pushes: solved on the object's surface, tried in physics, turned into motions."""
