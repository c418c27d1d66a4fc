"""From camera messages to a checked observation; where the camera is."""

from unihm.perception.camera.decoding import Window, decode_colour, decode_depth, intrinsics
from unihm.perception.camera.points import (
    CaptureConfig,
    clean_depth,
    deproject,
    fill_from,
    fuse,
    project,
    world_points,
)
from unihm.perception.camera.stamps import StampMatcher

__all__ = [
    "CaptureConfig",
    "StampMatcher",
    "Window",
    "clean_depth",
    "decode_colour",
    "decode_depth",
    "deproject",
    "fill_from",
    "fuse",
    "intrinsics",
    "project",
    "world_points",
]
