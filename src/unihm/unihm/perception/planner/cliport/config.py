"""Configuration of CLIPort and of its training."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from unihm.config import Count, Interval, Natural, Positive, settings


@settings()
class PlannerTraining:
    """How CLIPort is trained.

    Attributes:
        scenes: rendered tables.
        kind_steps: batches of the first stage, which learns what the cells of a table show.
        kind_batch: tables in each of them.
        steps: batches of the second stage, which learns to pick and to place.
        batch: tables in each of them.
        phrases: descriptions of things on each table that are asked for in one step.
        place_every: steps between two samples of placing.
        rate: largest learning rate (one cycle: warm-up, then cosine).
        fine_tuning_rate: the same where a training starts from trained weights.
        seed: of everything.
    """

    scenes: Count = 5000
    kind_steps: Natural = 5000
    kind_batch: Count = 8
    steps: Natural = 1500
    batch: Count = 4
    phrases: Count = 4
    place_every: Count = 3
    rate: Positive = 3e-3
    fine_tuning_rate: Positive = 5e-4
    seed: Natural = 0


@settings()
class CliportConfig:
    """What the networks see, and their sizes.

    Attributes:
        network: ``tiny`` (trained by this project) or ``clip_rn50`` (the published networks).
        x, y: metres, world: the part of the table on the map.
        pixel: metres per pixel of the map.
        depth: False leaves the depth out: the image is laid flat on the table, without heights.
        width: channels of the first level of the ``tiny`` streams.
        kind_width: the same of the stream that names what every cell shows (``tiny``).
        language: width that the sentence embedding is projected to first (``tiny``).
        pick_rotations: turns of the map that picks are looked for in.
        place_rotations: turns of the picked thing that are tried at every place.
        crop: pixels, side of the square about the pick that is carried over the map.
        features: channels that are compared where it is carried over.
        training: how it is trained.
    """

    network: Literal["tiny", "clip_rn50"] = "tiny"
    x: Interval = (0.16, 0.80)
    y: Interval = (-0.48, 0.48)
    pixel: Positive = 0.008
    depth: bool = True
    width: Count = 16
    kind_width: Count = 24
    language: Count = 128
    pick_rotations: Count = 1
    place_rotations: Count = 8
    crop: Count = 24
    features: Count = 4
    training: PlannerTraining = field(default_factory=PlannerTraining)

    def __post_init__(self) -> None:
        if self.crop % 8 or min(self.shape) < self.crop:
            raise ValueError("crop must be a multiple of 8 and fit on the map")
        if self.network == "clip_rn50" and any((side + self.crop) % 32 for side in self.shape):
            raise ValueError("with clip_rn50 both sides of the map plus crop are multiples of 32")

    @property
    def shape(self) -> tuple[int, int]:
        """Rows (along x) and columns (along y) of the map."""
        (x0, x1), (y0, y1) = self.x, self.y
        return round((x1 - x0) / self.pixel), round((y1 - y0) / self.pixel)
