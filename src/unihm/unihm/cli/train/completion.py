"""Train SnowflakeNet on single views of random shapes.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse

from unihm.cli.train._options import add_options, train_network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_options(parser, "snowflake")


def run(args: argparse.Namespace) -> None:
    """Render, train, then write the weights."""
    from unihm.learning.training.snowflake import train_completion
    from unihm.perception.segmentation.snowflake import SnowflakeConfig

    train_network(args, SnowflakeConfig, train_completion)
