"""From camera messages to a checked observation; where the camera is."""

from unihm.perception.camera.decoding import (
    Window,
    decode_colour,
    decode_depth,
    decompress_colour,
    decompress_depth,
    intrinsics,
    is_colour,
    is_depth,
)
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
    "decompress_colour",
    "decompress_depth",
    "deproject",
    "fill_from",
    "fuse",
    "intrinsics",
    "is_colour",
    "is_depth",
    "project",
    "world_points",
]
