"""Measure the tokenizer on objects it was not trained on: Table B1, translation, codes, speed.

Angles are in radians, a gripper's sliding joint in metres; what is "overall" leaves the gripper out
of means of radians.

`--against FOLDER` measures further weights in the same run, such as those of the MLP backbone made
by `unihm train tokenizer --set tokenizer.backbone=mlp --weights FOLDER`.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="tiny", help="whose weights (default: tiny)")
    parser.add_argument(
        "--against", type=Path, nargs="*", default=[], help="folders of further weights"
    )
    parser.add_argument(
        "--episodes", type=Path, default=Path("out/synth"), help="folder of episodes"
    )
    parser.add_argument("--limit", type=count, default=200, help="episodes at most (default: 200)")
    parser.add_argument("--source", default="human", help="hand to translate from")
    parser.add_argument(
        "--keypoints",
        type=Path,
        nargs="*",
        default=[],
        help="npz files of recorded keypoints (T, 21, 3), measured apart",
    )
    parser.add_argument("--json", type=Path, help="write the figures here")


def run(args: argparse.Namespace) -> None:
    """Print the tables and write the figures."""
    from tqdm import tqdm

    from unihm.evaluation.recordings import read_recordings
    from unihm.evaluation.tokenizer import measure
    from unihm.files import write_json
    from unihm.learning.datasets.episode import load_dataset
    from unihm.learning.synthesis.adoption import adopt
    from unihm.paths import weights_file
    from unihm.tokenizer import Tokenizer

    own = weights_file(args.preset, "tokenizer.safetensors").parent
    folders = (own, *args.against)
    tokenizers = {folder: Tokenizer.read(folder) for folder in folders}
    hands = list(dict.fromkeys(hand for t in tokenizers.values() for hand in t.hands))
    episodes = list(tqdm(load_dataset(args.episodes, "validation")[: args.limit], "episodes"))
    for hand in set(hands) - {name for episode in episodes for name in episode.motions}:
        # As in training: a hand that no episode has is retargeted from the person's.
        episodes = [adopt(episode, hand) for episode in tqdm(episodes, hand, leave=False)]
    sets = {args.episodes.name: episodes}
    for path in args.keypoints:
        sets[path.stem] = read_recordings(path, hands, episodes)
    result = {}
    for folder, tokenizer in tokenizers.items():
        config = tokenizer.config
        print(
            f"\n{folder}: {config.backbone}, K {config.codebook_size}, {config.levels} codes per "
            f"{config.chunk} frames"
        )
        measured = {}
        for name, some in sets.items():
            measured[name] = measure(tokenizer, some, args.source)
            print(f"\n{name}, {len(some)} episodes")
            _print(measured[name], args.source)
        result[str(folder)] = {**measured.pop(args.episodes.name), "recordings": measured}
    if args.json:
        first = result[str(folders[0])]
        write_json(args.json, {**first, "weights": result})
        print(f"Wrote {args.json}.")


def _print(figures: dict[str, Any], source: str) -> None:
    print(
        f"{'':16s}{'1 code':>16s}{'all codes':>33s}{'translated from ' + source:>32s}\n"
        f"{'':16s}{'MAE':>8s}{'RMSE':>8s}{'MAE':>9s}{'RMSE':>8s}{'joint mm':>9s}{'wrist mm':>9s}"
        f"{'deg':>6s}{'joint RMSE':>17s}{'tip mm':>9s}"
    )
    first = figures["curve"][0]
    for hand, f in figures["hands"].items():
        one, moved = first["hands"][hand], figures["translation"].get(hand)
        row = (
            f"{hand:16s}{one['mae']:8.4f}{one['rmse']:8.4f}{f['mae']:9.4f}{f['rmse']:8.4f}"
            f"{f['joint_mm']:9.2f}{f['wrist_mm']:9.2f}{f['wrist_deg']:6.2f}"
        )
        if moved:
            row += f"{moved['joint_rmse']:17.4f}{moved['fingertip_mm']:9.2f}"
        print(row)
    print(
        f"{'overall':16s}{first['mae']:8.4f}{first['rmse']:8.4f}{figures['mae']:9.4f}"
        f"{figures['rmse']:8.4f}{figures['joint_mm']:9.2f}"
    )
    print("codes used, by level: ", " ".join(f"{u:.0%}" for u in figures["code_usage_of_level"]))
    print("perplexity, by level: ", " ".join(f"{p:.0f}" for p in figures["perplexity_of_level"]))
    for codes, speed in figures["speed"].items():
        print(
            f"{speed['frames']} frames, {codes}: encode {speed['encode_ms']:.2f} ms, "
            f"decode {speed['decode_ms']:.2f} ms, {speed['tokens_per_second']:.0f} tokens/s"
        )
    for row in figures["curve"]:
        print(
            f"  {row['codes']} codes: joints {row['mae_deg']:.3f} deg, {row['joint_mm']:.2f} mm, "
            f"in the object frame tips {row['fingertip_mm']:.2f} mm, wrist {row['wrist_mm']:.2f} mm"
        )
