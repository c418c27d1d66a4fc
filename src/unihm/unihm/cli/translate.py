"""Put a motion of one hand on another hand through the shared codes (equation 6)."""

from __future__ import annotations

import argparse
from pathlib import Path

COMMAND = "translate"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("motion", type=Path, help="an episode (.npz) with a motion of --from")
    parser.add_argument("--from", dest="source", default="human", help="hand to read")
    parser.add_argument("--to", required=True, help="hand to write")
    parser.add_argument("--preset", default="tiny", help="whose tokenizer (default: tiny)")
    parser.add_argument("--out", type=Path, default=Path("out/translate"), help="folder")


def run(args: argparse.Namespace) -> None:
    """Write the episode again with the translated motion added to it."""
    import dataclasses

    from unihm.data.episode import Episode
    from unihm.errors import ErrorCode, UnihmError
    from unihm.tokenizer import Tokenizer

    episode = Episode.load(args.motion)
    if args.source not in episode.motions:
        raise UnihmError(
            ErrorCode.INVALID_MOTION,
            f"{args.motion} has no motion of '{args.source}', only of "
            f"{', '.join(episode.motions) or 'none'}.",
        )
    motion = Tokenizer.load(args.preset).translate(episode.motions[args.source], args.to)
    episode = dataclasses.replace(episode, motions={**episode.motions, args.to: motion})
    path = episode.save(args.out)
    print(f"Wrote {path}: {args.source} -> {args.to}, {len(motion)} frames.")
