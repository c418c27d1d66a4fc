"""Reproduce figure B2: refinement against noisy clouds, error on the clean surface, by kernel.

Gaussian noise from 0 to 10 mm, outliers from 0 to 20 %, holes up to half of the cloud; draws the
four scenes of the figure and the error curves, and writes the numbers beside the picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--hand", default="xhand")
    parser.add_argument("--motions", type=count, default=6, help="grasps (default: 6)")
    parser.add_argument(
        "--trials", type=count, default=2, help="spoilt clouds per grasp and strength"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out/figure_b2.png"))


def run(args: argparse.Namespace) -> None:
    """Measure, draw and print."""
    from unihm.evaluation.noise import HOLES, NOISE, OUTLIERS, plot, sweep
    from unihm.evaluation.refine_cases import synthetic_cases
    from unihm.files import write_json
    from unihm.robots import load_hand

    hand = load_hand(args.hand)
    cases = list(synthetic_cases(hand, args.motions, args.seed))
    figures = sweep(hand, cases, args.trials, args.seed)
    plot(args.out, hand, cases[0], figures, args.seed)
    numbers = {"noise_m": NOISE, "outliers": OUTLIERS, "holes": HOLES, "error_mm": figures}
    write_json(args.out.with_suffix(".json"), numbers)
    for kind, strengths in (("noise", NOISE), ("outliers", OUTLIERS), ("holes", HOLES)):
        print(f"{kind:24}" + "".join(f"{s:8.3g}" for s in strengths))
        for kernel, errors in figures[kind].items():
            print(f"  {kernel:14}error mm" + "".join(f"{e:8.2f}" for e in errors))
    print(args.out)
