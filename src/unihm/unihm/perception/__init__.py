"""From a sentence and an RGB-D image to an object trajectory and an object cloud."""
