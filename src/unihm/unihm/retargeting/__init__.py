"""Human keypoints to the joints of any hand (section B.1)."""
