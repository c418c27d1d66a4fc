"""Where the camera is: hand-eye calibration from a board or from pairs of poses, and its check.

Two set-ups, one equation. Robot poses A_i = T_world_gripper and board poses B_i = T_camera_board:

- camera fixed, board on the gripper:  A_i P = Q B_i,       P = T_gripper_board, Q = T_world_camera;
- camera on the gripper, board fixed:  A_i P = Q B_i^-1,    P = T_gripper_camera, Q = T_world_board.

Rotations start from the linear solution (the smallest singular vector of the stacked Kronecker
products), translations from linear least squares; then both are refined together, robustly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera import project
from unihm.transforms import apply, invert, is_rigid, make_transform
from unihm.types import FloatArray

FEWEST = 4  # pairs of poses
MIN_TURN = np.deg2rad(8.0)  # about two axes, that the poses must differ by
ROTATION_SCALE = 0.15  # m: one radian counts as this many metres in the refinement
MOST_MILLIMETRES, MOST_DEGREES = 12.0, 2.0  # medians beyond which views do not fit a camera
DRIFT_ERRORS = 3.0  # standard errors that the trend must exceed to be called drift
DRIFT_PIXELS = 0.5  # and this many pixels over the series,
DRIFT_METRES = 0.001  # or this many metres


@dataclass(frozen=True)
class Board:
    """A ChArUco board: a chessboard whose white squares carry markers.

    Attributes:
        columns, rows: squares.
        square, marker: metres, sides of a square and of a marker.
        dictionary: of OpenCV.
        legacy: laid out as by OpenCV before 4.6 (an even number of rows begins with a marker).
    """

    columns: int = 7
    rows: int = 5
    square: float = 0.03
    marker: float = 0.022
    dictionary: str = "DICT_5X5_100"
    legacy: bool = False

    def __post_init__(self) -> None:
        if min(self.columns, self.rows) < 3 or not 0 < self.marker < self.square:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                "A board has 3 squares or more each way, and markers smaller than its squares.",
            )

    def picture(self, pixels_per_metre: float = 4000.0) -> NDArray[np.uint8]:
        """(H, W) uint8 to print at its true size (4000 pixels per metre are about 100 dpi)."""
        size = (
            round(self.columns * self.square * pixels_per_metre),
            round(self.rows * self.square * pixels_per_metre),
        )
        return np.asarray(self._opencv().generateImage(size))

    def corners(self) -> FloatArray:
        """(N, 3) metres: the inner corners in the board's frame, by their number."""
        return np.asarray(self._opencv().getChessboardCorners(), float)

    def find(self, rgb: NDArray[np.uint8]) -> tuple[FloatArray, NDArray[np.int64]]:
        """Corners (M, 2) pixels that an image (H, W, 3) or (H, W) shows, and their numbers (M,).

        Raises:
            UnihmError: LOW_CONFIDENCE for fewer than six.
        """
        cv2 = _cv2()
        grey = rgb if rgb.ndim == 2 else cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        found = cv2.aruco.CharucoDetector(self._opencv()).detectBoard(grey)
        if found[0] is None or len(found[0]) < 6:
            count = 0 if found[0] is None else len(found[0])
            raise UnihmError(
                ErrorCode.LOW_CONFIDENCE,
                f"{count} of the board's corners are seen; at least 6 are needed. Is it the right "
                "board, sharp and wholly lit?",
            )
        return found[0].reshape(-1, 2).astype(float), found[1].ravel().astype(np.int64)

    def _opencv(self):  # type: ignore[no-untyped-def]
        cv2 = _cv2()
        known = sorted(name for name in vars(cv2.aruco) if name.startswith("DICT_"))
        if self.dictionary not in known:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"There is no dictionary '{self.dictionary}'; there are {', '.join(known)}.",
            )
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, self.dictionary))
        needed = self.columns * self.rows // 2
        if needed > len(dictionary.bytesList):
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"{self.dictionary} has {len(dictionary.bytesList)} markers; a board of "
                f"{self.columns}x{self.rows} squares needs {needed}.",
            )
        board = cv2.aruco.CharucoBoard(
            (self.columns, self.rows), self.square, self.marker, dictionary
        )
        board.setLegacyPattern(self.legacy)
        return board


