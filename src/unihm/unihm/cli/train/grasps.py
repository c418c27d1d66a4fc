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
    tell_how_to_use,
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
    folder = result_folder(args)
    tokenizer = PartTokenizer.read(args.part_tokenizer or folder)
    sets, hands = read_grasps(args), tokenizer.model.hands
    train, held_out = (
        collect_corpus(
            [grasps for grasps in sets if grasps.held_out == held],
            hands,
            config.training.sentences,
            config.training.seed,
        )
        for held in (False, True)
    )
    generator = train_masked_transformer(config, tokenizer, train, work_folder(args))
    figures = validate(generator, held_out)
    grasps = {hand: len(asked.rows) for hand, asked in train.hands.items()}
    generator.save(folder, {"commands": commands(args), "grasps": grasps, "held_out": figures})
    print(f"Wrote {folder / 'masked_transformer.safetensors'}. On objects that were held out:")
    for hand, row in figures.items():
        print(f"  {hand:10s}", "  ".join(f"{k} {v:.3g}" for k, v in row.items()))
    tell_how_to_use(args)
