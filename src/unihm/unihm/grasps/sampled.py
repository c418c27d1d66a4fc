"""Grasps that a network has drawn, before motions are made of them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TypeVar

from unihm.types import FloatArray

Grasps = TypeVar("Grasps", bound="SampledGrasps")


@dataclass(frozen=True)
class SampledGrasps:
    """Grasps of one object, the most confident first.

    Attributes:
        hand: name of a file in ``config/hands``.
        turns: (B,) radians about the vertical from the object frame to the one that each was drawn
            in, in which the palm looks about along +y.
        T_object_wrist: (B, 4, 4) when the pads touch.
        joints: (B, J) radians, within their limits.
        confidence: (B,) the larger the surer; comparable between the grasps of one draw.
    """

    hand: str
    turns: FloatArray
    T_object_wrist: FloatArray
    joints: FloatArray
    confidence: FloatArray

    def first(self: Grasps, count: int) -> Grasps:
        """The first ``count`` of them."""
        rows = {f.name: getattr(self, f.name)[:count] for f in fields(self) if f.name != "hand"}
        return replace(self, **rows)
