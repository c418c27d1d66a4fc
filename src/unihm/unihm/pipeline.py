"""All stages in one process, without ROS: a sentence and an image in, a refined motion out.

The nodes call the same stage functions one by one; this module is for Python users, the
benchmarks and the tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unihm.config import load_section
from unihm.generator import Generator
from unihm.perception.planner.planner import Planner, PlannerConfig
from unihm.perception.segmentation.segmenter import Segmenter, SegmenterConfig
from unihm.refinement import RefinementConfig, RefinementReport, refine
from unihm.robots import load_hand
from unihm.tokenizer import Tokenizer
from unihm.transforms import invert
from unihm.types import (
    FloatArray,
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
    RgbdObservation,
    Task,
)

STAGES = ("planner", "segmentation", "generator", "decoder", "refiner")


@dataclass(frozen=True)
class Manipulation:
    """Everything the stages made of one task, and the seconds that each took."""

    task: Task
    trajectory: ObjectTrajectory
    cloud: ObjectCloud
    tokens: HandTokens
    decoded: HandMotion
    motion: HandMotion
    report: RefinementReport | None
    seconds: dict[str, float] = field(default_factory=dict)


class Pipeline:
    """The stages of one preset, loaded once and used for any number of tasks and hands.

    Args:
        preset: name of a file in ``config/presets``.
        refine_motion: False leaves the decoded motion as it is (for ablations).

    Attributes:
        disturb: spoils the decoded motion, as a worse generator would (for ablations).
    """

    def __init__(self, preset: str = "tiny", *, refine_motion: bool = True) -> None:
        self.planner = Planner(load_section(preset, "planner", PlannerConfig))
        self.segmenter = Segmenter(load_section(preset, "segmentation", SegmenterConfig))
        self.tokenizer = Tokenizer.load(preset)
        self.generator = Generator.load(preset, self.tokenizer)
        self.refinement = load_section(preset, "refinement", RefinementConfig)
        self.refine_motion = refine_motion
        self.disturb: Callable[[HandMotion], HandMotion] | None = None

    def run(
        self,
        task: Task,
        observation: RgbdObservation,
        T_world_wrist: FloatArray,
        joints: FloatArray,
        on_stage: Callable[[str, Any], None] | None = None,
        random_tokens: np.random.Generator | None = None,
    ) -> Manipulation:
        """Carry one task from the image to the refined motion (equations 7, 8, 9, 17).

        Args:
            task: the instruction and the hand.
            observation: what the camera sees now.
            T_world_wrist: (4, 4) where the hand's root link is now.
            joints: (J,) where the hand's independent joints are now.
            on_stage: called with a stage's name and its result as soon as it is there.
            random_tokens: replace the generator's codes by codes drawn from this generator,
                to show what the learned model contributes.

        Raises:
            UnihmError: from the stage that could not go on, with its code and sentence.
        """
        hand = load_hand(task.hand)
        seconds: dict[str, float] = {}
        tell = on_stage or (lambda stage, value: None)
        with _timed(seconds, "planner"):
            trajectory = self.planner.plan(task, observation)
        tell("planner", trajectory)
        with _timed(seconds, "segmentation"):
            cloud = self.segmenter.segment(task, observation, trajectory)
        tell("segmentation", cloud)
        with _timed(seconds, "generator"):
            T_object_wrist = invert(trajectory.T_world_object[0]) @ T_world_wrist
            tokens = self.generator.generate(task, trajectory, cloud, joints, T_object_wrist)
            if random_tokens is not None:
                tokens = self.tokenizer.random_tokens(tokens.codes.shape, random_tokens)
        tell("generator", tokens)
        with _timed(seconds, "decoder"):
            decoded = self.tokenizer.decode(tokens, hand.name, trajectory)
            if self.disturb is not None:
                decoded = self.disturb(decoded)
        tell("decoder", decoded)
        motion, report = decoded, None
        if self.refine_motion:
            with _timed(seconds, "refiner"):
                motion, report = refine(decoded, cloud, self.refinement)
            tell("refiner", (motion, report))
        return Manipulation(task, trajectory, cloud, tokens, decoded, motion, report, seconds)


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
