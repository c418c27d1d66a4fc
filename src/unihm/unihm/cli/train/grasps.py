"""Train the masked grasp transformer on grasps that `unihm synth grasps` made.

It speaks the codes of the part tokenizer of the same preset, which is trained first. Interrupt it
with Ctrl-C and run the same command again: it goes on from the last checkpoint. Prints how well
codes of grasps of other objects are foretold, in nats, and by how much worse without words or
cloud.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli.train._options import (
    add_grasps,
    add_options,
    commands,
    read_config,
    read_grasps,
    result_folder,
    tell_figures_of_hands,
    work_folder,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_options(parser, "masked_transformer")
    add_grasps(parser)
    parser.add_argument(
        "--part-tokenizer",
        type=Path,
        help="folder of the part tokenizer (default: where the result is written)",
    )


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights."""
    from unihm.grasps.masked_transformer import MaskedTransformerConfig
    from unihm.grasps.part_tokenizer import PartTokenizer
    from unihm.learning.training.masked_transformer import (
        collect_corpus,
        train_masked_transformer,
        validate,
    )

    config = read_config(args, MaskedTransformerConfig)
    folder, settings = result_folder(args), config.training
    tokenizer = PartTokenizer.read(args.part_tokenizer or folder)
    train, held_out = (
        collect_corpus(sets, tokenizer.model.hands, settings.sentences, settings.seed)
        for sets in read_grasps(args)
    )
    generator = train_masked_transformer(config, tokenizer, train, work_folder(args))
    figures = validate(generator, held_out)
    counts = {hand: len(asked.grasps.rows) for hand, asked in train.hands.items()}
    generator.save(folder, {"commands": commands(args), "grasps": counts, "held_out": figures})
    tell_figures_of_hands(args, figures)
