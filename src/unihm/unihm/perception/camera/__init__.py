"""From camera messages to a checked observation; where the camera is."""
