"""Which finger a link belongs to."""

from __future__ import annotations

import numpy as np

from unihm.robots.kinematics import Hand

PALM = -1  # in place of the number of a finger


def link_fingers(hand: Hand) -> dict[str, int]:
    """For every link with a shape the index into ``hand.finger_names``, or :data:`PALM`.

    A link that several fingers hang from is palm, and so is one that moves no pad.
    """
    tree = hand.tree
    pad_moves = tree.moves[[tree.link_body[tip.link] for tip in hand.spec.fingertips]]  # (D, M)
    found = {}
    for link, _ in hand.shapes:
        owners = np.flatnonzero((pad_moves & tree.moves[tree.link_body[link]]).any(axis=1))
        found[link] = int(owners[0]) if len(owners) == 1 else PALM
    return found
