"""The ROS 2 graph: one thin node per stage. The only part of the library that knows of ROS."""
