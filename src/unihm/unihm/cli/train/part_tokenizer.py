"""Train the part-aware tokenizer on grasps that `unihm synth grasps` made.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint. Prints
how exactly grasps of other objects come back, beside the same of the tokenizer of whole hands.
"""

from __future__ import annotations

import argparse

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
    add_options(parser, "part_tokenizer")
    add_grasps(parser)


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights."""
    from unihm.grasps.part_tokenizer import PartTokenizerConfig
    from unihm.learning.training.part_tokenizer import (
        collect_rows,
        reconstruction,
        train_part_tokenizer,
    )
    from unihm.tokenizer import Tokenizer

    config = read_config(args, PartTokenizerConfig)
    train, held_out = map(collect_rows, read_grasps(args))
    held_out = {hand: rows for hand, rows in held_out.items() if hand in config.hands}
    tokenizer = train_part_tokenizer(config, train, work_folder(args))
    figures = reconstruction(tokenizer, held_out, Tokenizer.load("tiny"))
    counts = {hand: len(train[hand]) for hand in config.hands}
    about = {"commands": commands(args), "grasps": counts, "held_out": figures}
    tokenizer.save(result_folder(args), about)
    tell_figures_of_hands(args, figures)
