"""Retarget the person in every episode of a folder to one more hand.

The episodes are changed in place; `unihm train tokenizer --add HAND` then learns the hand. All
cores work; interrupt it and run the same command again to go on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("episodes", type=Path, help="folder of episodes")
    parser.add_argument("--hand", required=True, help="name of a hand, or its file")
    parser.add_argument("--workers", type=count, help="processes (default: one per core)")


def run(args: argparse.Namespace) -> None:
    """Retarget, with a progress bar."""
    from tqdm import tqdm

    from unihm.errors import ErrorCode, UnihmError
    from unihm.learning.synthesis.adoption import adopt_folder
    from unihm.robots import load_hand

    hand = load_hand(args.hand)
    paths = sorted(args.episodes.rglob("*.npz"))
    if not paths:
        raise UnihmError(ErrorCode.INVALID_EPISODE, f"There are no episodes in {args.episodes}.")
    changed = sum(
        tqdm(adopt_folder(paths, args.hand, args.workers), total=len(paths), unit="episode")
    )
    print(f"{changed} episodes got a motion of {hand.name}, {len(paths) - changed} had one.")
