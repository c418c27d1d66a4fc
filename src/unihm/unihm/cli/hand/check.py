"""Check a hand file: a sentence for each fault, and a picture of the hand.

Exit status 0 where nothing is wrong. docs/add_a_hand.md shows how to write the file.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "hand",
        metavar="FILE",
        help="hand file (.yaml), the name of a hand, or a URDF or xacro file",
    )
    parser.add_argument(
        "--picture", type=Path, help="where the picture goes (default: out/hands/NAME.png)"
    )


def run(args: argparse.Namespace) -> int:
    """Check, print, draw."""
    from unihm.robots.check import check_hand
    from unihm.visualization.hand_plot import draw_sheet

    report = check_hand(args.hand)
    for fault in report.faults:
        print(f"fault: {fault}")
    for remark in report.remarks:
        print(f"note:  {remark}")
    if report.hand is not None:
        hand = report.hand
        path = args.picture or Path("out/hands") / f"{hand.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        poses = (hand.open_joints, hand.pregrasp_joints, hand.closed_joints)
        draw_sheet(hand, list(zip(("open", "pregrasp", "closed"), poses))).save(path)
        print(f"note:  {path} shows it open, before a grasp and closed.")
    print("The hand is fine." if report.ok else f"{len(report.faults)} faults.")
    return 0 if report.ok else 1
