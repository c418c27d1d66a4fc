"""Make training episodes: random objects, human grasps, robot grasps that lift in physics.

For every object the human hand is solved first, then each robot hand at the same contacts; a
robot's grasp is kept where it lifts the object in simulation, also with the object displaced by
1 cm and 10 degrees. An interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--episodes", type=count, default=2000, help="how many to have in the end")
    parser.add_argument("--seed", type=int, default=0, help="series of objects (default 0)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--hands", nargs="+", default=None, help="hand files (default: human xhand inspire)"
    )
    parser.add_argument(
        "--workers", type=count, default=None, help="processes (default: all cores)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from unihm.learning.synthesis.episodes import DEFAULT_HANDS
    from unihm.learning.synthesis.production import SUMMARY, produce

    summary = produce(args.out, args.episodes, args.seed, args.hands or DEFAULT_HANDS, args.workers)
    print(
        f"{summary['episodes']} episodes of {summary['objects']} objects in {args.out}; "
        f"{summary['rejected_share']:.0%} of the objects left out."
    )
    for reason, times in sorted(summary["rejected"].items()):
        print(f"  {times} with {reason}")
    for hand, share in summary["lifted_under_1cm_10deg"].items():
        grasps = summary["grasps"][hand]
        print(f"  {hand}: {grasps} grasps, {share:.1%} of the displaced trials lift")
    print(f"Written to {args.out / SUMMARY}.")
    return 0
