"""Many grasps of one object; the best that the arm can carry out is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import trimesh
from scipy.spatial import cKDTree

from unihm.config import load_section
from unihm.control.config import ControlConfig
from unihm.control.execution import wrist_path
from unihm.errors import ErrorCode, UnihmError
from unihm.generator import Generator
from unihm.grasps.config import GraspConfig, Method
from unihm.grasps.contact_vae import ContactVae
from unihm.grasps.fingers import with_fingers
from unihm.grasps.handles import handle_tokens
from unihm.grasps.masked_transformer import MaskedGraspGenerator
from unihm.grasps.measures import GraspMeasures, measure
from unihm.grasps.parts import find_part
from unihm.grasps.sources import (
    ContactSource,
    GraspRequest,
    GraspSource,
    MaskedSource,
    Proposal,
    ViewSource,
)
from unihm.grasps.views import GraspView
from unihm.perception.language.manner import Manner, manner_of
from unihm.perception.trajectory import make_trajectory
from unihm.refinement import RefinementConfig, RefinementReport, refine_batch, warm_up
from unihm.refinement.batch import check_hold
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.transforms import BoolArray, invert, make_transform
from unihm.types import (
    FloatArray,
    HandMotion,
    HandTokens,
    ObjectCloud,
    ObjectTrajectory,
    Task,
    TaskKind,
)

FROM_ABOVE = 40.0  # degrees; where the palm is lower than that it comes from the side
MOSTLY = 0.6  # share of the contacts that are on the part that was asked for
#: Two grasps whose wrists are nearer than this to each other are one.
SAME_PLACE, SAME_TURN = 0.03, np.deg2rad(30.0)  # m, rad


@dataclass(frozen=True)
class Candidate:
    """One way to grasp an object.

    Attributes:
        view: what the generator was shown.
        tokens: what it answered.
        motion: the answer, refined.
        report: of the refinement.
        measures: what can be said of the grasp before it is tried.
    """

    view: GraspView
    tokens: HandTokens
    motion: HandMotion
    report: RefinementReport
    measures: GraspMeasures

    def obeys(self, manner: Manner, cloud: ObjectCloud, part: BoolArray | None) -> bool:
        """Whether it is as was asked for; ``part`` (N,) are the points of ``cloud`` to take."""
        if manner.side and (self.measures.above > FROM_ABOVE) != (manner.side == "above"):
            return False
        if manner.fingers and self.measures.fingers > manner.fingers:
            return False
        if part is None:
            return True
        if self.report.grasp is None:
            return False
        _, nearest = cKDTree(cloud.points).query(self.report.grasp.points)
        return bool(part[nearest].mean() >= MOSTLY)


class GraspChooser:
    """Refines candidates in one batch, and takes the best.

    Args:
        generator: that answers every view with a grasp; its tokenizer decodes all candidates.
        refinement: as the refiner will do it; None: with its default settings.
        control: how the arm controller will carry it out.
        config: how many candidates.
        arm: that carries the hand.
        source: of the grasps of things that are lifted; None: the generator.
    """

    def __init__(
        self,
        generator: Generator,
        refinement: RefinementConfig | None,
        control: ControlConfig,
        config: GraspConfig,
        arm: Arm,
        source: GraspSource | None = None,
    ) -> None:
        self.generator = generator
        self.refinement = refinement or RefinementConfig()
        self.control = control
        self.config = config
        self.arm = arm
        self.views = ViewSource(generator)
        self.source = source or self.views

    @classmethod
    def load(
        cls, preset: str, generator: Generator, arm: Arm, method: Method | None = None
    ) -> GraspChooser:
        """With the settings of a preset, and its ``grasps.method`` unless one is given.

        Raises:
            UnihmError: INVALID_CONFIG; WEIGHTS_MISSING for a method whose weights are not there.
        """
        config = load_section(preset, "grasps", GraspConfig)
        source: GraspSource | None = None
        match method or config.method:
            case "masked":
                source = MaskedSource(MaskedGraspGenerator.load(preset), generator.tokenizer)
            case "contact":
                source = ContactSource(ContactVae.load(preset), generator.tokenizer)
        return cls(
            generator,
            load_section(preset, "refinement", RefinementConfig),
            load_section(preset, "control", ControlConfig),
            config,
            arm,
            source,
        )

    def warm_up(self) -> None:
        """Do for once what takes seconds the first time, and all the memory that it will take."""
        self.views.warm_up()
        if self.source is not self.views:
            self.source.warm_up()
        warm_up()
        # Tall, so that it has as many views as are made, and of as many points as clouds have.
        box = trimesh.creation.box((0.05, 0.05, 0.15))
        while len(box.vertices) < 1000:
            box = box.subdivide()
        hand = load_hand(self.generator.tokenizer.hands[0])
        T_world_object = make_transform(np.eye(3), [0.5, 0.0, 0.075])
        with suppress(UnihmError):  # whether one of them will do is not the question
            self.candidates(
                Task("warm-up", "pick up the box", hand.name),
                make_trajectory(TaskKind.GRAB, T_world_object, T_world_object[:3, 3]),
                ObjectCloud(box.vertices, box.vertex_normals),
                hand.open_joints,
                self.arm.forward(self.arm.home) @ hand.T_flange_wrist,
            )

    def candidates(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        joints: FloatArray,
        T_world_wrist: FloatArray,
        most: int | None = None,
    ) -> list[Candidate]:
        """All grasps of one object, the best first; whether the arm gets there is not asked yet.

        Sound ones come first, then those that run into nothing else; otherwise they stand in the
        order of their views: a judgement that has something against all of them, as of a cup's
        thin wall, says little. Those that are not as the instruction's words of manner ask for are
        left out.

        Args:
            task: the instruction, and the hand.
            trajectory: where the object goes.
            cloud: its surface, in the trajectory's object frame.
            joints: (J,) rad, where the hand's joints are now.
            T_world_wrist: (4, 4) where the hand's root link is now.
            most: how many are made; None: as many as the settings say.

        Raises:
            UnihmError: INVALID_INSTRUCTION or OBJECT_NOT_FOUND for a manner that is not possible;
                of the generator and of the refinement.
        """
        manner = manner_of(task.instruction)
        part = _asked_part(cloud, manner)
        T_object_wrist = invert(trajectory.T_world_object[0]) @ T_world_wrist
        lifts = trajectory.kind in (TaskKind.GRAB, TaskKind.PICK_AND_PLACE)
        proposals = (self.source if lifts else self.views).propose(
            GraspRequest(task, trajectory, cloud, joints, T_object_wrist, manner, part),
            most or self.config.candidates,
        )
        return self._judge(task, trajectory, cloud, proposals, manner, part)

    def edited(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        parts: Sequence[str],
        most: int | None = None,
    ) -> list[Candidate]:
        """As :meth:`candidates`, of grasps of which some parts were sampled once more.

        Args:
            task, trajectory, cloud, most: likewise.
            parts: of the hand, e.g. "thumb"; the others stay where they are.

        Raises:
            UnihmError: INVALID_CONFIG where the source cannot edit; INVALID_INSTRUCTION for parts
                that the hand does not have; those of :meth:`candidates`.
        """
        if not isinstance(self.source, MaskedSource):
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                "Only grasps of the masked transformer can be edited; grasps.method is another.",
            )
        manner = manner_of(task.instruction)
        part = _asked_part(cloud, manner)
        count = most or self.config.candidates
        proposals = self.source.edited(task, trajectory, cloud, count, parts)
        return self._judge(task, trajectory, cloud, proposals, manner, part)

    def _judge(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        proposals: Sequence[Proposal],
        manner: Manner,
        part: BoolArray | None,
    ) -> list[Candidate]:
        """Decode and refine what a source proposes; the best first, see :meth:`candidates`.

        Raises:
            UnihmError: of the refinement, where it refuses all of them.
        """
        decoded, refusal = [], None
        for view, tokens in proposals:
            motion = self.generator.tokenizer.decode(tokens, task.hand, trajectory)
            if manner.fingers:
                motion = with_fingers(motion, manner.fingers)
            try:
                if self.refinement.hold_slide > 0:
                    check_hold(motion, self.refinement.hold_slide)
            except UnihmError as error:
                refusal = refusal or error
            else:
                decoded.append((view, tokens, motion))
        if not decoded:
            assert refusal is not None
            raise refusal
        motions, reports = refine_batch([m for *_, m in decoded], [cloud], self.refinement)
        found = []
        for (view, tokens, _), motion, report in zip(decoded, motions, reports):
            measures = measure(motion, report, cloud, self._path(motion), fingers=manner.fingers)
            candidate = Candidate(view, tokens, motion, report, measures)
            if candidate.obeys(manner, cloud, part):
                found.append(candidate)

        def order(candidate: Candidate) -> tuple[bool, bool, float]:
            measures = candidate.measures
            return not measures.sound, measures.collides, measures.topples

        return sorted(found, key=order)

    def choose(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        joints: FloatArray,
        T_world_wrist: FloatArray,
        q_arm: FloatArray | None = None,
        tried: Sequence[HandMotion] = (),
    ) -> Candidate:
        """The best candidate that the arm can carry out from beginning to end.

        Args:
            task, trajectory, cloud, joints, T_world_wrist: as for :meth:`candidates`.
            q_arm: (n,) rad, where the arm is now; None: at home.
            tried: what was carried out in vain; one like it is taken only if there is no other.

        Raises:
            UnihmError: UNREACHABLE, of all of them; those of :meth:`candidates`.
        """
        if trajectory.kind == TaskKind.OPEN_CLOSE:
            return self._take_handle(task, trajectory, cloud, q_arm, tried)
        asked_for = task, trajectory, cloud, joints, T_world_wrist

        def again(candidate: Candidate) -> bool:
            return any(alike(candidate.motion, old) for old in tried)

        with suppress(UnihmError):  # mostly the usual grasp will do, and no other need be made
            for candidate in self.candidates(*asked_for, most=1):
                if candidate.measures.sound and not again(candidate):
                    self.reach(candidate, q_arm)
                    return candidate
        found = sorted(self.candidates(*asked_for), key=again)
        asked = manner_of(task.instruction).words
        why = ""
        for candidate in found:
            try:
                self.reach(candidate, q_arm)
            except UnihmError as error:
                why = why or error.message
            else:
                return candidate
        if asked:
            many = f"none of {len(found)} can be reached" if found else "none was found"
            why = f"There is no grasp {asked}: {many}. Without these words I take it as it comes."
        elif len(found) > 1:
            why = f"None of {len(found)} grasps can be reached. {why}"
        raise UnihmError(ErrorCode.UNREACHABLE, why)

    def _take_handle(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        q_arm: FloatArray | None,
        tried: Sequence[HandMotion],
    ) -> Candidate:
        """The roomiest pinch of a handle that the arm can carry out."""
        hand, tokenizer = load_hand(task.hand), self.generator.tokenizer
        found = handle_tokens(hand, trajectory, cloud)
        if not found:
            raise UnihmError(
                ErrorCode.UNREACHABLE, "The hand has no room round the handle to take it."
            )
        why = ""
        written = [(tokens, tokenizer.decode(tokens, hand.name, trajectory)) for tokens in found]
        for tokens, motion in sorted(
            written, key=lambda pair: any(alike(pair[1], old) for old in tried)
        ):
            try:
                self.arm.solve_path(self._path(motion), hand, self._from(q_arm))
            except UnihmError as error:
                why = why or error.message
                continue
            (refined,), (report,) = refine_batch([motion], [cloud], self.refinement)
            measures = measure(refined, report, cloud, self._path(refined))
            view = GraspView(np.eye(4), cloud)
            candidate = Candidate(view, tokens, refined, report, measures)
            try:
                self.reach(candidate, q_arm)
            except UnihmError as error:
                why = why or error.message
            else:
                return candidate
        raise UnihmError(
            ErrorCode.UNREACHABLE,
            f"None of {len(found)} ways to take the handle can be reached. {why}",
        )

    def _from(self, q_arm: FloatArray | None) -> FloatArray:
        return self.arm.home if q_arm is None else q_arm

    def reach(self, candidate: Candidate, q_arm: FloatArray | None = None) -> FloatArray:
        """(T, n) rad: the arm's way from ``q_arm`` (n,), or home, through the whole motion.

        Raises:
            UnihmError: UNREACHABLE.
        """
        start = self.arm.home if q_arm is None else q_arm
        motion = candidate.motion
        return self.arm.solve_path(self._path(motion), load_hand(motion.hand), start)

    def _path(self, motion: HandMotion) -> FloatArray:
        """(T, 4, 4): where the arm controller will bring the wrist."""
        return wrist_path(motion, load_hand(motion.hand), self.control)


def _asked_part(cloud: ObjectCloud, manner: Manner) -> BoolArray | None:
    """Points (N,) of the part that shall be taken; None where any will do.

    Raises:
        UnihmError: INVALID_INSTRUCTION, OBJECT_NOT_FOUND for what cannot be done.
    """
    if manner.impossible:
        raise UnihmError(
            ErrorCode.INVALID_INSTRUCTION, f"I have one hand: {manner.impossible} I cannot."
        )
    if not manner.part:
        return None
    part = find_part(cloud, manner.part)
    if part is None:
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            f"I see nothing to take it {manner.part_words}. Without these words I take it as it "
            "comes.",
        )
    return part


def alike(one: HandMotion, other: HandMotion) -> bool:
    """Whether two motions take the object in the same way, seen from the world."""
    relative = invert(_grasp(one)) @ _grasp(other)
    cosine = (np.trace(relative[:3, :3]) - 1.0) / 2.0
    turned = np.arccos(np.clip(cosine, -1.0, 1.0))
    return bool(np.linalg.norm(relative[:3, 3]) < SAME_PLACE and turned < SAME_TURN)


def _grasp(motion: HandMotion) -> FloatArray:
    """(4, 4): the wrist when the pads touch, in world axes about the object's middle."""
    T = motion.T_world_wrist[motion.trajectory.contact].copy()
    T[:3, 3] -= motion.trajectory.T_world_object[0, :3, 3]
    return T
