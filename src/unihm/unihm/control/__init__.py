"""From a hand motion to what the robot's drivers are sent: arm IK, timing, grip, safety, verdict."""