def _cv2():  # type: ignore[no-untyped-def]
    try:
        import cv2
    except ImportError as error:
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY, "Boards need OpenCV: pip install opencv-python."
        ) from error
    return cv2


@dataclass(frozen=True)
class BoardView:
    """One look at the board.

    Attributes:
        T_world_gripper: (4, 4) where the robot was.
        T_camera_board: (4, 4) where the board was seen.
        corners: (M, 2) pixels, without distortion; None where only poses are known.
        points: (M, 3) metres, the same corners on the board.
    """

    T_world_gripper: FloatArray
    T_camera_board: FloatArray
    corners: FloatArray | None = None
    points: FloatArray | None = None


@dataclass(frozen=True)
class Calibration:
    """Result.

    Attributes:
        T_world_camera: (4, 4) of a fixed camera; None of one on the gripper.
        T_gripper_camera: (4, 4) of a camera on the gripper; None of a fixed one.
        T_other: (4, 4) the board on the gripper, or the board in the world.
    """

    T_other: FloatArray
    T_world_camera: FloatArray | None = None
    T_gripper_camera: FloatArray | None = None

    def camera_of(self, view: BoardView) -> FloatArray:
        """T_world_camera (4, 4) while ``view`` was taken."""
        if self.T_world_camera is not None:
            return self.T_world_camera
        assert self.T_gripper_camera is not None
        return view.T_world_gripper @ self.T_gripper_camera

    def board_of(self, view: BoardView) -> FloatArray:
        """T_world_board (4, 4) while ``view`` was taken, as the robot has it."""
        if self.T_world_camera is not None:
            return view.T_world_gripper @ self.T_other
        return self.T_other


@dataclass(frozen=True)
class Check:
    """How well a calibration explains views, in the order in which they were taken.

    Attributes:
        pixels: (N,) root mean square distance of the corners; NaN without corners.
        millimetres, degrees: (N,) between the board as the robot has it and as it was seen.
        drift: metres that the board's place seems to have moved from the first to the last view.
        drift_pixels: the same in the image; NaN without corners.
        drifts: True where that is more than chance.
        fault: why the calibration does not explain the views at all; empty where it does.
    """

    pixels: FloatArray
    millimetres: FloatArray
    degrees: FloatArray
    drift: float
    drift_pixels: float
    drifts: bool
    fault: str = ""

    @property
    def sentence(self) -> str:
        """For people."""
        size = f"{1e3 * self.drift:.1f} mm"
        if np.isfinite(self.drift_pixels):
            size += f" ({self.drift_pixels:.2f} px)"
        if self.drifts:
            return f"It drifts: {size} from the first view to the last. Calibrate again."
        if self.fault:
            return self.fault
        return f"No drift: the trend over the views is {size}, within their scatter."


def see_board(
    rgb: NDArray[np.uint8],
    K: FloatArray,
    distortion: FloatArray,
    board: Board,
    fisheye: bool = False,
) -> BoardView:
    """Find the board in one image; the robot's pose is left at the identity.

    Args:
        rgb: (H, W, 3) uint8, or (H, W) grey.
        K: (3, 3) pixels.
        distortion: as of OpenCV's pinhole model; empty for a rectified image.
        board: what is looked for.
        fisheye: the four numbers of ``distortion`` are of the equidistant model.

    Raises:
        UnihmError: LOW_CONFIDENCE where the board is not seen; MISSING_DEPENDENCY.
    """
    cv2 = _cv2()
    seen, numbers = board.find(rgb)
    points = board.corners()[numbers]
    if fisheye:
        seen = cv2.fisheye.undistortPoints(seen[:, None], K, distortion[:4], P=K)[:, 0]
    elif distortion.size:
        seen = cv2.undistortPoints(seen[:, None], K, distortion, P=K)[:, 0]
    good, rotation, translation = cv2.solvePnP(points, seen, K, None)
    if not good:
        raise UnihmError(ErrorCode.LOW_CONFIDENCE, "The board's pose cannot be found.")
    T = make_transform(Rotation.from_rotvec(rotation.ravel()).as_matrix(), translation.ravel())
    return BoardView(np.eye(4), T, seen, points)


