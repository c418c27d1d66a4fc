"""The whole journey, counted: a sentence about one of three objects, and is it lifted?

Nothing after the camera knows the simulator's truth; it is read here, outside the pipeline, to
judge. An episode is a success where the named object is at least 10 cm higher than it stood after
the lift and 1 s later, and nothing else has been lifted.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, plan_execution, plan_move
from unihm.control.reverse import put_back
from unihm.control.verification import (
    JointSample,
    Verdict,
    VerificationConfig,
    verify_lift,
)
from unihm.errors import UnihmError
from unihm.evaluation.grab_tasks import say
from unihm.evaluation.rollout import Player
from unihm.evaluation.statistics import spread, wilson_interval
from unihm.perception.language.manner import manner_of
from unihm.pipeline import After
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.sim.scene import Scene
from unihm.sim.world import World
from unihm.transforms import apply
from unihm.types import FloatArray, HandMotion, ObjectCloud, Phase, RgbdObservation

RISEN = 0.10  # m that the named object must have risen
STIRRED = 0.05  # m that any other object may rise at most
HOLD = 1.0  # s between the two looks
SETTLE = 0.4  # s at rest before the joints are read for the verdict


class Result(Protocol):
    """What a pipeline makes of one task; :class:`unihm.pipeline.Manipulation` is one."""

    @property
    def motion(self) -> HandMotion:
        """What the hand shall do."""

    @property
    def cloud(self) -> ObjectCloud:
        """The object's surface."""

    @property
    def seconds(self) -> dict[str, float]:
        """Of every stage."""


class FullPipeline(Protocol):
    """From a sentence and an image to a motion; :class:`unihm.pipeline.Pipeline` is one."""

    def plan(
        self,
        observation: RgbdObservation,
        instruction: str,
        hand: str,
        T_world_wrist: FloatArray,
        joints: FloatArray,
        after: After | None,
        tried: Sequence[HandMotion],
    ) -> Result:
        """See :meth:`unihm.pipeline.Pipeline.plan`."""


@dataclass
class GrabAttempt:
    """One try of an episode.

    Attributes:
        success: by the simulator's truth.
        stage: where it failed: ``pipeline:`` or ``reach:`` and the error's code, ``safety``,
            ``wrong object`` (the planner meant another one), ``grasp`` (not lifted), ``hold``
            (lifted, then lost), ``other object`` (another one went up); empty for a success.
        believed: what the robot itself thought of it; None where it never lifted.
        reason: its sentence, or the error's.
        seconds: of every stage, ``control``, and ``first_command``: all from goal to set-points.
        risen: m of every object at the end of the lift.
        evidence: the figures behind the robot's judgement.
        meant: the object nearest to where the planner put the target.
        offset: m, horizontal, from there to that object's centre.
    """

    success: bool = False
    stage: str = ""
    believed: bool | None = None
    reason: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    risen: dict[str, float] = field(default_factory=dict)
    evidence: dict[str, float] = field(default_factory=dict)
    meant: str = ""
    offset: float = 0.0


@dataclass
class GrabEpisode:
    """One scene, one sentence, and the tries that were made."""

    seed: int
    instruction: str
    target: str
    shape: str
    attempts: list[GrabAttempt] = field(default_factory=list)


