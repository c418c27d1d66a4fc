"""Stage: the target's whole surface from one view (eq. 8)."""