def calibrate(views: Sequence[BoardView], on_gripper: bool = False) -> Calibration:
    """Find the camera.

    Args:
        views: the robot's and the board's poses.
        on_gripper: the camera moves with the gripper; otherwise it stands, and the board moves.

    Raises:
        UnihmError: INVALID_TRANSFORM for poses that are not rigid, that are too few or too
            alike to determine the camera, or that no camera explains.
    """
    if len(views) < FEWEST:
        raise _invalid(f"{len(views)} views are not enough; take {FEWEST} or more, better 15")
    A = np.stack([v.T_world_gripper for v in views])
    B = np.stack([v.T_camera_board for v in views])
    if not (is_rigid(A) and is_rigid(B)):
        raise _invalid("A pose is not a rotation and a translation")
    C = invert(B) if on_gripper else B
    _check_motion(A)
    P, Q = _refine(A, C, *_start(A, C))
    found = (
        Calibration(T_other=Q, T_gripper_camera=P)
        if on_gripper
        else Calibration(T_other=P, T_world_camera=Q)
    )
    fault = check(views, found, np.eye(3)).fault
    if fault:
        raise UnihmError(ErrorCode.INVALID_TRANSFORM, fault)
    return found


def check(views: Sequence[BoardView], calibration: Calibration, K: FloatArray) -> Check:
    """Compare what is seen with what the robot says, view by view, and look for a trend.

    A camera that was touched, or a mount that works loose, moves the residuals one way over time;
    noise does not.

    Args:
        views: in the order in which they were taken.
        calibration: what is checked.
        K: (3, 3) pixels.
    """
    pixels, offsets, degrees, shifts = [], [], [], []
    for view in views:
        expected = invert(calibration.camera_of(view)) @ calibration.board_of(view)
        difference = invert(expected) @ view.T_camera_board
        offsets.append(view.T_camera_board[:3, 3] - expected[:3, 3])
        degrees.append(np.rad2deg(Rotation.from_matrix(difference[:3, :3]).magnitude()))
        if view.corners is not None and view.points is not None:
            error = view.corners - project(apply(expected, view.points), K)
            pixels.append(float(np.sqrt((error**2).sum(axis=1).mean())))
            shifts.append(error.mean(axis=0))
    moved, significant = _trend(np.array(offsets))
    drifts = significant and float(np.linalg.norm(moved)) > DRIFT_METRES
    drift_pixels = float("nan")
    if shifts:
        in_image, significant = _trend(np.array(shifts))
        drift_pixels = float(np.linalg.norm(in_image))
        drifts = drifts or (significant and drift_pixels > DRIFT_PIXELS)
    millimetres = 1e3 * np.linalg.norm(offsets, axis=1)
    return Check(
        pixels=np.array(pixels) if pixels else np.full(len(views), np.nan),
        millimetres=millimetres,
        degrees=np.array(degrees),
        drift=float(np.linalg.norm(moved)),
        drift_pixels=drift_pixels,
        drifts=drifts,
        fault=_misfit(float(np.median(millimetres)), float(np.median(degrees))),
    )


