"""The whole journey, counted: a sentence about one of several objects, and is it done?

Nothing after the camera knows the simulator's truth; it is read here, outside the pipeline, to
judge by :mod:`unihm.sim.tasks`, and beside what the robot itself believes.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, begin_at, plan_execution, plan_move
from unihm.control.reverse import put_back
from unihm.control.verification import VerificationConfig, verify
from unihm.control.watching import StillWatch, TargetWatch, WatchConfig, watched_until
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.assignments import Assignment
from unihm.evaluation.disturbances import DISTURBANCES, Disturbance
from unihm.evaluation.rollout import Player
from unihm.evaluation.statistics import spread, wilson_interval
from unihm.perception.language.manner import manner_of
from unihm.perception.scene.camera_correction import CameraCorrection
from unihm.pipeline import After
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.description import RobotDescription
from unihm.robots.robot_surface import RobotSurface
from unihm.sim.tasks import HOLD_TIME, Track
from unihm.sim.world import World
from unihm.types import FloatArray, HandMotion, ObjectCloud, Phase, RgbdObservation

SETTLE = 0.4  # s at rest before joints and image are read for the verdict
TRACKED = 10  # poses a second that are kept to judge by
# After these verdicts the robot tries again, as the graph's coordinator does.
RETRIED = (ErrorCode.GRASP_FAILED, ErrorCode.OBJECT_LOST)
REPLANS = 2  # times that a try begins anew because its target was moved before the hand was there


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
class TaskAttempt:
    """One try of an episode.

    Attributes:
        success: by the simulator's truth.
        stage: where it failed: ``pipeline:`` or ``reach:`` and the error's code, ``safety``,
            ``wrong object`` (the planner meant another one), or the judge's word; empty for a
            success.
        truth: the judge's sentence about what went wrong.
        measurements: metres and seconds that it judged by.
        believed: what the robot itself thought of it; None where it never came so far.
        again: whether the robot, as it believes, should try once more.
        replans: times that it began anew because the target was moved.
        reason: its sentence, or the error's.
        evidence: the figures behind its judgement.
        seconds: of every stage, ``control``, and ``first_command``: all from goal to set-points.
        meant: the object nearest to where the planner put the target.
        offset: m, horizontal, from there to that object's centre.
    """

    success: bool = False
    stage: str = ""
    truth: str = ""
    measurements: dict[str, float] = field(default_factory=dict)
    believed: bool | None = None
    again: bool = False
    replans: int = 0
    reason: str = ""
    evidence: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    meant: str = ""
    offset: float = 0.0


@dataclass
class TaskEpisode:
    """One scene, one sentence, what happened beside, and the tries that were made."""

    seed: int
    task: str
    instruction: str
    target: str
    shape: str
    seen: bool
    attempts: list[TaskAttempt] = field(default_factory=list)
    disturbed: str = ""


class TaskBenchmark:
    """Runs episodes of one hand with one pipeline.

    Args:
        pipeline: anything that runs a task.
        hand: name of a hand file.
        retries: further tries after a motion that the robot itself judges to have failed.
        ablate: given random numbers of the episode's own, the hook between the stages.
        control, verification: settings.
        world: whose physics it is.
        watch: when a thing counts as moved, and when as still.
    """

    def __init__(
        self,
        pipeline: FullPipeline,
        hand: str = "xhand",
        retries: int = 1,
        ablate: Callable[[np.random.Generator], After] | None = None,
        control: ControlConfig | None = None,
        verification: VerificationConfig | None = None,
        world: type[World] = World,
        watch: WatchConfig | None = None,
    ) -> None:
        self.pipeline, self._world = pipeline, world
        self.control = control or ControlConfig()
        self.verification = verification or VerificationConfig()
        self.arm, self.hand = load_arm(self.control.arm), load_hand(hand)
        self._surface = RobotSurface(RobotDescription(self.control.arm, hand))
        self.retries = retries
        self.ablate = ablate
        self.watch = watch or WatchConfig()

    def run(
        self,
        task: Assignment,
        disturb: str = "",
        record: Callable[[World], None] = lambda world: None,
    ) -> TaskEpisode:
        """One episode: up to ``1 + retries`` tries.

        Args:
            task: what is asked for.
            disturb: one of :data:`DISTURBANCES`, which happens beside; empty: none.
            record: called ten times a second of the robot's.
        """
        rng = np.random.default_rng([task.seed, 11])
        kind = DISTURBANCES[disturb] if disturb else Disturbance
        disturbance = kind(task.target, np.random.default_rng([task.seed, 13]))
        item = task.scene.object(task.target)
        shape = item.mechanism.works_like if item.opens else item.shape
        episode = TaskEpisode(
            task.seed,
            task.task,
            task.instruction,
            task.target,
            shape,
            task.seen,
        )
        scene = disturbance.prepare(task.scene)
        world = self._world(scene, hand=self.hand.name, render=True, seed=task.seed)
        tried: list[HandMotion] = []
        for number in range(1 + self.retries):
            player = Player(world, self.arm, self.hand, self.control)
            run = _Run(world, player, disturbance, self._surface, record)
            attempt, plan = self._attempt(task, run, rng, tried)
            episode.attempts.append(attempt)
            if not attempt.again or plan is None or number == self.retries:
                break
            try:
                self._go_back(run.player, plan)
            except UnihmError as error:
                attempt.reason += f" {error.message}"
                break
        episode.disturbed = disturb if disturbance.happened else ""
        return episode

    def _attempt(
        self, task: Assignment, run: _Run, rng: np.random.Generator, tried: list[HandMotion]
    ) -> tuple[TaskAttempt, ExecutionPlan | None]:
        """One try, which is added to those ``tried``; the plan is None where it cannot go on."""
        attempt = TaskAttempt()
        run.sample()
        while True:
            before, empty = run.observe(), run.player.sample()
            made = self._plan(task, run.player, before, attempt, rng, tried)
            if made is None:
                return attempt, None
            result, plan = made
            attempt.meant, attempt.offset = _meant(result.motion, run.world)
            try:
                run.play(plan, self._watch(before, result))
                break
            except UnihmError as error:
                moved = error.code is ErrorCode.OBJECT_MOVED
                attempt.stage, attempt.reason = "moved" if moved else "safety", error.message
                if not moved or attempt.replans == REPLANS:
                    return attempt, None
            attempt.replans += 1
            try:
                self._go_back(run.player, plan)
            except UnihmError as error:
                attempt.reason += f" {error.message}"
                return attempt, None
        tried.append(result.motion)
        attempt.stage = attempt.reason = ""
        run.wait(SETTLE)
        after = run.observe_at_rest(self.watch)
        verdict = verify(
            self.arm,
            self.hand,
            plan,
            result.motion.trajectory,
            result.cloud,
            empty,
            run.player.sample(),
            before,
            after,
            self.verification,
        )
        attempt.believed, attempt.reason = verdict.held, verdict.reason
        attempt.again = not verdict.held and verdict.code in RETRIED
        attempt.evidence = verdict.evidence
        run.wait(HOLD_TIME - SETTLE)
        outcome = task.judge(run.track)
        attempt.truth, attempt.measurements = outcome.reason, outcome.measurements
        attempt.stage = outcome.stage
        if attempt.stage and attempt.meant != task.target:
            attempt.stage = "wrong object"
        attempt.success = not attempt.stage
        return attempt, plan

    def _plan(
        self,
        task: Assignment,
        player: Player,
        before: RgbdObservation,
        attempt: TaskAttempt,
        rng: np.random.Generator,
        tried: list[HandMotion],
    ) -> tuple[Result, ExecutionPlan] | None:
        """What the stages make of an image, and what the controllers do; None where they fail."""
        q_arm, q_hand = player.setpoint
        start = time.perf_counter()
        try:
            result = self.pipeline.plan(
                before,
                task.instruction,
                self.hand.name,
                self.arm.forward(q_arm) @ self.hand.T_flange_wrist,
                q_hand,
                self.ablate(rng) if self.ablate else None,
                tried,
            )
        except UnihmError as error:
            attempt.stage, attempt.reason = f"pipeline:{error.code.name}", error.message
            return None
        planned = time.perf_counter()
        try:
            plan = plan_execution(
                result.motion,
                self.hand,
                self.arm,
                q_arm,
                q_hand,
                self.control,
                result.cloud,
                manner_of(task.instruction),
            )
        except UnihmError as error:
            attempt.stage, attempt.reason = f"reach:{error.code.name}", error.message
            return None
        now = time.perf_counter()
        attempt.seconds = {**result.seconds, "control": now - planned, "first_command": now - start}
        return result, plan

    def _watch(self, before: RgbdObservation, result: Result) -> TargetWatch:
        return TargetWatch(before, result.motion.trajectory, result.cloud, self.watch)

    def _go_back(self, player: Player, plan: ExecutionPlan) -> None:
        """Open and go home; where a hand might hold something after all, the way it came."""
        if plan.phase[-1] == Phase.HOLD or player.at < len(plan) - 1:
            back = put_back(plan, player.at)
            player.play(begin_at(back, self.arm, self.hand, *player.setpoint, self.control))
        q_arm, q_hand = player.setpoint
        home = plan_move(
            self.arm, self.hand, q_arm, q_hand, self.arm.home, self.hand.open_joints, self.control
        )
        player.play(home)


class _Run:
    """A world, the robot in it, and what is done to it, while one try is made.

    Args:
        world: with a robot.
        player: of that robot.
        disturbance: what happens beside.
        surface: the robot's own.
        record: called as often as poses are kept.

    Attributes:
        track: of all objects.
    """

    def __init__(
        self,
        world: World,
        player: Player,
        disturbance: Disturbance,
        surface: RobotSurface,
        record: Callable[[World], None],
    ) -> None:
        self.world, self.player, self._disturbance = world, player, disturbance
        self._surface, self._correction = surface, CameraCorrection()
        self._record = record
        self.track = Track()
        self._rate = world.rate / player.steps
        self._samples = 0
        self._watch: TargetWatch | None = None
        self._until = 0
        player.on_sample = self._on_sample

    def sample(self) -> None:
        """Keep where everything is."""
        world = self.world
        self.track.sample(world.time, world.object_poses(), world.openings())
        self._record(world)

    def observe(self) -> RgbdObservation:
        """What the robot makes of a task's first image, as its capture stage does."""
        names = (*self.player.arm.joint_names, *self.player.hand.joint_names)
        positions = dict(zip(names, self.world.joint_state().position))
        image = self._disturbance.see(self.world.observe())
        return self._correction.measure(image, self._surface.posed(positions))

    def observe_at_rest(self, config: WatchConfig) -> RgbdObservation:
        """The first image in which nothing moves any more, as the capture stage waits for it."""
        watch = StillWatch(config)
        while not watch.look(image := self._disturbance.see(self.world.observe())):
            self.wait(config.rest)
        return self._correction.apply(image)

    def wait(self, seconds: float) -> None:
        """Let time go on."""
        self.player.wait(seconds)

    def play(self, plan: ExecutionPlan, watch: TargetWatch) -> None:
        """Carry out a plan, looking at its target until the hand is there.

        Raises:
            UnihmError: OBJECT_MOVED, or SAFETY_STOP; the robot is at rest then.
        """
        self._watch, self._until = watch, watched_until(plan, self._rate, watch.config)
        try:
            self.player.play(plan)
        finally:
            self._watch = None

    def _on_sample(self) -> None:
        self._samples += 1
        if self._samples % max(1, round(self._rate / TRACKED)) == 0:
            self.sample()
        watch = self._watch
        if watch is None or self.player.at >= self._until:
            return
        if self._disturbance.act(self.world, self.player.at / self._until):
            self.track.restart()
            self.sample()
        if self.player.at % max(1, round(self._rate / watch.config.rate)) == 0:
            try:
                watch.look(self._disturbance.see(self.world.observe()))
            except UnihmError:
                self._watch = None  # told once; the arm comes to rest
                raise


