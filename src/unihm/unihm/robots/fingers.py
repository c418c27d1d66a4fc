"""Which finger a link belongs to, and which joints move it."""

from __future__ import annotations

from collections import Counter

import numpy as np

from unihm.robots.kinematics import Hand
from unihm.types import IntArray

PALM = -1  # in place of the number of a finger


def finger_joints(hand: Hand) -> list[IntArray]:
    """For every finger, thumb first, the indices of the independent joints that move its pad."""
    tree = hand.tree
    return [
        np.flatnonzero(np.abs(tree.expansion[tree.moves[tree.link_body[tip.link]]]).sum(axis=0))
        for tip in hand.spec.fingertips
    ]


def own_joints(hand: Hand) -> list[IntArray]:
    """As :func:`finger_joints`, without the joints that move other fingers as well."""
    chains = finger_joints(hand)
    moved = Counter(int(joint) for chain in chains for joint in chain)
    return [chain[[moved[int(joint)] == 1 for joint in chain]] for chain in chains]


def link_fingers(hand: Hand) -> dict[str, int]:
    """For every link with a shape the index into ``hand.finger_names``, or :data:`PALM`.

    A link is a finger's where a joint carries it that moves this finger's pad alone; what hangs
    from joints of several fingers, as of a wrist, is palm.
    """
    tree = hand.tree
    pad_moves = tree.moves[[tree.link_body[tip.link] for tip in hand.spec.fingertips]]  # (D, M)
    alone = pad_moves & (pad_moves.sum(axis=0) == 1)
    found = {}
    for link, _ in hand.shapes:
        owners = np.flatnonzero((alone & tree.moves[tree.link_body[link]]).any(axis=1))
        found[link] = int(owners[0]) if len(owners) == 1 else PALM
    return found
