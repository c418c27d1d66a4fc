"""Settings of the part-aware tokenizer; section ``part_tokenizer`` of a preset."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import Field

from unihm.config import Count, Natural, NotNegative, Positive, Share, settings


@settings()
class PartTokenizerTraining:
    """How it is trained (section 5.1 of MaskDexGrasp).

    Attributes:
        steps: batches, each of one hand.
        batch: grasps per step.
        learning_rate: peak of a warm-up and half a cosine.
        beta: commitment weight of equation 3.
        points_weight: weight of the surface points in equation 4.
        decay: of the moving averages that the codes follow.
        reset_below: uses per step, as a moving average, under which a code is put onto an encoded
            part of the batch.
        reset_until: share of the steps after which codes are not reset any more.
        shift: metres, standard deviation of a random shift of the object frame.
        turn: radians, likewise of a turn about each axis.
        joint_noise: share of a joint's range, standard deviation.
        blend: largest share of another grasp's joints that is mixed in.
        seed: of everything random.
    """

    steps: Count = 4000
    batch: Count = 256
    learning_rate: Positive = 2e-4
    beta: NotNegative = 0.25
    points_weight: NotNegative = 1.0
    decay: Annotated[float, Field(gt=0, lt=1)] = 0.99
    reset_below: NotNegative = 0.05
    reset_until: Share = 0.8
    shift: NotNegative = 0.02
    turn: NotNegative = 0.2
    joint_noise: NotNegative = 0.04
    blend: Share = 0.5
    seed: Natural = 0


@settings()
class PartTokenizerConfig:
    """Shape of the network; it travels with the weights.

    Attributes:
        hands: that it is trained for; each has its own last layer for its joints.
        codes: K, entries of each of the six codebooks.
        latent: width of a code.
        points: surface points of each part.
        hidden: width of the decoder.
        training: how to train.
    """

    hands: tuple[str, ...] = ("xhand", "inspire", "allegro")
    codes: Count = 256
    latent: Count = 512
    points: Count = 333
    hidden: Count = 512
    training: PartTokenizerTraining = field(default_factory=PartTokenizerTraining)
