"""Convert a data set such as DexYCB or OakInk to episodes, retargeted to the hands that are named.

The folder is the data set as it is unpacked. An interrupted run goes on where it stopped. Of a
recording of the graph (`unihm data convert bag out/bags/mugs --out out/episodes`) the tasks that
did not fail become an episode each, with the hand that did them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("source", help="dexycb, oakink, a reader of your own, or bag")
    parser.add_argument("root", type=Path, help="its folder")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    parser.add_argument("--hands", nargs="+", default=["human"], help="right hands (default human)")
    parser.add_argument("--dt", type=float, default=0.1, help="seconds between frames")
    parser.add_argument(
        "--workers", type=count, default=None, help="processes (default: all cores)"
    )


def run(args: argparse.Namespace) -> int:
    """Convert, then say what could not be."""
    if args.source == "bag":
        return _convert_bag(args.root, args.out)
    from unihm.learning.datasets.conversion import convert

    summary = convert(args.source, args.root, args.out, args.hands, args.dt, args.workers)
    for name, reason in summary["failed"].items():
        print(f"{name}: {reason}")
    print(
        f"{summary['episodes']} episodes in {args.out}, {summary['kept']} of the sequences were "
        f"done before, {len(summary['failed'])} failed."
    )
    return 0 if summary["episodes"] else 1


def _convert_bag(bag: Path, out: Path) -> int:
    from unihm.learning.datasets.bag import installed_types
    from unihm.learning.datasets.recorded_tasks import read_tasks, to_episodes

    tasks, notes = read_tasks(bag, installed_types())
    for note in notes:
        print(f"{bag}: {note}")
    episodes = to_episodes(tasks)
    for episode in episodes:
        episode.save(out)
    print(f"{len(episodes)} episodes of {len(tasks)} tasks in {out}")
    return 0 if episodes else 1