def _meant(motion: HandMotion, world: World) -> tuple[str, float]:
    """The object nearest to where the motion believes its target, and how far off that is."""
    believed = motion.trajectory.T_world_object[0][:2, 3]
    offsets = {
        name: float(np.linalg.norm(T[:2, 3] - believed)) for name, T in world.object_poses().items()
    }
    name = min(offsets, key=lambda name: offsets[name])
    return name, offsets[name]


def summarise(episodes: list[TaskEpisode]) -> dict[str, Any]:
    """Rates with and without the second try, failures by stage, times, and own judgement.

    The first try loads models and fills caches; its times are left out where there are others.
    """
    attempts = [attempt for episode in episodes for attempt in episode.attempts]
    warm = [attempt for attempt in attempts[1:] if attempt.seconds] or attempts
    stages = sorted({stage for attempt in warm for stage in attempt.seconds})
    return {
        **rates(episodes),
        "seconds": {
            stage: spread([a.seconds[stage] for a in warm if stage in a.seconds])
            for stage in stages
        },
        "verifier": agreement(episodes),
        "results": [asdict(episode) for episode in episodes],
    }


def rates(episodes: list[TaskEpisode]) -> dict[str, Any]:
    """How many episodes were a success, at the first try and in the end, and why others not."""
    count = len(episodes)
    first = sum(episode.attempts[0].success for episode in episodes)
    final = sum(episode.attempts[-1].success for episode in episodes)
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
    }


