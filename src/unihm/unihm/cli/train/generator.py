"""Train the generator on the codes of the tokenizer that the preset has.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last finished epoch.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument(
        "--episodes", type=Path, default=Path("out/synth"), help="folder that `unihm synth` wrote"
    )
    parser.add_argument(
        "--backbone", help="Qwen3 checkpoint to start from, instead of the preset's: a folder"
    )
    parser.add_argument(
        "--work", type=Path, help="checkpoint and log (default: out/train/generator-PRESET)"
    )
    parser.add_argument("--weights", type=Path, help="result (default: the preset's own weights)")


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights."""
    import dataclasses

    from unihm.config import load_section
    from unihm.generator import Generator, GeneratorConfig
    from unihm.learning.datasets.episode import load_dataset
    from unihm.learning.training.generator import prepare, train_generator, validate
    from unihm.paths import weights_dir
    from unihm.tokenizer import Tokenizer

    folder = args.weights or weights_dir(args.preset)
    config = load_section(args.preset, "generator", GeneratorConfig)
    if args.backbone is not None:
        config = dataclasses.replace(config, backbone=args.backbone)
    tokenizer = Tokenizer.load(args.preset)
    generator = Generator.create(config, tokenizer)
    train = prepare(load_dataset(args.episodes, "train"), tokenizer.hands, generator)
    validation = prepare(load_dataset(args.episodes, "validation"), tokenizer.hands, generator)
    work = args.work or Path(f"out/train/generator-{args.preset}")
    train_generator(generator, train, validation, work)
    figures = validate(generator, validation)
    generator.save(
        folder,
        {
            "command": f"unihm train generator --preset {args.preset} --episodes {args.episodes}",
            "episodes": len(train),
            "validation_hold": figures,
        },
    )
    print(f"Wrote {folder / 'generator.safetensors'}. While holding, on objects never seen:")
    for hand, errors in figures.items():
        print(f"  {hand:14s}", "  ".join(f"{k} {v:.4g}" for k, v in errors.items()))
