"""From the bytes of camera messages to images and intrinsics.

Takes plain bytes and numbers, so that the ROS nodes, the bag reader and the tests share it.
"""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from struct import Struct

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from unihm.errors import ErrorCode, UnihmError
from unihm.types import FloatArray

MOST_BENT = 3.0  # pixels: less than depth and colour are registered to
# Encoding of sensor_msgs/Image to the channels to take, in the order red, green, blue.
_COLOUR_CHANNELS = {
    "rgb8": (3, (0, 1, 2)),
    "bgr8": (3, (2, 1, 0)),
    "rgba8": (4, (0, 1, 2)),
    "bgra8": (4, (2, 1, 0)),
    "mono8": (1, (0, 0, 0)),
}
_DEPTH_HEADER = Struct("<iff")
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


def is_colour(encoding: str) -> bool:
    """Whether an image of this encoding, or compressed format, is one in colour."""
    return encoding in _COLOUR_CHANNELS or (
        encoding not in _DEPTH_UNITS and "compressedDepth" not in encoding and encoding != ""
    )


def is_depth(encoding: str) -> bool:
    """Whether an image of this encoding, or compressed format, is one of depth."""
    return encoding in _DEPTH_UNITS or "compressedDepth" in encoding


def decompress_colour(data: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A JPEG or PNG picture to (H, W, 3) uint8 red, green, blue.

    Raises:
        UnihmError: INVALID_IMAGE for anything else.
    """
    try:
        with Image.open(BytesIO(bytes(data))) as picture:
            return np.array(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError) as error:
        raise UnihmError(
            ErrorCode.INVALID_IMAGE, f"A compressed image cannot be read: {error}."
        ) from error


def decompress_depth(data: bytes | NDArray[np.uint8], encoding: str) -> NDArray[np.float32]:
    """What the transport ``compressedDepth`` sends, to (H, W) float32 metres, 0 where missing.

    A header of an int32 and two float32 (A, B) stands before a PNG of uint16: millimetres, or for
    32FC1 a quantised inverse depth v, depth = A / (v - B).

    Args:
        data: the message's bytes.
        encoding: its format, such as ``16UC1; compressedDepth png``.

    Raises:
        UnihmError: INVALID_DEPTH for anything else.
    """
    buffer = bytes(data)
    if not is_depth(encoding) or len(buffer) < _DEPTH_HEADER.size:
        raise UnihmError(ErrorCode.INVALID_DEPTH, f"Compressed depth in '{encoding}' is not known.")
    _, a, b = _DEPTH_HEADER.unpack_from(buffer)
    try:
        with Image.open(BytesIO(buffer[_DEPTH_HEADER.size :])) as picture:
            values = np.array(picture).astype(np.float32)
    except (OSError, SyntaxError, ValueError) as error:
        raise UnihmError(
            ErrorCode.INVALID_DEPTH, f"A compressed depth image cannot be read: {error}."
        ) from error
    if not encoding.startswith("32FC1"):
        return values * np.float32(1e-3)
    with np.errstate(divide="ignore", invalid="ignore"):
        metres = np.float32(a) / (values - np.float32(b))
    return np.where((values > 0) & np.isfinite(metres), metres, np.float32(0.0))


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


@dataclass(frozen=True)
class Window:
    """The part of the sensor that an image shows, as in sensor_msgs/CameraInfo.

    Attributes:
        binning: pixels of the sensor to one of the image, along x and y; 0 is 1.
        offset: x and y of the first pixel, in pixels of the sensor.
        size: width and height in pixels of the sensor; (0, 0): all of it.
    """

    binning: tuple[int, int] = (0, 0)
    offset: tuple[int, int] = (0, 0)
    size: tuple[int, int] = (0, 0)


def intrinsics(
    k: ArrayLike,
    info_size: tuple[int, int],
    image_size: tuple[int, int],
    projection: ArrayLike = (),
    distortion: ArrayLike = (),
    window: Window | None = None,
    rectified: bool = False,
) -> FloatArray:
    """K of the image that a camera_info came with, in pixels of that image.

    Of a rectified image (REP 104) the projection matrix holds; of one as the lens gives it, K,
    where the lens bends it by no more than :data:`MOST_BENT` pixels. Binning and region of
    interest change both.

    Args:
        k: nine numbers, row by row, in pixels.
        info_size: height, width of the camera_info.
        image_size: height, width of the image.
        projection: P, twelve numbers, or none.
        distortion: D of the plumb_bob model, or none.
        window: binning and region of interest.
        rectified: the image comes from a topic of rectified ones.

    Raises:
        UnihmError: CAMERA_INFO_MISMATCH where the sizes differ, K is no pinhole of that size, or
            the image is bent.
    """
    P, D = np.array(projection, float).reshape(-1), np.array(distortion, float).reshape(-1)
    if P.size == 12 and P[0] > 0 and (rectified or not D.any()):
        k, D = P.reshape(3, 4)[:, :3], np.zeros(0)
    window = window or Window()
    binning = np.maximum(window.binning, 1)
    whole = window.size if min(window.size) > 0 else (info_size[1], info_size[0])
    if window.size != (0, 0) or binning.max() > 1:
        k = np.array(k, float).reshape(-1)
        if k.size == 9:
            k[[2, 5]] -= window.offset
            k[:3] /= binning[0]
            k[3:6] /= binning[1]
        info_size = (whole[1] // int(binning[1]), whole[0] // int(binning[0]))
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
    K = K.reshape(3, 3)
    bent = _bent(K, D, width, height)
    if not bent <= MOST_BENT:
        raise UnihmError(
            ErrorCode.CAMERA_INFO_MISMATCH,
            f"The lens bends this image by up to {bent:.0f} pixels (camera_info's d): subscribe to "
            "the rectified topic, whose name has 'rect' in it.",
        )
    return K


def _bent(K: FloatArray, D: FloatArray, width: int, height: int) -> float:
    """Pixels by which radial distortion moves the image's corners at most."""
    if not D.any():
        return 0.0
    corners = np.array([[x, y] for x in (0, width - 1) for y in (0, height - 1)], float)
    straight = (corners - K[:2, 2]) / K[[0, 1], [0, 1]]
    square = (straight**2).sum(axis=1)
    k1, k2, k3, k4, k5, k6 = np.pad(D, (0, 8))[[0, 1, 4, 5, 6, 7]]
    above = 1 + square * (k1 + square * (k2 + square * k3))
    factor = above / (1 + square * (k4 + square * (k5 + square * k6))) - 1
    return float(np.abs(straight * factor[:, None] * K[[0, 1], [0, 1]]).max())
