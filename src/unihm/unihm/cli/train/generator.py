"""Train the generator on the codes of a tokenizer.

It is the tokenizer of the folder that the result is written to, or else the preset's. Interrupt it
with Ctrl-C and run the same command again: it goes on from the last finished epoch.
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
    add_options(parser, "generator")
    parser.add_argument(
        "--episodes", type=Path, default=Path("out/synth"), help="folder that `unihm synth` wrote"
    )


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights."""
    from unihm.generator import Generator, GeneratorConfig
    from unihm.learning.datasets.episode import load_dataset
    from unihm.learning.training.generator import prepare, train_generator, validate
    from unihm.tokenizer import Tokenizer

    config = read_config(args, GeneratorConfig)
    folder = result_folder(args)
    own = (folder / "tokenizer.safetensors").is_file()
    tokenizer = Tokenizer.read(folder) if own else Tokenizer.load(args.preset)
    generator = Generator.create(config, tokenizer)
    train = prepare(load_dataset(args.episodes, "train"), tokenizer.hands, generator)
    validation = prepare(load_dataset(args.episodes, "validation"), tokenizer.hands, generator)
    train_generator(generator, train, validation, work_folder(args))
    figures = validate(generator, validation)
    generator.save(
        folder,
        {"commands": commands(args), "episodes": len(train), "validation_hold": figures},
    )
    print(f"Wrote {folder / 'generator.safetensors'}. While holding, on objects never seen:")
    for hand, errors in figures.items():
        print(f"  {hand:14s}", "  ".join(f"{k} {v:.4g}" for k, v in errors.items()))
    tell_how_to_use(args)
