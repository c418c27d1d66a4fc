"""From a hand motion to what the drivers are sent: IK, timing, grip, safety, verdict."""
