"""SROS2: which node may say and hear what, and the signed files that DDS enforces it by."""
