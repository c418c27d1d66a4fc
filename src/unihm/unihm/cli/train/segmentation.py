"""Train Point-SAM on rendered heaps of procedural objects.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse

from unihm.cli.train._options import add_options, train_network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    add_options(parser, "pointsam")


def run(args: argparse.Namespace) -> None:
    """Render, train, then write the weights."""
    from unihm.learning.training.pointsam import train_segmentation
    from unihm.perception.segmentation.pointsam import PointSamConfig

    train_network(args, PointSamConfig, train_segmentation)
