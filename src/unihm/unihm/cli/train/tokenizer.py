"""Train the shared codebook and every hand's encoder and decoder, or add a hand to them.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last finished epoch.
`--add HAND` keeps the codebook and every other hand of the preset's weights bit by bit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli.train._options import (
    add_options,
    commands,
    read_config,
    result_folder,
    tell_how_to_use,
    work_folder,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_options(parser, "tokenizer")
    parser.add_argument(
        "--episodes", type=Path, default=Path("out/synth"), help="folder that `unihm synth` wrote"
    )
    parser.add_argument("--add", nargs="+", metavar="HAND", help="hands to add to the weights")


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights."""
    import dataclasses

    from unihm.learning.datasets.episode import load_dataset
    from unihm.learning.training.tokenizer import collect_motions, train_tokenizer, validate
    from unihm.paths import weights_file
    from unihm.tokenizer import Tokenizer, TokenizerConfig
    from unihm.weights import read_about

    folder, work, base = result_folder(args), work_folder(args), None
    config = read_config(args, TokenizerConfig)
    needed = config.hands
    if args.add:  # the shape is that of the weights, how to train is the preset's
        shipped = weights_file(args.preset, "tokenizer.safetensors")
        own = folder / shipped.name
        before = read_about(own if own.is_file() else shipped, "commands", "validation")
        base = Tokenizer.read((own if own.is_file() else shipped).parent)
        hands = tuple(dict.fromkeys((*base.hands, *args.add)))
        config = dataclasses.replace(base.config, hands=hands, training=config.training)
        needed = (config.reference, *args.add)
        work = work.with_name(f"{work.name}-{'-'.join(args.add)}")
    train = load_dataset(args.episodes, "train")
    validation = collect_motions(load_dataset(args.episodes, "validation"), needed)
    tokenizer = train_tokenizer(config, collect_motions(train, needed), validation, work, base)
    figures = {
        hand: validate(tokenizer.model, hand, validation[hand])
        for hand in tokenizer.hands
        if hand in validation
    }
    about = {"commands": commands(args), "episodes": len(train), "validation": figures}
    if args.add:  # what the weights say of how they began stays true
        added = {hand: figures[hand] for hand in args.add if hand in figures}
        about = {
            "commands": [*before["commands"], *commands(args)],
            "episodes": before.get("episodes"),
            "validation": {**before["validation"], **added},
        }
    tokenizer.save(folder, about)
    print(f"Wrote {folder / 'tokenizer.safetensors'}, codebook {tokenizer.codebook_id}.")
    for hand, measured in figures.items():
        print(f"  {hand:14s}", "  ".join(f"{k} {v:.4g}" for k, v in measured.items()))
    tell_how_to_use(args)
