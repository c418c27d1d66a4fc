"""Train the shared codebook and every hand's encoder and decoder, or add a hand to them.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last finished epoch.
`--add HAND` keeps the codebook and every other hand of the existing weights bit by bit.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument(
        "--episodes", type=Path, default=Path("out/synth"), help="folder that `unihm synth` wrote"
    )
    parser.add_argument("--backbone", choices=("conv", "mlp"), help="instead of the preset's")
    parser.add_argument("--add", nargs="+", metavar="HAND", help="hands to add to the weights")
    parser.add_argument(
        "--work", type=Path, help="checkpoint and log (default: out/train/tokenizer-PRESET)"
    )
    parser.add_argument("--weights", type=Path, help="result (default: the preset's own weights)")


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights."""
    from unihm.config import load_section
    from unihm.learning.datasets.episode import load_dataset
    from unihm.learning.training.tokenizer import collect_motions, train_tokenizer, validate
    from unihm.paths import weights_dir
    from unihm.tokenizer import Tokenizer, TokenizerConfig

    folder = args.weights or weights_dir(args.preset)
    work = args.work or Path(f"out/train/tokenizer-{args.preset}")
    base = None
    config = load_section(args.preset, "tokenizer", TokenizerConfig)
    needed = config.hands
    if args.add:  # the shape is that of the weights, how to train is the preset's
        base = Tokenizer.read(folder)
        hands = tuple(dict.fromkeys((*base.hands, *args.add)))
        config = dataclasses.replace(base.config, hands=hands, training=config.training)
        needed = (config.reference, *args.add)
        work = work.with_name(f"{work.name}-{'-'.join(args.add)}")
    elif args.backbone:
        config = dataclasses.replace(config, backbone=args.backbone)
        work = work.with_name(f"{work.name}-{args.backbone}")
    train = load_dataset(args.episodes, "train")
    validation = collect_motions(load_dataset(args.episodes, "validation"), needed)
    tokenizer = train_tokenizer(config, collect_motions(train, needed), validation, work, base)
    figures = {
        hand: validate(tokenizer.model, hand, validation[hand])
        for hand in tokenizer.hands
        if hand in validation
    }
    command = f"unihm train tokenizer --preset {args.preset} --episodes {args.episodes}"
    if args.backbone:
        command += f" --backbone {args.backbone}"
    about = {"command": command, "episodes": len(train), "validation": figures}
    if args.add:  # what the weights say of how they began stays true
        before = json.loads((folder / "tokenizer.json").read_text())
        command += f" --add {' '.join(args.add)}"
        addition = {
            "command": command,
            "episodes": len(train),
            "training": dataclasses.asdict(config.training),
        }
        about = {
            "command": before["command"],
            "episodes": before["episodes"],
            "added": [*before.get("added", []), addition],
            "validation": {**before["validation"], **{h: figures[h] for h in args.add}},
        }
    tokenizer.save(folder, about)
    print(f"Wrote {folder / 'tokenizer.safetensors'}, codebook {tokenizer.codebook_id}.")
    for hand, measured in figures.items():
        print(f"  {hand:14s}", "  ".join(f"{k} {v:.4g}" for k, v in measured.items()))