def _misfit(millimetres: float, degrees: float) -> str:
    """What to say of median residuals that no noise explains; nothing of others."""
    if millimetres <= MOST_MILLIMETRES and degrees <= MOST_DEGREES:
        return ""
    return (
        f"The views do not fit each other: the board is seen {millimetres:.0f} mm and "
        f"{degrees:.1f} degrees (medians) from where the robot has it. Are the positions in "
        "metres, the poses those of the flange in the world (and of the board in the camera), in "
        "the order of the images, --on-gripper as it is mounted, and the intrinsics those of "
        "these images?"
    )


def _trend(values: FloatArray) -> tuple[FloatArray, bool]:
    """Change (D,) of a straight line through (N, D) from first to last; whether it is no chance."""
    count = len(values)
    if count < FEWEST:
        return np.zeros(values.shape[1]), False
    time = np.linspace(-0.5, 0.5, count)
    slope = time @ values / (time @ time)
    rest = values - values.mean(axis=0) - time[:, None] * slope
    error = np.sqrt((rest**2).sum(axis=0) / max(count - 2, 1) / (time @ time))
    return slope, bool((np.abs(slope) > DRIFT_ERRORS * np.maximum(error, 1e-12)).any())


def _check_motion(A: FloatArray) -> None:
    """The gripper must have turned about two axes, or part of the answer is anybody's guess."""
    turns = (
        Rotation.from_matrix(A[0, :3, :3]).inv() * Rotation.from_matrix(A[:, :3, :3])
    ).as_rotvec()
    spread = np.linalg.svd(turns - turns.mean(axis=0), compute_uv=False) / np.sqrt(len(A))
    if spread[1] < MIN_TURN:
        raise _invalid(
            "The robot's poses turn about one axis only, or hardly at all: tilt the gripper by "
            "20 degrees or more about two axes between the views"
        )


def _start(A: FloatArray, C: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Linear solution of A_i P = Q C_i."""
    rows = [
        np.concatenate([np.kron(a[:3, :3], np.eye(3)), -np.kron(np.eye(3), c[:3, :3].T)], axis=1)
        for a, c in zip(A, C)
    ]
    # Row-major: vec(R_a R_p) = (R_a x 1) vec(R_p), vec(R_q R_c) = (1 x R_c^T) vec(R_q).
    vector = np.linalg.svd(np.concatenate(rows))[2][-1]
    first = vector[:9].reshape(3, 3)
    sign = np.sign(np.linalg.det(first)) or 1.0
    R_P, R_Q = (_nearest_rotation(sign * part.reshape(3, 3)) for part in (vector[:9], vector[9:]))
    # R_a t_p + t_a = R_q t_c + t_q
    left = np.concatenate([np.concatenate([a[:3, :3], -np.eye(3)], axis=1) for a in A])
    right = np.concatenate([R_Q @ c[:3, 3] - a[:3, 3] for a, c in zip(A, C)])
    t = np.linalg.lstsq(left, right, rcond=None)[0]
    return make_transform(R_P, t[:3]), make_transform(R_Q, t[3:])


def _refine(
    A: FloatArray, C: FloatArray, P: FloatArray, Q: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Least squares over both transforms; a few bad views pull little."""

    def unpack(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        turn = Rotation.from_rotvec(x.reshape(2, 6)[:, :3]).as_matrix()
        step = make_transform(turn, x.reshape(2, 6)[:, 3:])
        return P @ step[0], Q @ step[1]

    def residuals(x: FloatArray) -> FloatArray:
        p, q = unpack(x)
        difference = invert(A @ p) @ (q @ C)
        turn = Rotation.from_matrix(difference[:, :3, :3]).as_rotvec()
        return np.concatenate([ROTATION_SCALE * turn.ravel(), difference[:, :3, 3].ravel()])

    result = least_squares(residuals, np.zeros(12), loss="soft_l1", f_scale=0.004)
    return unpack(result.x)


def _nearest_rotation(matrix: FloatArray) -> FloatArray:
    u, _, vt = np.linalg.svd(matrix)
    return u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt


def _invalid(sentence: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_TRANSFORM, f"{sentence}.")
