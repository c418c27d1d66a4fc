"""Measure the tokenizer on objects it was not trained on: Table B1, translation, codes, speed.

`--against FOLDER` measures further weights in the same run, such as those of the MLP backbone made
by `unihm train tokenizer --backbone mlp --weights FOLDER`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

COMMAND = "bench tokenizer"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="tiny", help="whose weights (default: tiny)")
    parser.add_argument(
        "--against", type=Path, nargs="*", default=[], help="folders of further weights"
    )
    parser.add_argument(
        "--episodes", type=Path, default=Path("out/synth"), help="folder of episodes"
    )
    parser.add_argument("--limit", type=int, default=200, help="episodes at most (default: 200)")
    parser.add_argument("--source", default="human", help="hand to translate from")
    parser.add_argument("--json", type=Path, help="write the figures here")


def run(args: argparse.Namespace) -> None:
    """Print the tables and write the figures."""
    import json

    from tqdm import tqdm

    from unihm.data.episode import load_dataset
    from unihm.evaluation.tokenizer import measure
    from unihm.paths import weights_dir
    from unihm.tokenizer import Tokenizer

    episodes = list(tqdm(load_dataset(args.episodes, "validation")[: args.limit], "episodes"))
    result = {}
    for folder in (weights_dir(args.preset), *args.against):
        tokenizer = Tokenizer.read(folder)
        figures = measure(tokenizer, episodes, args.source)
        result[str(folder.name)] = figures
        config = tokenizer.config
        print(
            f"\n{folder}: {config.backbone}, K {config.codebook_size}, {config.levels} codes per "
            f"{config.chunk} frames, {len(episodes)} episodes"
        )
        print(
            f"{'':16s}{'MAE rad':>9s}{'RMSE rad':>9s}{'wrist mm':>9s}{'deg':>7s}{'tip mm':>8s}",
            end="",
        )
        print(f"{'translated from ' + args.source + ', tip mm':>32s}")
        for hand, f in figures["hands"].items():
            moved = figures["translation_fingertip_mm"].get(hand)
            print(
                f"{hand:16s}{f['mae']:9.4f}{f['rmse']:9.4f}{f['wrist_mm']:9.2f}"
                f"{f['wrist_deg']:7.2f}{f['fingertip_mm']:8.2f}"
                f"{'' if moved is None else f'{moved:.2f}':>32s}"
            )
        print(f"{'overall':16s}{figures['mae']:9.4f}{figures['rmse']:9.4f}")
        print(f"codes used {figures['code_usage']:.0%}, perplexity {figures['perplexity']:.0f}")
        speed = figures["speed"]
        print(
            f"{speed['frames']} frames: encode {speed['encode_ms']:.2f} ms, "
            f"decode {speed['decode_ms']:.2f} ms, {speed['tokens_per_second']:.0f} tokens/s"
        )
        for row in figures["curve"]:
            print(
                f"  {row['codes']} codes: joints {row['mae_deg']:.2f} deg, "
                f"tips {row['fingertip_mm']:.2f} mm, wrist {row['wrist_mm']:.2f} mm"
            )
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        first = result[next(iter(result))]
        args.json.write_text(json.dumps({**first, "weights": result}, indent=1) + "\n")
        print(f"Wrote {args.json}.")
