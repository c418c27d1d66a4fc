"""Train the learned reader of sentences on what a grammar writes.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse

from unihm.cli.train._options import add_options, train_network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_options(parser, "language")


def run(args: argparse.Namespace) -> None:
    """Write sentences, train, then write the weights."""
    from unihm.learning.training.tagger import train_tagger
    from unihm.perception.language import LanguageConfig

    train_network(args, LanguageConfig, train_tagger)
