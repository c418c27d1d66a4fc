"""Give episodes of a person a motion of one more hand, so that the tokenizer can learn it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode
from unihm.retargeting.retargeter import Retargeter
from unihm.robots import load_hand
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion


def adopt(episode: Episode, hand: str) -> Episode:
    """The episode with a motion of ``hand``, retargeted from the person's.

    Raises:
        UnihmError: INVALID_EPISODE where no person of the hand's side is in it; UNKNOWN_HAND.
    """
    retargeter = _retargeter(hand)
    result = retargeter.retarget(_keypoints(episode, retargeter.hand.side))
    motion = HandMotion(
        retargeter.hand.name, result.T_world_wrist, result.joints, episode.trajectory
    )
    return replace(episode, motions={**episode.motions, motion.hand: motion})


def adopt_folder(paths: Sequence[Path], hand: str, workers: int | None = None) -> Iterator[bool]:
    """:func:`adopt` on every file, in place, on all cores; yields whether a file was changed.

    Files that have the hand already are left alone: interrupt it and run it again.
    """
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(partial(_adopt_file, hand=hand), paths, chunksize=8)


def _adopt_file(path: Path, hand: str) -> bool:
    episode = Episode.load(path)
    if load_hand(hand).name in episode.motions:
        return False
    adopt(episode, hand).save(path.parent)
    return True


@lru_cache(maxsize=4)
def _retargeter(hand: str) -> Retargeter:
    return Retargeter(load_hand(hand))


def _keypoints(episode: Episode, side: str) -> FloatArray:
    """(T, 21, 3) in the object's frame, as recorded or from the motion of the human hand."""
    if episode.keypoints is not None and episode.info.get("side", "right") == side:
        return episode.keypoints
    person = load_hand("human" if side == "right" else "human_left")
    if person.name not in episode.motions:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE,
            f"{episode.episode_id} has no motion of a person's {side} hand.",
        )
    motion = episode.motions[person.name]
    return apply(motion.T_object_wrist, np.array([person.keypoints(q) for q in motion.joints]))
