"""Send a million hostile set-points through the safety gate: is anything illegal sent?

Every hand and the arm, at 10 to 1,000 Hz: jumps, steps to the limits and far beyond, noise,
oscillation, values that are no numbers, and stops at any moment. What is sent is judged by its own
differences. The time of a command stands beside a cycle of Ruckig for as many joints.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "--setpoints", type=count, default=1_000_000, help="in all (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")


def run(args: argparse.Namespace) -> int:
    """Print a line a robot and rate; the exit status is 1 where anything illegal was sent."""
    from tqdm import tqdm

    from unihm.evaluation.gate import RATES, measure_gate, robots, ruckig_microseconds
    from unihm.files import write_json

    cases = [(name, limits, rate) for name, limits in robots() for rate in RATES]
    each = max(1, -(-args.setpoints // len(cases)))
    rows = [
        measure_gate(name, limits, rate, each, args.seed + number)
        for number, (name, limits, rate) in enumerate(tqdm(cases, unit="robot"))
    ]
    baselines = [ruckig_microseconds(limits, rate) for _, limits, rate in cases]
    print(f"{'robot':<16}{'Hz':>6}{'sent':>8}{'illegal':>9}{'stop':>7}{'us':>8}{'Ruckig':>8}")
    for row, baseline in zip(rows, baselines):
        print(
            f"{row.robot:<16}{row.rate:>6.0f}{row.setpoints:>8}{row.illegal:>9}"
            f"{row.stop_ratio:>7.2f}{row.microseconds:>8.1f}{baseline:>8.1f}"
        )
    figures = {
        "setpoints": sum(row.setpoints for row in rows),
        "illegal": sum(row.illegal for row in rows),
        "microseconds": max(row.microseconds for row in rows),
        "stop_ratio": max(row.stop_ratio for row in rows),
        "robots": [
            {**dataclasses.asdict(row), "baseline_microseconds": baseline}
            for row, baseline in zip(rows, baselines)
        ],
    }
    print(
        f"{figures['illegal']} of {figures['setpoints']} illegal; the slowest command takes "
        f"{figures['microseconds']:.0f} us on the average; stops at most "
        f"{figures['stop_ratio']:.2f} times the shortest."
    )
    if args.json:
        write_json(args.json, figures)
        print(f"Written to {args.json}.")
    return 1 if figures["illegal"] else 0
