"""One recorded frame from its files: an npz of arrays, or images and the camera's matrix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from unihm.config import read_yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_arrays
from unihm.types import RgbdObservation

_ARRAYS = ("rgb", "depth", "K", "T_world_camera")


def read_frame(
    path: Path, depth: Path | None = None, camera: Path | None = None
) -> tuple[RgbdObservation, bool]:
    """The frame, and whether it says where the camera stood.

    Args:
        path: npz with ``rgb`` (H, W, 3) uint8, ``depth`` (H, W) metres, ``K`` (3, 3) and, if it is
            known, ``T_world_camera`` (4, 4); or a colour image.
        depth: for a colour image: 16-bit PNG, millimetres.
        camera: for a colour image: YAML with ``K``, nine numbers by rows.

    Raises:
        UnihmError: INVALID_IMAGE for what cannot be read or lacks something; INVALID_DEPTH.
    """
    if depth is None and camera is None:
        arrays = read_arrays(path, ErrorCode.INVALID_IMAGE, only=_ARRAYS)
    elif depth is None or camera is None:
        raise UnihmError(
            ErrorCode.INVALID_IMAGE, "A colour image needs both its depth image and its camera."
        )
    else:
        values = read_yaml(camera).get("K", ())
        arrays = {
            "rgb": np.asarray(_image(path).convert("RGB")),
            "depth": np.asarray(_image(depth), np.float32) / 1000.0,
            "K": np.asarray(values, float),
        }
    missing = [name for name in _ARRAYS[:3] if name not in arrays]
    if missing:
        raise UnihmError(ErrorCode.INVALID_IMAGE, f"{path} has no {', '.join(missing)}.")
    if arrays["K"].size != 9:
        raise UnihmError(ErrorCode.INVALID_IMAGE, f"K of {camera or path} is not nine numbers.")
    return _observation(arrays), "T_world_camera" in arrays


def _image(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
            return image
    except (OSError, UnidentifiedImageError) as error:
        raise UnihmError(ErrorCode.INVALID_IMAGE, f"{path} cannot be read: {error}.") from error


def _observation(arrays: dict[str, np.ndarray[Any, Any]]) -> RgbdObservation:
    return RgbdObservation(
        rgb=arrays["rgb"],
        depth=np.nan_to_num(arrays["depth"].astype(np.float32)),
        K=arrays["K"].astype(float).reshape(3, 3),
        T_world_camera=arrays.get("T_world_camera", np.eye(4)).astype(float),
    )
