"""Settings of the choice of a grasp."""

from __future__ import annotations

from typing import Literal

from unihm.config import Count, Natural, NotNegative, Share, settings

Method = Literal["views", "masked", "contact"]


@settings()
class GraspConfig:
    """How many grasps are made; section ``grasps`` of a preset.

    Attributes:
        candidates: how many, at the most, of which the best is carried out.
        method: what makes the grasps of things that are lifted: the generator's answers to several
            views, samples of the masked transformer, or of the contact-aware autoencoder.
    """

    candidates: Count = 8
    method: Method = "views"


@settings()
class GraspTraining:
    """What trainings on grasps have in common: how a batch is drawn.

    Attributes:
        batch: grasps per step.
        partial: share of the clouds of which only one side is shown.
        shift: metres, standard deviation of a random shift of the object frame.
        turn: radians, likewise of a turn about the vertical, from the frame in which the palm
            looks along +y.
        joint_noise: share of a joint's range, standard deviation.
        seed: of everything random.
    """

    batch: Count = 128
    partial: Share = 0.5
    shift: NotNegative = 0.005
    turn: NotNegative = 0.15
    joint_noise: NotNegative = 0.005
    seed: Natural = 0
