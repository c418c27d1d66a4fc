"""Put a motion of one hand on another hand through the shared codes (equation 6).

The motion is one of an episode, or a motion file (unihm.learning.datasets.motion_file).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import port


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("motion", type=Path, help="a file (.npz) with a motion of --from")
    parser.add_argument("--from", dest="source", default="human", help="hand to read")
    parser.add_argument("--to", required=True, nargs="+", help="hands to write")
    parser.add_argument("--preset", default="tiny", help="whose tokenizer (default: tiny)")
    parser.add_argument("--codes", type=int, help="codes a chunk (default: all levels)")
    parser.add_argument("--out", type=Path, default=Path("out/translate"), help="folder")
    parser.add_argument(
        "--view", action="store_true", help="then show the hands side by side in the browser"
    )
    parser.add_argument("--port", type=port, default=8081, help="of that page (default 8081)")


def run(args: argparse.Namespace) -> None:
    """Write the translated motions: an episode again as an episode, with them added to it."""
    import dataclasses

    from unihm.learning.datasets.episode import Episode
    from unihm.learning.datasets.motion_file import holds_episode, read_motion, write_motion
    from unihm.tokenizer import Tokenizer

    tokenizer = Tokenizer.load(args.preset)
    motion = read_motion(args.motion, args.source)
    translated = {hand: tokenizer.translate(motion, hand, args.codes) for hand in args.to}
    if holds_episode(args.motion):
        episode = Episode.load(args.motion)
        motions = {**episode.motions, **translated}
        paths = [dataclasses.replace(episode, motions=motions).save(args.out)]
    else:
        paths = [args.out / f"{args.motion.stem}-{hand}.npz" for hand in args.to]
        for path, moved in zip(paths, translated.values()):
            write_motion(path, moved)
    print(
        f"Wrote {', '.join(map(str, paths))}: {args.source} -> {', '.join(args.to)}, "
        f"{len(motion)} frames."
    )
    if args.view:
        from unihm.visualization.hand_viewer import HandViewer

        page = HandViewer([motion, *translated.values()], args.port)
        print(f"Open {page.url} in a browser; Ctrl-C ends.")
        page.play()
