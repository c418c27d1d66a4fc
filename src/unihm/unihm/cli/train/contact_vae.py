"""Train the contact-aware autoencoder of grasps on grasps that `unihm synth grasps` made.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint. Prints
how exactly grasps of other objects come back, how much of their contact map is foretold, and how
near to a true grasp the nearest of twenty draws is.
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
    add_options(parser, "contact_vae")
    add_grasps(parser)


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights."""
    from unihm.grasps.contact_vae import ContactVaeConfig
    from unihm.learning.training.contact_vae import train_contact_vae, validate
    from unihm.learning.training.grasp_corpus import grasps_by_hand

    config = read_config(args, ContactVaeConfig)
    train, held_out = read_grasps(args)
    learned = grasps_by_hand(train, config.hands)
    measured = grasps_by_hand(held_out, config.hands)
    vae = train_contact_vae(config, learned, [own.cloud for own in train], work_folder(args))
    figures = validate(vae, measured, [own.cloud for own in held_out])
    counts = {hand: len(own.rows) for hand, own in learned.items()}
    about = {"commands": commands(args), "grasps": counts, "held_out": figures}
    vae.save(result_folder(args), about)
    tell_figures_of_hands(args, figures)