class GrabBenchmark:
    """Runs episodes of one hand with one pipeline.

    Args:
        pipeline: anything that runs a task.
        hand: name of a hand file.
        retries: further tries after a lift that the robot itself judges to have failed.
        ablate: given random numbers of the episode's own, the hook between the stages.
        control, verification: settings.
    """

    def __init__(
        self,
        pipeline: FullPipeline,
        hand: str = "xhand",
        retries: int = 1,
        ablate: Callable[[np.random.Generator], After] | None = None,
        control: ControlConfig | None = None,
        verification: VerificationConfig | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.control = control or ControlConfig()
        self.verification = verification or VerificationConfig()
        self.arm, self.hand = load_arm(self.control.arm), load_hand(hand)
        self.retries = retries
        self.ablate = ablate

    def run(self, seed: int, scene: Scene, target: str) -> GrabEpisode:
        """One episode: up to ``1 + retries`` tries."""
        rng = np.random.default_rng([seed, 8])
        episode = GrabEpisode(seed, say(scene, target, rng), target, scene.object(target).shape)
        world = World(scene, hand=self.hand.name, render=True, seed=seed)
        player = Player(world, self.arm, self.hand, self.control)
        tried: list[HandMotion] = []
        for number in range(1 + self.retries):
            attempt, plan = self._attempt(episode, world, player, rng, tried)
            episode.attempts.append(attempt)
            if attempt.believed or plan is None or number == self.retries:
                break
            try:
                self._go_back(player, plan)
            except UnihmError as error:
                attempt.reason += f" {error.message}"
                break
        return episode

    def _attempt(
        self,
        episode: GrabEpisode,
        world: World,
        player: Player,
        rng: np.random.Generator,
        tried: list[HandMotion],
    ) -> tuple[GrabAttempt, ExecutionPlan | None]:
        """One try, which is added to those ``tried``; the plan is None where it cannot go on."""
        attempt = GrabAttempt()
        standing = {name: T[2, 3] for name, T in world.object_poses().items()}
        before, empty = world.observe(), player.sample()
        q_arm, q_hand = player.setpoint
        start = time.perf_counter()
        try:
            result = self.pipeline.plan(
                before,
                episode.instruction,
                self.hand.name,
                self.arm.forward(q_arm) @ self.hand.T_flange_wrist,
                q_hand,
                self.ablate(rng) if self.ablate else None,
                tried,
            )
        except UnihmError as error:
            attempt.stage, attempt.reason = f"pipeline:{error.code.name}", error.message
            return attempt, None
        planned = time.perf_counter()
        tried.append(result.motion)
        attempt.meant, attempt.offset = _meant(result.motion, world)
        try:
            plan = plan_execution(
                result.motion,
                self.hand,
                self.arm,
                q_arm,
                q_hand,
                self.control,
                result.cloud,
                manner_of(episode.instruction),
            )
        except UnihmError as error:
            attempt.stage, attempt.reason = f"reach:{error.code.name}", error.message
            return attempt, None
        now = time.perf_counter()
        attempt.seconds = {
            **result.seconds,
            "control": now - planned,
            "first_command": now - start,
        }
        try:
            player.play(plan)
        except UnihmError as error:
            attempt.stage, attempt.reason = "safety", error.message
            return attempt, None
        attempt.risen = self._risen(world, standing)
        player.wait(SETTLE)
        verdict = self._judge(player, plan, empty, before, world.observe(), result)
        attempt.believed, attempt.reason = verdict.held, verdict.reason
        attempt.evidence = verdict.evidence
        player.wait(HOLD - SETTLE)
        attempt.stage = failure_stage(attempt.risen, self._risen(world, standing), episode.target)
        if attempt.stage and attempt.meant != episode.target:
            attempt.stage = "wrong object"
        attempt.success = not attempt.stage
        return attempt, plan

    def _judge(
        self,
        player: Player,
        plan: ExecutionPlan,
        empty: JointSample,
        before: RgbdObservation,
        after: RgbdObservation,
        result: Result,
    ) -> Verdict:
        points = apply(result.motion.trajectory.T_world_object[0], result.cloud.points)
        return verify_lift(
            self.arm,
            self.hand,
            empty,
            player.sample(),
            plan.squeeze,
            before,
            after,
            points,
            plan.arm[plan.last_of(Phase.GRASP)],
            self.verification,
        )

    def _go_back(self, player: Player, plan: ExecutionPlan) -> None:
        """Lower, open and leave the way the hand came: nothing falls that is held after all."""
        player.play(put_back(plan, len(plan) - 1))
        q_arm, q_hand = player.setpoint
        home = plan_move(
            self.arm, self.hand, q_arm, q_hand, self.arm.home, self.hand.open_joints, self.control
        )
        player.play(home)

    @staticmethod
    def _risen(world: World, standing: dict[str, float]) -> dict[str, float]:
        return {name: float(T[2, 3] - standing[name]) for name, T in world.object_poses().items()}


def _meant(motion: HandMotion, world: World) -> tuple[str, float]:
    """The object nearest to where the motion believes its target, and how far off that is."""
    believed = motion.trajectory.T_world_object[0][:2, 3]
    offsets = {
        name: float(np.linalg.norm(T[:2, 3] - believed)) for name, T in world.object_poses().items()
    }
    name = min(offsets, key=lambda name: offsets[name])
    return name, offsets[name]


def failure_stage(lifted: dict[str, float], held: dict[str, float], target: str) -> str:
    """Why it is no success; empty where it is one."""
    if max((up for name, up in held.items() if name != target), default=0.0) > STIRRED:
        return "other object"
    if lifted[target] < RISEN:
        return "grasp"
    if held[target] < RISEN:
        return "hold"
    return ""


def summarise(episodes: list[GrabEpisode]) -> dict[str, Any]:
    """Rates with and without the second try, failures by stage, times, and own judgement.

    The first try loads models and fills caches; its times are left out where there are others.
    """
    count = len(episodes)
    first = sum(episode.attempts[0].success for episode in episodes)
    final = sum(episode.attempts[-1].success for episode in episodes)
    attempts = [attempt for episode in episodes for attempt in episode.attempts]
    warm = [attempt for attempt in attempts[1:] if attempt.seconds] or attempts
    judged = [attempt for attempt in attempts if attempt.believed is not None]
    stages = sorted({stage for attempt in warm for stage in attempt.seconds})
    return {
        "success_rate": final / count if count else 0.0,
        "interval_95": wilson_interval(final, count),
        "success_rate_first_try": first / count if count else 0.0,
        "interval_95_first_try": wilson_interval(first, count),
        "episodes": count,
        "failures": dict(
            Counter(e.attempts[-1].stage for e in episodes if not e.attempts[-1].success)
        ),
        "failures_first_try": dict(
            Counter(e.attempts[0].stage for e in episodes if not e.attempts[0].success)
        ),
        "seconds": {
            stage: spread([a.seconds[stage] for a in warm if stage in a.seconds])
            for stage in stages
        },
        "judgement": {
            "right": sum(a.believed == a.success for a in judged),
            "held_though_it_failed": sum(bool(a.believed and not a.success) for a in judged),
            "failed_though_it_held": sum(bool(not a.believed and a.success) for a in judged),
        },
        "results": [asdict(episode) for episode in episodes],
    }
