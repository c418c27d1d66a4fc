"""Where the candidates of a grasp come from: ways to make them, behind one interface."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from unihm.control.grasp_motion import APPROACH_DISTANCE, Attempt, grasp_motion
from unihm.generator import Generator
from unihm.grasps.contact_vae import ContactVae
from unihm.grasps.masked_transformer import CodedGrasps, MaskedGraspGenerator
from unihm.grasps.part_tokenizer.heading import turned
from unihm.grasps.sampled import SampledGrasps
from unihm.grasps.views import GraspView, grasp_views
from unihm.perception.language.manner import Manner
from unihm.robots import Hand, load_hand
from unihm.tokenizer import Tokenizer
from unihm.transforms import BoolArray, invert
from unihm.types import FloatArray, HandTokens, ObjectCloud, ObjectTrajectory, Task

DIP = np.deg2rad(50.0)  # from where the fingers point to where the palm looks: the hand's way
OPENED = 0.5  # of the way from the joints of a grasp to the open hand, while it comes
DRAWN = 3  # times as many grasps are drawn as are asked for, and the surest of them taken

Proposal = tuple[GraspView, HandTokens]


@dataclass(frozen=True)
class GraspRequest:
    """What is to be taken, by which hand, and how.

    Attributes:
        task: the instruction, and the hand.
        trajectory: where the object goes.
        cloud: its surface, in the trajectory's object frame.
        joints: (J,) rad, where the hand's joints are now.
        T_object_wrist: (4, 4) where the hand's root link is now.
        manner: what the instruction says of it.
        part: (N,) the points to take hold of; None where any will do.
    """

    task: Task
    trajectory: ObjectTrajectory
    cloud: ObjectCloud
    joints: FloatArray
    T_object_wrist: FloatArray
    manner: Manner
    part: BoolArray | None


class GraspSource(Protocol):
    """Makes candidates of one object, which are then decoded, refined and judged."""

    def propose(self, request: GraspRequest, most: int) -> list[Proposal]:
        """At most ``most`` candidates, the usual ones first."""
        ...

    def warm_up(self) -> None:
        """Do for once what takes seconds the first time."""
        ...


class ViewSource:
    """The generator's answer to each of several views of the object."""

    def __init__(self, generator: Generator) -> None:
        self.generator = generator

    def propose(self, request: GraspRequest, most: int) -> list[Proposal]:
        """A candidate for each view."""
        task, trajectory = request.task, request.trajectory
        hand, side = load_hand(task.hand), request.manner.side
        views = grasp_views(request.cloud, trajectory, hand, most, side, request.part)
        written = self.generator.generate_views(
            task, trajectory, views, request.joints, request.T_object_wrist
        )
        return list(zip(views, written))

    def warm_up(self) -> None:
        """Generate once for nothing."""
        self.generator.warm_up()


class MaskedSource:
    """Samples of the masked transformer as whole motions.

    The words are heard by the transformer; what they ask for is not looked for otherwise.
    """

    def __init__(self, masked: MaskedGraspGenerator, tokenizer: Tokenizer) -> None:
        self.masked = masked
        self.tokenizer = tokenizer

    def propose(self, request: GraspRequest, most: int) -> list[Proposal]:
        """The surest samples."""
        grasps = self._surest(request.task, request.cloud, most)
        return motions_of(grasps, request.trajectory, request.cloud, self.tokenizer)

    def edited(
        self,
        task: Task,
        trajectory: ObjectTrajectory,
        cloud: ObjectCloud,
        most: int,
        parts: Sequence[str],
    ) -> list[Proposal]:
        """The surest samples with other codes of ``parts``.

        Raises:
            UnihmError: INVALID_INSTRUCTION for parts that the hand does not have.
        """
        grasps = self._surest(task, cloud, most)
        grasps = self.masked.edit(grasps, parts, cloud, task.instruction)
        return motions_of(grasps, trajectory, cloud, self.tokenizer)

    def _surest(self, task: Task, cloud: ObjectCloud, most: int) -> CodedGrasps:
        return self.masked.sample(task.hand, cloud, task.instruction, DRAWN * most).first(most)

    def warm_up(self) -> None:
        """Sample once for nothing."""
        self.masked.warm_up()
        self.tokenizer.warm_up()


class ContactSource:
    """Draws of the contact-aware autoencoder as whole motions; it hears no words.

    Where a part is asked for the autoencoder is shown that part alone.
    """

    def __init__(self, vae: ContactVae, tokenizer: Tokenizer) -> None:
        self.vae = vae
        self.tokenizer = tokenizer

    def propose(self, request: GraspRequest, most: int) -> list[Proposal]:
        """The draws that agree best with their contact maps."""
        shown, part = request.cloud, request.part
        if part is not None:
            shown = ObjectCloud(shown.points[part], shown.normals[part])
        grasps = self.vae.sample(request.task.hand, shown, DRAWN * most).first(most)
        return motions_of(grasps, request.trajectory, request.cloud, self.tokenizer)

    def warm_up(self) -> None:
        """Draw once for nothing."""
        self.vae.warm_up()
        self.tokenizer.warm_up()


def motions_of(
    grasps: SampledGrasps, trajectory: ObjectTrajectory, cloud: ObjectCloud, tokenizer: Tokenizer
) -> list[Proposal]:
    """Grasps as motions in tokens of whole hands, each in the frame that it was drawn in."""
    hand, found = load_hand(grasps.hand), []
    for turn, T_object_frame, T_object_wrist, joints in zip(
        grasps.turns, turned(grasps.turns), grasps.T_object_wrist, grasps.joints
    ):
        attempt = attempt_at(invert(T_object_frame) @ T_object_wrist, joints, hand)
        tokens = tokenizer.encode(grasp_motion(hand, attempt, trajectory))
        view = GraspView(T_object_frame, cloud, turn=float(np.degrees(turn)))
        found.append((view, replace(tokens, T_object_frame=T_object_frame)))
    return found


def attempt_at(T_object_wrist: FloatArray, joints: FloatArray, hand: Hand) -> Attempt:
    """How a grasp is come to: half open, with the fingers ahead and the palm looking forward.

    Args:
        T_object_wrist: (4, 4) when the pads touch.
        joints: (J,) likewise.
        hand: whose they are.
    """
    R_object_palm = (T_object_wrist @ hand.T_wrist_palm)[:3, :3]
    ahead = R_object_palm @ [np.cos(DIP), 0.0, np.sin(DIP)]
    return Attempt(
        T_object_wrist=T_object_wrist,
        approach=-APPROACH_DISTANCE * ahead,
        open_joints=joints + OPENED * (hand.open_joints - joints),
        joints=joints,
    )
