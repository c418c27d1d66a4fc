"""All stages in one process, without ROS: an image and a sentence in, a refined motion out.

The nodes call the same stages one by one; this module is for Python users, the benchmarks and
the tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from unihm.config import load_section
from unihm.generator import Generator
from unihm.grasps import GraspChooser
from unihm.perception import Plan, Planner, Segmentation, Segmenter
from unihm.refinement import RefinementConfig, RefinementReport, refine
from unihm.robots import Hand, load_hand
from unihm.robots.arm import load_arm
from unihm.tokenizer import Tokenizer
from unihm.types import (
    FloatArray,
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
    RgbdObservation,
    Task,
)

#: Called with a stage's name and its result; what it returns is what the next stage is given.
After = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Manipulation:
    """What the stages made of one instruction.

    Attributes:
        plan: where the object goes, and what was seen.
        segmentation: the object's surface and its pixels.
        tokens: the motion over the shared codebook.
        decoded: the motion as the hand's decoder reads it.
        motion: the refined one.
        report: what the refinement did; None without it.
        seconds: of every stage, by its name.
    """

    plan: Plan
    segmentation: Segmentation
    tokens: HandTokens
    decoded: HandMotion
    motion: HandMotion
    report: RefinementReport | None
    seconds: dict[str, float]

    @property
    def trajectory(self) -> ObjectTrajectory:
        """Where the object goes, and when the hand touches it."""
        return self.plan.trajectory

    @property
    def cloud(self) -> ObjectCloud:
        """The object's whole surface, in its own frame."""
        return self.segmentation.cloud


class Pipeline:
    """The stages of one preset, loaded once and used for any number of instructions and hands.

    :meth:`from_pretrained` loads them; the constructor takes stages that are there already.

    Attributes:
        refinement: settings of the last stage; None leaves it out, so that the decoded motion is
            the result.
    """

    def __init__(
        self,
        planner: Planner,
        segmenter: Segmenter,
        tokenizer: Tokenizer,
        chooser: GraspChooser,
        refinement: RefinementConfig | None,
    ) -> None:
        self.planner = planner
        self.segmenter = segmenter
        self.tokenizer = tokenizer
        self.chooser = chooser
        self.refinement = refinement

    @classmethod
    def from_pretrained(cls, preset: str = "tiny") -> Pipeline:
        """All stages of a preset, a file in ``config/presets``, with their weights.

        Raises:
            UnihmError: INVALID_CONFIG for a preset that there is not; WEIGHTS_MISSING.
        """
        tokenizer = Tokenizer.load(preset)
        generator = Generator.load(preset, tokenizer)
        return cls(
            Planner.load(preset),
            Segmenter.load(preset),
            tokenizer,
            GraspChooser.load(preset, generator, load_arm()),
            load_section(preset, "refinement", RefinementConfig),
        )

    def warm_up(self) -> None:
        """Let every stage do for once what takes seconds the first time."""
        self.planner.warm_up()
        self.segmenter.warm_up()
        self.chooser.warm_up()

    def plan(
        self,
        observation: RgbdObservation,
        instruction: str,
        hand: str = "xhand",
        T_world_wrist: FloatArray | None = None,
        joints: FloatArray | None = None,
        after: After | None = None,
        tried: Sequence[HandMotion] = (),
    ) -> Manipulation:
        """From an image and a sentence to a whole motion of a hand (equations 7, 8, 9, 17).

        Args:
            observation: what the camera sees now.
            instruction: the sentence, such as "hand me the mug".
            hand: name of a file in ``config/hands``.
            T_world_wrist: (4, 4) where the hand's root link is now; None where the arm at home
                holds it.
            joints: (J,) rad, where the hand's independent joints are now; None for an open hand.
            after: hook between the stages, for ablations and for showing what happens: given
                ("planner", Plan), ("segmentation", Segmentation), ("generator", HandTokens),
                ("decoder", HandMotion), ("refiner", (HandMotion, RefinementReport)) it returns
                what goes on, the same or another.
            tried: motions that were carried out in vain: another grasp than theirs is looked for.

        Raises:
            UnihmError: from the stage that could not go on, with its code and sentence.
        """
        model = load_hand(hand)
        wrist = wrist_at_home(model) if T_world_wrist is None else T_world_wrist
        joints = model.open_joints if joints is None else joints
        after = after or (lambda stage, value: value)
        seconds: dict[str, float] = {}
        with _timed(seconds, "planner"):
            plan = self.planner.plan(observation, instruction)
        plan = after("planner", plan)
        trajectory = plan.trajectory
        with _timed(seconds, "segmentation"):
            segmentation = self.segmenter.segment(observation, trajectory, plan.scene)
        segmentation = after("segmentation", segmentation)
        with _timed(seconds, "generator"):
            task = Task("", instruction, hand)
            tokens = self.chooser.choose(
                task, trajectory, segmentation.cloud, joints, wrist, tried=tried
            ).tokens
        tokens = after("generator", tokens)
        with _timed(seconds, "decoder"):
            decoded = self.tokenizer.decode(tokens, hand, trajectory)
        decoded = after("decoder", decoded)
        motion, report = decoded, None
        if self.refinement is not None:
            with _timed(seconds, "refiner"):
                refined = refine(decoded, segmentation.cloud, self.refinement)
            motion, report = after("refiner", refined)
        return Manipulation(plan, segmentation, tokens, decoded, motion, report, seconds)


def wrist_at_home(hand: Hand) -> FloatArray:
    """(4, 4) T_world_wrist: where the arm holds the hand while it waits."""
    arm = load_arm()
    return arm.forward(arm.home) @ hand.T_flange_wrist


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - start
