"""From the bytes of camera messages to images and intrinsics.

Takes plain bytes and numbers, so that the ROS nodes, the bag reader and the tests share it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unihm.errors import ErrorCode, UnihmError
from unihm.types import FloatArray

# Encoding of sensor_msgs/Image to the channels to take, in the order red, green, blue.
_COLOUR_CHANNELS = {
    "rgb8": (3, (0, 1, 2)),
    "bgr8": (3, (2, 1, 0)),
    "rgba8": (4, (0, 1, 2)),
    "bgra8": (4, (2, 1, 0)),
    "mono8": (1, (0, 0, 0)),
}
# Encoding of a depth image to its type and the metres of one unit.
_DEPTH_UNITS = {"32FC1": ("f4", 1.0), "16UC1": ("u2", 1e-3), "mono16": ("u2", 1e-3)}


def decode_colour(
    data: bytes | NDArray[np.uint8], encoding: str, height: int, width: int, step: int
) -> NDArray[np.uint8]:
    """Bytes of a colour image to (H, W, 3) uint8 red, green, blue.

    Raises:
        UnihmError: INVALID_IMAGE for another encoding, or fewer bytes than ``height * step``.
    """
    if encoding not in _COLOUR_CHANNELS:
        known = ", ".join(_COLOUR_CHANNELS)
        raise UnihmError(
            ErrorCode.INVALID_IMAGE, f"A colour image in '{encoding}' is not known; use {known}."
        )
    channels, order = _COLOUR_CHANNELS[encoding]
    rows = _rows(data, height, width * channels, step, ErrorCode.INVALID_IMAGE)
    return np.ascontiguousarray(rows.reshape(height, width, channels)[..., list(order)])


def decode_depth(
    data: bytes | NDArray[np.uint8],
    encoding: str,
    height: int,
    width: int,
    step: int,
    is_bigendian: bool = False,
) -> NDArray[np.float32]:
    """Bytes of a depth image to (H, W) float32 metres, 0 where it is missing.

    Raises:
        UnihmError: INVALID_DEPTH for another encoding, or fewer bytes than ``height * step``.
    """
    if encoding not in _DEPTH_UNITS:
        raise UnihmError(
            ErrorCode.INVALID_DEPTH,
            f"A depth image in '{encoding}' is not known; use 32FC1 (metres) or 16UC1 (mm).",
        )
    kind, metres = _DEPTH_UNITS[encoding]
    dtype = np.dtype((">" if is_bigendian else "<") + kind)
    rows = _rows(data, height, width * dtype.itemsize, step, ErrorCode.INVALID_DEPTH)
    depth = np.ascontiguousarray(rows).view(dtype).astype(np.float32) * np.float32(metres)
    return np.where(np.isfinite(depth), depth, np.float32(0.0))


def _rows(
    data: bytes | NDArray[np.uint8], height: int, row_bytes: int, step: int, code: ErrorCode
) -> NDArray[np.uint8]:
    """(height, row_bytes) uint8 without the padding at the end of each row."""
    buffer = np.frombuffer(data, np.uint8)
    if height <= 0 or row_bytes <= 0 or step < row_bytes or buffer.size < height * step:
        raise UnihmError(
            code,
            f"The image's {buffer.size} bytes are not {height} rows of {row_bytes} bytes at a "
            f"step of {step}.",
        )
    return buffer[: height * step].reshape(height, step)[:, :row_bytes]


def intrinsics(k: ArrayLike, info_size: tuple[int, int], image_size: tuple[int, int]) -> FloatArray:
    """K of a camera_info, checked against the image that it came with.

    Args:
        k: nine numbers, row by row, in pixels.
        info_size: height, width of the camera_info.
        image_size: height, width of the image.

    Raises:
        UnihmError: CAMERA_INFO_MISMATCH where the sizes differ or K is no pinhole of that size.
    """
    if tuple(info_size) != tuple(image_size):
        raise UnihmError(
            ErrorCode.CAMERA_INFO_MISMATCH,
            f"camera_info is for {info_size[1]}x{info_size[0]} pixels, the image has "
            f"{image_size[1]}x{image_size[0]}.",
        )
    K = np.array(k, float)
    height, width = image_size
    if (
        K.size != 9
        or not np.isfinite(K).all()
        or min(K.flat[0], K.flat[4]) <= 0
        or not 0 < K.flat[2] < width
        or not 0 < K.flat[5] < height
    ):
        raise UnihmError(
            ErrorCode.CAMERA_INFO_MISMATCH,
            f"camera_info holds no pinhole of a {width}x{height} image: {K.ravel().tolist()}.",
        )
    return K.reshape(3, 3)
