"""Stage: instruction and image to the trajectory of the named object (eq. 7)."""
