"""Train CLIPort, the planner, on rendered tables, or fine-tune it on recorded episodes.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint.
Fine-tuning on your own scenes: `--episodes DIR --init tiny`; `--set cliport.depth=false` is the
variant that sees no depth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli.train._options import add_options, train_network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_options(parser, "cliport")
    parser.add_argument(
        "--episodes", type=Path, help="train on these recorded episodes (a folder of .npz)"
    )
    parser.add_argument("--init", metavar="PRESET", help="start from the weights of this preset")


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights and a table of the held-out figures."""
    from typing import Any

    from unihm.learning.training.cliport import train_planner
    from unihm.learning.training.cliport_episodes import load_tables
    from unihm.paths import weights_file
    from unihm.perception.planner.cliport import CliportConfig
    from unihm.weights import read_state

    def train(config: CliportConfig, work: Path) -> tuple[Any, dict[str, Any]]:
        samples = load_tables(args.episodes, config) if args.episodes else None
        start = read_state(weights_file(args.init, "cliport.safetensors")) if args.init else None
        return train_planner(config, work, samples, start)

    train_network(args, CliportConfig, train)
