"""Files of `unihm calibrate`: poses as CSV, intrinsics and results as YAML, boards as pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import yaml
from numpy.typing import NDArray

from unihm.config import read_yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.files import natural_order, read_bytes, write_text, writing
from unihm.perception.camera.calibration import Board, BoardView, Calibration, Check, see_board
from unihm.transforms import from_pose7, is_rigid, to_pose7
from unihm.types import FloatArray

IMAGES = (".png", ".jpg", ".jpeg", ".bmp")
FURTHEST = 20.0  # metres that a robot's flange or a board is away at most
FURTHEST_CENTRE = 0.2  # share of the image by which the optical axis is off its middle at most
DOTS_PER_METRE = 11811  # 300 dpi


def write_board(path: Path, board: Board) -> None:
    """A picture that prints at 300 dots per inch in its true size."""
    picture = iio.imwrite("<bytes>", board.picture(DOTS_PER_METRE), extension=".png")
    with writing(path) as file:
        file.write(picture)
    width, height = board.columns * board.square, board.rows * board.square
    print(f"{path}: print at 300 dpi, {1e3 * width:.0f} x {1e3 * height:.0f} mm; measure it.")


def read_poses(path: Path) -> FloatArray:
    """(N, 4, 4) from lines ``x,y,z,qx,qy,qz,qw``; a line of names at the top is passed over.

    Raises:
        UnihmError: INVALID_TRANSFORM for anything else, with the line's number.
    """
    text = read_bytes(path, ErrorCode.INVALID_TRANSFORM).decode("utf-8-sig", errors="replace")
    poses = []
    for number, line in enumerate(text.splitlines(), start=1):
        fields = re.split(r"\s*[,;\s]\s*", line.strip())
        if not line.strip() or (number == 1 and not _is_number(fields[0])):
            continue
        values = np.array([float(f) if _is_number(f) else np.nan for f in fields])
        bad = len(values) != 7 or not np.isfinite(values).all()
        if bad or abs(np.linalg.norm(values[3:]) - 1.0) > 0.02:
            raise UnihmError(
                ErrorCode.INVALID_TRANSFORM,
                f"{path}, line {number}: not x,y,z and a unit quaternion qx,qy,qz,qw.",
            )
        if np.abs(values[:3]).max() > FURTHEST:
            raise UnihmError(
                ErrorCode.INVALID_TRANSFORM,
                f"{path}, line {number}: {np.abs(values[:3]).max():g} m away; are the positions in "
                "millimetres?",
            )
        values[3:] /= np.linalg.norm(values[3:])
        poses.append(from_pose7(values))
    return np.array(poses).reshape(-1, 4, 4)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Lens:
    """What a camera_calibration YAML says.

    Attributes:
        K: (3, 3) pixels.
        distortion: (D,) of the model; empty where there is none.
        fisheye: the model is the equidistant one.
        size: width and height of the images that it is for; None where the file does not say.
    """

    K: FloatArray
    distortion: FloatArray
    fisheye: bool = False
    size: tuple[int, int] | None = None

    def check(self, shape: tuple[int, ...], name: str) -> None:
        """Raise CAMERA_INFO_MISMATCH for an image (H, W, ...) of another size."""
        height, width = shape[:2]
        size = self.size or (width, height)
        offset = np.abs(self.K[:2, 2] / size - 0.5)
        if size != (width, height) or offset.max() > FURTHEST_CENTRE:
            raise UnihmError(
                ErrorCode.CAMERA_INFO_MISMATCH,
                f"{name} has {width}x{height} pixels; the intrinsics are of images of "
                f"{2 * self.K[0, 2]:.0f}x{2 * self.K[1, 2]:.0f} or so.",
            )


def read_intrinsics(path: Path | None) -> Lens:
    """The lens of a camera_calibration YAML.

    Raises:
        UnihmError: CAMERA_INFO_MISMATCH.
    """
    if path is None:
        raise UnihmError(ErrorCode.CAMERA_INFO_MISMATCH, "Give the camera's --intrinsics.")
    values = read_yaml(path)
    try:
        K = np.array(values["camera_matrix"]["data"], float).reshape(3, 3)
        given = (values.get("distortion_coefficients") or {}).get("data", [])
        distortion = np.array(given, float).reshape(-1)
        model = str(values.get("distortion_model") or values.get("camera_model") or "plumb_bob")
        size = None
        if "image_width" in values and "image_height" in values:
            size = int(values["image_width"]), int(values["image_height"])
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UnihmError(
            ErrorCode.CAMERA_INFO_MISMATCH, f"{path} holds no camera_matrix of nine numbers."
        ) from error
    if not np.isfinite(K).all() or min(K[0, 0], K[1, 1]) <= 0:
        raise UnihmError(ErrorCode.CAMERA_INFO_MISMATCH, f"{path}: that is no pinhole camera.")
    models = {"plumb_bob": (0, 4, 5), "rational_polynomial": (0, 8), "equidistant": (4,)}
    if len(distortion) not in models.get(model, ()) or not np.isfinite(distortion).all():
        raise UnihmError(
            ErrorCode.CAMERA_INFO_MISMATCH,
            f"{path}: {len(distortion)} coefficients of the model '{model}'; there are "
            + ", ".join(f"{name} with {n[-1]}" for name, n in models.items())
            + ".",
        )
    return Lens(K, distortion, model == "equidistant", size)


def read_views(
    poses: Path | None,
    images: Path | None,
    markers: Path | None,
    lens: Lens,
    board: Board,
) -> list[BoardView]:
    """Robot poses with what was seen at each; images without the board are passed over, and told.

    Raises:
        UnihmError: INVALID_CONFIG where the numbers of poses and of views differ, or something is
            missing.
    """
    if poses is None or (images is None) == (markers is None):
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, "Give --poses, and either --images or --markers."
        )
    robot = read_poses(poses)
    if markers is not None:
        seen = [BoardView(np.eye(4), T) for T in read_poses(markers)]
        _same_number(len(robot), len(seen))
        return [replace(view, T_world_gripper=T) for view, T in zip(seen, robot)]
    assert images is not None
    if not images.is_dir():
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{images} is no folder of images.")
    found = (p for p in images.iterdir() if p.suffix.lower() in IMAGES)
    paths = sorted(found, key=natural_order)
    _same_number(len(robot), len(paths))
    views = []
    for path, T in zip(paths, robot):
        try:
            image = _read_image(path)
            lens.check(image.shape, path.name)
            view = see_board(image, lens.K, lens.distortion, board, lens.fisheye)
        except UnihmError as error:
            if error.code not in (ErrorCode.LOW_CONFIDENCE, ErrorCode.INVALID_IMAGE):
                raise
            print(f"{path.name}: passed over. {error.message}")
            continue
        views.append(replace(view, T_world_gripper=T))
    return views


def _read_image(path: Path) -> NDArray[np.uint8]:
    """(H, W, 3) or grey (H, W) uint8; raises INVALID_IMAGE."""
    data = read_bytes(path, ErrorCode.INVALID_IMAGE)
    try:
        image = np.asarray(iio.imread(data, extension=path.suffix.lower()))
    except Exception as error:  # every format has errors of its own
        reason = " ".join(str(error).split())
        raise UnihmError(
            ErrorCode.INVALID_IMAGE, f"{path} cannot be read as an image: {reason}."
        ) from error
    if image.dtype == np.uint16:
        image = (image >> 8).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] in (1, 2):  # grey, and grey with transparency
        image = image[..., 0]
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise UnihmError(
            ErrorCode.INVALID_IMAGE, f"{path} is {image.dtype} {image.shape}, no image of colours."
        )
    return np.ascontiguousarray(image if image.ndim == 2 else image[..., :3])


def _same_number(poses: int, views: int) -> None:
    if poses != views:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"There are {poses} robot poses and {views} views of them."
        )


def write_calibration(path: Path, calibration: Calibration, report: Check) -> None:
    """YAML with poses as x y z qx qy qz qw."""
    values: dict[str, object] = {}
    if calibration.T_world_camera is not None:
        values["camera_pose"] = _pose(calibration.T_world_camera)
        values["board_on_gripper"] = _pose(calibration.T_other)
    else:
        assert calibration.T_gripper_camera is not None
        values["camera_on_gripper"] = _pose(calibration.T_gripper_camera)
        values["board_pose"] = _pose(calibration.T_other)
    values["views"] = len(report.millimetres)
    values["median_mm"] = round(float(np.median(report.millimetres)), 3)
    values["median_degrees"] = round(float(np.median(report.degrees)), 4)
    if np.isfinite(report.pixels).any():
        values["median_pixels"] = round(float(np.median(report.pixels)), 3)
    write_text(path, yaml.safe_dump(values, sort_keys=False))


def read_calibration(path: Path) -> Calibration:
    """What :func:`write_calibration` wrote.

    Raises:
        UnihmError: INVALID_TRANSFORM.
    """
    values = read_yaml(path)
    try:
        if "camera_pose" in values:
            result = Calibration(
                T_other=from_pose7(values["board_on_gripper"]),
                T_world_camera=from_pose7(values["camera_pose"]),
            )
        else:
            result = Calibration(
                T_other=from_pose7(values["board_pose"]),
                T_gripper_camera=from_pose7(values["camera_on_gripper"]),
            )
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise UnihmError(
            ErrorCode.INVALID_TRANSFORM, f"{path} is no result of unihm calibrate."
        ) from error
    if not is_rigid(result.T_other):
        raise UnihmError(ErrorCode.INVALID_TRANSFORM, f"{path} holds a pose that is none.")
    return result


def print_check(report: Check) -> None:
    """One line per view, the medians, and whether it drifts."""
    print(f"{'view':>5s} {'pixels':>8s} {'mm':>8s} {'degrees':>8s}")
    rows = zip(report.pixels, report.millimetres, report.degrees)
    for number, (pixels, millimetres, degrees) in enumerate(rows, start=1):
        print(f"{number:5d} {pixels:8.2f} {millimetres:8.2f} {degrees:8.3f}")
    columns = (report.pixels, report.millimetres, report.degrees)
    pixels, millimetres, degrees = (float(np.median(column)) for column in columns)
    print(f"{'all':>5s} {pixels:8.2f} {millimetres:8.2f} {degrees:8.3f}  (medians)")
    print(report.sentence)


def _pose(T: FloatArray) -> list[float]:
    return [round(float(value), 7) for value in to_pose7(T)]
