"""Give hostile files to every reader, and hostile messages to every node: does one crash or hang?

Valid files with bytes, numbers and arrays changed: URDF, xacro, hands, arms, scenes, presets,
meshes, clouds, keypoints, motions, episodes, calibrations, weights, pickles. Messages of any
content for every subscription of the nodes that act on what they hear. The same inputs every time.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--inputs", type=count, default=17_000, help="files in all (default: %(default)s)"
    )
    parser.add_argument(
        "--messages", type=count, default=11_000, help="in all (default: %(default)s)"
    )
    parser.add_argument("--domain", type=int, default=101, help="DDS domain (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")


def run(args: argparse.Namespace) -> int:
    """Print a line a reader; the exit status is 1 where one does not stand it."""
    import dataclasses

    from tqdm import tqdm

    from unihm.evaluation.fuzz import LARGEST, LONGEST, fuzz_all
    from unihm.files import write_json
    from unihm.ros.fuzz import fuzz_nodes

    with tqdm(total=args.inputs + args.messages, unit="input") as bar:
        outcomes = fuzz_all(args.inputs, bar.update)
        outcomes += fuzz_nodes(args.messages, bar.update, args.domain)
    print(f"{'reader':<22}{'inputs':>9}{'refused':>9}{'crashes':>9}{'slowest s':>11}{'peak MB':>9}")
    for outcome in outcomes:
        print(
            f"{outcome.reader:<22}{outcome.inputs:>9}{outcome.refused:>9}"
            f"{len(outcome.crashes):>9}{outcome.slowest:>11.2f}{outcome.peak_mb:>9.0f}"
        )
    for outcome in outcomes:
        for number, what in outcome.crashes[:5]:
            print(f"{outcome.reader}, input {number}: {what}")
    figures = {
        "inputs": sum(outcome.inputs for outcome in outcomes),
        "crashes": sum(len(outcome.crashes) for outcome in outcomes),
        "slowest_s": max(outcome.slowest for outcome in outcomes),
        "peak_mb": max(outcome.peak_mb for outcome in outcomes),
        "readers": [dataclasses.asdict(outcome) for outcome in outcomes],
    }
    print(
        f"{figures['crashes']} of {figures['inputs']} inputs crash a reader; the slowest takes "
        f"{figures['slowest_s']:.2f} s, the largest process {figures['peak_mb']:.0f} MB."
    )
    if args.json:
        write_json(args.json, figures)
        print(f"Written to {args.json}.")
    stands = all(o.slowest <= LONGEST and 1e6 * o.peak_mb <= LARGEST for o in outcomes)
    return 0 if stands and not figures["crashes"] else 1
