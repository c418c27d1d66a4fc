"""What joints may do: the limits that planning, timing and the gate share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unihm.types import FloatArray


@dataclass(frozen=True)
class JointLimits:
    """What the joints may do; every field is (n,), in rad (m for sliding joints) and seconds."""

    lower: FloatArray
    upper: FloatArray
    velocity: FloatArray
    acceleration: FloatArray
    jerk: FloatArray

    def scaled(self, factor: float) -> JointLimits:
        """The same positions; velocity, acceleration and jerk times ``factor``."""
        return JointLimits(
            self.lower,
            self.upper,
            self.velocity * factor,
            self.acceleration * factor,
            self.jerk * factor,
        )

    def joined(self, other: JointLimits) -> JointLimits:
        """Limits of the joints of ``self`` followed by those of ``other``."""
        return JointLimits(
            *(np.concatenate([getattr(self, name), getattr(other, name)]) for name in _FIELDS)
        )


_FIELDS = ("lower", "upper", "velocity", "acceleration", "jerk")