def agreement(episodes: list[TaskEpisode]) -> dict[str, Any]:
    """How often what the robot believed of a motion was so.

    Returns:
        ``judged`` motions and how many of them ``failed``; ``agreement``: share that it judged
        right; ``false_success``: share that failed and that it took for a success;
        ``false_failure`` likewise; and the numbers of both.
    """
    judged = [a for e in episodes for a in e.attempts if a.believed is not None]
    fooled = sum(bool(a.believed) and not a.success for a in judged)
    doubted = sum(not a.believed and a.success for a in judged)
    total = max(len(judged), 1)
    return {
        "judged": len(judged),
        "failed": sum(not a.success for a in judged),
        "agreement": 1 - (fooled + doubted) / total,
        "false_success": fooled / total,
        "false_failure": doubted / total,
        "false_successes": fooled,
        "false_failures": doubted,
    }


def table(episodes: list[TaskEpisode]) -> dict[str, Any]:
    """The rates of every task, seen and unseen families apart, of disturbances; own judgement."""
    tasks: dict[str, Any] = {}
    for task in dict.fromkeys(episode.task for episode in episodes):
        of_task = [episode for episode in episodes if episode.task == task]
        tasks[task] = {
            name: rates(chosen)
            for name, seen in (("seen", True), ("unseen", False))
            if (chosen := [episode for episode in of_task if episode.seen == seen])
        }
        tasks[task]["verifier"] = agreement(of_task)
    disturbed = {
        name: rates([episode for episode in episodes if episode.disturbed == name])
        for name in dict.fromkeys(episode.disturbed for episode in episodes)
        if name
    }
    return {
        "tasks": tasks,
        "disturbed": disturbed,
        "verifier": agreement(episodes),
        "results": [asdict(episode) for episode in episodes],
    }
