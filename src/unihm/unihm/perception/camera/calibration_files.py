"""Files of `unihm calibrate`: poses as CSV, intrinsics and results as YAML, boards as pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import yaml

from unihm.config import read_yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera.calibration import Board, BoardView, Calibration, Check, see_board
from unihm.transforms import from_pose7, is_rigid, to_pose7
from unihm.types import FloatArray

IMAGES = (".png", ".jpg", ".jpeg", ".bmp")
DOTS_PER_METRE = 11811  # 300 dpi


def write_board(path: Path, board: Board) -> None:
    """A picture that prints at 300 dots per inch in its true size."""
    iio.imwrite(path, board.picture(DOTS_PER_METRE))
    width, height = board.columns * board.square, board.rows * board.square
    print(f"{path}: print at 300 dpi, {1e3 * width:.0f} x {1e3 * height:.0f} mm; measure it.")


def read_poses(path: Path) -> FloatArray:
    """(N, 4, 4) from lines ``x,y,z,qx,qy,qz,qw``; a line of names at the top is passed over.

    Raises:
        UnihmError: INVALID_TRANSFORM for anything else, with the line's number.
    """
    if not path.is_file():
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} does not exist.")
    poses = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        fields = [field.strip() for field in line.split(",")]
        if not line.strip() or (number == 1 and not _is_number(fields[0])):
            continue
        values = np.array([float(f) if _is_number(f) else np.nan for f in fields])
        bad = len(values) != 7 or not np.isfinite(values).all()
        if bad or abs(np.linalg.norm(values[3:]) - 1.0) > 0.02:
            raise UnihmError(
                ErrorCode.INVALID_TRANSFORM,
                f"{path}, line {number}: not x,y,z and a unit quaternion qx,qy,qz,qw.",
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


def read_intrinsics(path: Path | None) -> tuple[FloatArray, FloatArray]:
    """K (3, 3) and distortion (D,) of a camera_calibration YAML.

    Raises:
        UnihmError: CAMERA_INFO_MISMATCH.
    """
    if path is None:
        raise UnihmError(ErrorCode.CAMERA_INFO_MISMATCH, "Give the camera's --intrinsics.")
    values = read_yaml(path)
    try:
        K = np.array(values["camera_matrix"]["data"], float).reshape(3, 3)
        distortion = np.array(values.get("distortion_coefficients", {}).get("data", []), float)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnihmError(
            ErrorCode.CAMERA_INFO_MISMATCH, f"{path} holds no camera_matrix of nine numbers."
        ) from error
    if not np.isfinite(K).all() or min(K[0, 0], K[1, 1]) <= 0:
        raise UnihmError(ErrorCode.CAMERA_INFO_MISMATCH, f"{path}: that is no pinhole camera.")
    return K, distortion


def read_views(
    poses: Path | None,
    images: Path | None,
    markers: Path | None,
    K: FloatArray,
    distortion: FloatArray,
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
    paths = sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGES)
    _same_number(len(robot), len(paths))
    views = []
    for path, T in zip(paths, robot):
        try:
            view = see_board(np.asarray(iio.imread(path))[..., :3], K, distortion, board)
        except UnihmError as error:
            if error.code != ErrorCode.LOW_CONFIDENCE:
                raise
            print(f"{path.name}: passed over. {error.message}")
            continue
        views.append(replace(view, T_world_gripper=T))
    return views


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
    path.write_text(yaml.safe_dump(values, sort_keys=False))


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
    except (KeyError, TypeError, ValueError) as error:
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
