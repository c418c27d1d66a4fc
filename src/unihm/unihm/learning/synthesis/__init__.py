"""Making episodes and views: objects, grasps, physics, rendering."""
