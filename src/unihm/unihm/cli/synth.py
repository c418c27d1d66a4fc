"""Make training episodes, or many grasps: random objects, grasps that lift them in physics.

`episodes` (what is made where nothing is said): for every object the human hand is solved first,
then each robot hand at the same contacts; a robot's grasp is kept where it lifts the object in
simulation, also with the object displaced by 1 cm and 10 degrees.

`grasps`: of every object, with and without named parts, grasps of many kinds (from above, from the
side, at a part; with two, three, all fingers), kept where they lift it, hold it against pushes and
lift it displaced, and labelled with what was measured. Prints how many of each kind came through.

An interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("what", nargs="?", choices=("episodes", "grasps"), default="episodes")
    parser.add_argument("--episodes", type=count, default=2000, help="how many to have in the end")
    parser.add_argument(
        "--objects", type=count, default=200, help="of `grasps`: how many objects (default 200)"
    )
    parser.add_argument("--seed", type=int, default=0, help="series of objects (default 0)")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument(
        "--hands",
        nargs="+",
        default=None,
        help="hand files (default: human xhand inspire; of `grasps`: xhand inspire allegro)",
    )
    parser.add_argument(
        "--workers", type=count, default=None, help="processes (default: all cores)"
    )


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    if args.what == "grasps":
        return _grasps(args)
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


def _grasps(args: argparse.Namespace) -> int:
    """Make grasps and print the table of yields."""
    from unihm.learning.synthesis.grasp_sets import DEFAULT_HANDS, STEPS, SUMMARY, produce_grasps

    hands = args.hands or DEFAULT_HANDS
    summary = produce_grasps(args.out, args.objects, args.seed, hands, args.workers)
    print("".join(f"{step:>8}" for step in STEPS) + "  hand: part, from, with")
    for kind, row in summary["yields"].items():
        print("".join(f"{row[step]:8d}" for step in STEPS) + f"  {kind}")
    print(f"{summary['grasps']} grasps of {summary['objects']} objects in {args.out}.")
    print(f"Written to {args.out / SUMMARY}.")
    return 0
