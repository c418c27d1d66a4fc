"""What the nodes share; the only package beside ``nodes`` that imports ROS."""
