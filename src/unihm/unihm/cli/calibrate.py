"""Find where the camera is, from views of a board or from pairs of poses, or check it for drift.

1. `unihm calibrate --print-board board.png`; print it at its true size, glue it to something flat.
2. Fixed camera: fasten the board to the gripper. Camera on the gripper (`--on-gripper`): lay the
   board on the table. Move the robot to 15 poses that tilt the gripper about two axes; at each,
   save an image (in the order of their names) and a line of the robot's pose.
3. `unihm calibrate --images DIR --poses robot.csv --intrinsics camera.yaml --out calibration.yaml`.
4. Any time later, with new images: `unihm calibrate --check calibration.yaml --images ...`.

Poses are CSV lines `x,y,z,qx,qy,qz,qw` (metres, world to flange). `--markers FILE` takes the
board's or a marker's poses in the camera frame, in the same form, instead of images. Intrinsics are
ROS's camera_calibration YAML.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--images", type=Path, help="folder of images of the board (png, jpg)")
    parser.add_argument("--markers", type=Path, help="CSV of marker poses in the camera frame")
    parser.add_argument("--poses", type=Path, help="CSV of the robot's flange in the world")
    parser.add_argument("--intrinsics", type=Path, help="camera_calibration YAML of the camera")
    parser.add_argument("--on-gripper", action="store_true", help="the camera moves with the hand")
    parser.add_argument("--board", default="7x5", help="squares of the board (default: 7x5)")
    parser.add_argument("--square", type=float, default=0.03, help="metres (default: 0.03)")
    parser.add_argument("--marker", type=float, default=0.022, help="metres (default: 0.022)")
    parser.add_argument(
        "--dictionary", default="DICT_5X5_100", help="OpenCV's, of the markers (%(default)s)"
    )
    parser.add_argument(
        "--legacy-board", action="store_true", help="a board as drawn by OpenCV before 4.6"
    )
    parser.add_argument("--print-board", type=Path, metavar="PNG", help="draw the board and stop")
    parser.add_argument("--check", type=Path, help="check this result instead of making one")
    parser.add_argument("--out", type=Path, default=Path("calibration.yaml"), help="the result")


def run(args: argparse.Namespace) -> int:
    """Calibrate or check; the exit status is 2 where the camera drifts or does not fit."""
    from unihm.errors import ErrorCode, UnihmError
    from unihm.perception.camera.calibration import Board, calibrate, check
    from unihm.perception.camera.calibration_files import (
        print_check,
        read_calibration,
        read_intrinsics,
        read_views,
        write_board,
        write_calibration,
    )

    columns, _, rows = args.board.partition("x")
    if not (columns.isdecimal() and rows.isdecimal()):
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"--board is COLUMNSxROWS, as 7x5, not '{args.board}'."
        )
    board = Board(
        int(columns), int(rows), args.square, args.marker, args.dictionary, args.legacy_board
    )
    if args.print_board:
        write_board(args.print_board, board)
        return 0
    lens = read_intrinsics(args.intrinsics)
    views = read_views(args.poses, args.images, args.markers, lens, board)
    if args.check:
        calibration = read_calibration(args.check)
    else:
        calibration = calibrate(views, args.on_gripper)
    report = check(views, calibration, lens.K)
    print_check(report)
    if not args.check:
        write_calibration(args.out, calibration, report)
        print(f"Written to {args.out}; its camera_pose is a parameter of the capture node.")
    return 2 if report.drifts or report.fault else 0
