"""Measure perception on real frames and on rendered scenes, beside the geometric baseline.

`--frames` takes a folder of labelled RGB-D frames (.npz with rgb, depth in metres, K, labels):
one click at each object's centre, then corrections where the mask is most wrong. Rendered scenes
give the right object for a sentence, the place, and the completed shape; `--meshes` takes them
from a folder of meshes instead of procedural shapes. `--instructions` takes sentences for the
frames, with the object that each means: is the right one taken, a wrong one, or none?
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count_or_none


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--frames", type=Path, help="folder of labelled frames")
    parser.add_argument(
        "--instructions", type=Path, help="YAML: frame, sentence and what it means, for --frames"
    )
    parser.add_argument(
        "--reliability", type=Path, help="picture to write: right choices over their confidence"
    )
    parser.add_argument(
        "--scenes", type=count_or_none, default=50, help="rendered scenes (default: 50; 0: none)"
    )
    parser.add_argument("--meshes", type=Path, help="folder of meshes for the rendered scenes")
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument("--seed", type=int, default=0, help="of the scenes (default: 0)")
    parser.add_argument("--json", type=Path, help="write the figures here")


def run(args: argparse.Namespace) -> None:
    """Measure and print."""
    from unihm.evaluation.perception.report import measure, print_table
    from unihm.files import write_json

    figures = measure(
        args.frames,
        args.scenes,
        args.meshes,
        args.preset,
        args.seed,
        args.instructions,
        args.reliability,
    )
    print_table(figures)
    if args.json:
        write_json(args.json, figures)
