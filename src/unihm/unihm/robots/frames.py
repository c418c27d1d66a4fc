"""Frames that stand in one another, as TF has them: each has one parent at most."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.transforms import FloatArray, invert


@dataclass(frozen=True)
class Transform:
    """Where a frame is in its parent.

    Attributes:
        parent, child: frames.
        T_parent_child: (4, 4).
    """

    parent: str
    child: str
    T_parent_child: FloatArray


class FrameTree:
    """The newest transforms, and what follows from them."""

    def __init__(self) -> None:
        self._above: dict[str, Transform] = {}

    def add(self, transform: Transform) -> None:
        """Take a transform; one that would close a circle is left out."""
        if transform.child not in (transform.parent, *self._chain(transform.parent)):
            self._above[transform.child] = transform

    def parent_of(self, frame: str) -> str | None:
        """The frame that ``frame`` stands in; None for a root and for one never heard of."""
        above = self._above.get(frame)
        return above.parent if above else None

    def root_of(self, frame: str) -> str:
        """The topmost frame above ``frame``, or itself."""
        return (self._chain(frame) or [frame])[-1]

    def lookup(self, target: str, source: str) -> FloatArray | None:
        """(4, 4) T_target_source; None where the two do not hang together."""
        if self.root_of(target) != self.root_of(source):
            return None
        return invert(self._in_root(target)) @ self._in_root(source)

    def _chain(self, frame: str) -> list[str]:
        """The frames above ``frame``, from its parent to the root."""
        above = []
        while frame in self._above:
            frame = self._above[frame].parent
            above.append(frame)
        return above

    def _in_root(self, frame: str) -> FloatArray:
        pose = np.eye(4)
        while frame in self._above:
            transform = self._above[frame]
            pose, frame = transform.T_parent_child @ pose, transform.parent
        return pose
