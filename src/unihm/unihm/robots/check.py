"""Find what is wrong with a hand file before a robot does: one sentence for each fault."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.kinematics import Hand
from unihm.robots.link_meshes import link_mesh
from unihm.robots.spec import (
    DESCRIPTIONS,
    FINGERS,
    KEYPOINT_NAMES,
    POSES,
    find_hand_file,
    read_spec,
)
from unihm.robots.surface import LinkSurface, surface_points
from unihm.robots.urdf import read_urdf
from unihm.robots.urdf_text import resolve_path, split_arguments
from unihm.transforms import apply, invert

#: Pads may lie this far from the surface of their link's shapes, which are only fitted to it.
PAD_GAP = 0.004
#: Radians that no finger turns.
MOST_TURN = 4 * np.pi
#: Links that are not neighbours may overlap this much at rest, for the same reason.
OVERLAP = 0.006


@dataclass(frozen=True)
class Report:
    """Faults must be mended; remarks may be as they should."""

    hand: Hand | None
    faults: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True where there are no faults."""
        return not self.faults


def check_hand(name: str) -> Report:
    """Check a hand given by name or by the path of its file.

    What cannot be read at all (file, URDF, joint and link names) ends the check with that one
    fault; otherwise every fault is reported. Of a URDF without a hand file the URDF is checked.
    """
    try:
        hand = Hand(read_spec(find_hand_file(name)))
    except UnihmError as error:
        reference, arguments = split_arguments(name)
        if error.code is ErrorCode.UNKNOWN_HAND and reference.endswith(DESCRIPTIONS):
            return _check_description(reference, arguments, error.message)
        return Report(None, (error.message,), ())
    faults = [*_limits(hand), *_palm(hand), *_closing(hand), *_keypoints(hand), *_driver(hand)]
    if not hand.shapes:
        faults.append(f"{hand.urdf_path.name} has no collision shapes: its fingers touch nothing.")
    try:
        faults += [*_pads(hand), *_overlaps(hand)]
    except UnihmError as error:  # a mesh that cannot be read
        faults.append(error.message)
    return Report(hand, tuple(faults), tuple(_remarks(hand)))


def _check_description(reference: str, arguments: dict[str, str], lacking: str) -> Report:
    """What can be said of a URDF alone; ``lacking`` says that it is not enough."""
    try:
        urdf = read_urdf(resolve_path(reference, Path()), arguments=arguments)
    except UnihmError as error:
        return Report(None, (error.message,), ())
    faults = []
    for link, shape in urdf.shapes:
        if shape.kind == "mesh":
            try:
                link_mesh(urdf, link, shape)
            except UnihmError as error:
                faults.append(error.message)
    free = [joint.name for joint in urdf.moving_joints if joint.mimic is None]
    coupled = len(urdf.moving_joints) - len(free)
    remarks = (
        f"Read {urdf.path}.",
        f"Its root is {urdf.root}; {len(urdf.shapes)} collision shapes on {len(urdf.links)} links.",
        f"{len(free)} independent joints, {coupled} coupled ones: {', '.join(free)}.",
    )
    return Report(None, (*dict.fromkeys(faults), lacking), remarks)


def _limits(hand: Hand) -> list[str]:
    faults = []
    for joint in hand.urdf.moving_joints:
        if not joint.lower < joint.upper:
            faults.append(
                f"Joint {joint.name}: its limits {joint.lower} to {joint.upper} are empty."
            )
        if joint.kind == "revolute" and max(-joint.lower, joint.upper) > MOST_TURN:
            faults.append(
                f"Joint {joint.name}: its limits {joint.lower:g} to {joint.upper:g} are radians in "
                "a URDF; are these degrees?"
            )
        for what, value in (("velocity", joint.velocity), ("effort", joint.effort)):
            if not 0 < value < np.inf:
                faults.append(f"Joint {joint.name}: its {what} limit must be positive and finite.")
    for pose in POSES:
        values = np.array(hand.spec.poses[pose])
        for i in np.flatnonzero((values < hand.lower - 1e-6) | (values > hand.upper + 1e-6)):
            faults.append(
                f"Pose {pose}: {hand.joint_names[i]} = {values[i]:.3f} is outside "
                f"{hand.lower[i]:.3f} to {hand.upper[i]:.3f}."
            )
    return faults


def _palm(hand: Hand) -> list[str]:
    """The palm's axes against where fingers and thumb are."""
    faults = []
    tips = _tips_in_palm(hand, hand.open_joints)
    if tips[:, 0].mean() < 0:
        faults.append("The palm's approach axis points away from the open fingers.")
    if "thumb" in hand.finger_names and len(tips) > 2:
        thumb = hand.finger_names.index("thumb")
        across = tips[thumb, 1] - np.delete(tips[:, 1], thumb).mean()
        side = "left" if across > 0 else "right"
        if side != hand.side:
            faults.append(
                f"By palm and thumb this is a {side} hand, not a {hand.side} one: "
                "the palm's normal points to the back, or the side is wrong."
            )
    return faults


def _pads(hand: Hand) -> list[str]:
    """Pads lie on the surface and their normals point out of it."""
    faults = []
    for tip in hand.spec.fingertips:
        surface, pad, normal = LinkSurface(hand, tip.link), np.array(tip.xyz), np.array(tip.normal)
        outer, at, inner = surface.signed_distance(pad + np.outer([0.003, 0.0, -0.003], normal))
        if not np.isfinite(at):
            faults.append(f"Fingertip {tip.finger}: its link {tip.link} has no collision shape.")
        elif abs(at) > PAD_GAP:
            where = "inside" if at < 0 else "outside"
            faults.append(
                f"Fingertip {tip.finger}: the pad is {1e3 * abs(at):.1f} mm {where} the surface "
                f"of {tip.link}."
            )
        elif outer < inner:
            faults.append(f"Fingertip {tip.finger}: the normal points into the finger.")
    return faults


def _closing(hand: Hand) -> list[str]:
    """From the open to the closed pose every pad comes nearer to the palm, the way it should."""
    faults = []
    before, after = (_tips_in_palm(hand, q) for q in (hand.open_joints, hand.closed_joints))
    gain = np.linalg.norm(before, axis=1) - np.linalg.norm(after, axis=1)
    for finger, metres in zip(hand.finger_names, gain):
        if metres < 0.005:
            faults.append(f"Closing moves the {finger}'s tip away from the palm, or not at all.")
    poses = hand.link_poses(hand.open_joints)
    towards_closed = hand.closed_joints - hand.open_joints
    velocity = hand.fingertip_jacobian(hand.open_joints) @ towards_closed
    for tip, v in zip(hand.spec.fingertips, velocity):
        way = poses[tip.link][:3, :3] @ tip.flexion_normal
        if v @ way < 0 and tip.finger != "thumb":
            faults.append(f"Fingertip {tip.finger}: closing moves it against its flexion_normal.")
    return faults


def _keypoints(hand: Hand) -> list[str]:
    faults = []
    if hand.spec.keypoints[0] is None:
        faults.append("The keypoint map lacks the wrist.")
    points = hand.keypoints(hand.open_joints)
    pads, _ = hand.fingertips(hand.open_joints)
    for finger, pad in zip(hand.finger_names, pads):
        tip = 4 + 4 * FINGERS.index(finger)
        if hand.spec.keypoints[tip] is None:
            faults.append(f"The keypoint map lacks {KEYPOINT_NAMES[tip]}, which has a pad.")
        elif np.linalg.norm(points[tip] - pad) > 0.05:
            faults.append(f"Keypoint {KEYPOINT_NAMES[tip]} is more than 5 cm from its pad.")
    return faults


def _driver(hand: Hand) -> list[str]:
    commanded = {channel.joint for channel in hand.spec.driver.channels}
    silent = [name for name in hand.joint_names if name not in commanded]
    return [f"The driver has no channel for {', '.join(silent)}."] if silent else []


def _overlaps(hand: Hand) -> list[str]:
    """Links more than one joint apart that overlap in the open pose."""
    poses = hand.link_poses(hand.open_joints)
    points, _, owners = surface_points(hand, hand.open_joints, 2e-3)
    surfaces = {str(link): LinkSurface(hand, link, 2e-3) for link in np.unique(owners)}
    near = _neighbours(hand)
    faults = []
    for a, b in combinations(surfaces, 2):
        if frozenset((a, b)) in near:
            continue
        inside = surfaces[a].signed_distance(apply(invert(poses[a]), points[owners == b]))
        if inside.min() < -OVERLAP:
            faults.append(f"Open, {a} and {b} overlap by {-1e3 * inside.min():.0f} mm.")
    return faults


def _neighbours(hand: Hand) -> set[frozenset[str]]:
    """Pairs of links that meet: up to two joints apart, links without shape not counted."""
    shaped = {link for link, _ in hand.shapes}
    parent = {joint.child: joint.parent for joint in hand.urdf.joints}

    def above(link: str) -> str | None:
        while link in parent:
            link = parent[link]
            if link in shaped:
                return link
        return None

    pairs: set[frozenset[str]] = set()
    children: dict[str, list[str]] = {}
    for link in shaped:
        mother = above(link)
        if mother is not None:
            children.setdefault(mother, []).append(link)
            pairs.add(frozenset((link, mother)))
            if (grandmother := above(mother)) is not None:
                pairs.add(frozenset((link, grandmother)))
    for sisters in children.values():
        pairs.update(frozenset(pair) for pair in combinations(sisters, 2))
    return pairs


def _remarks(hand: Hand) -> list[str]:
    remarks = [f"Read {hand.spec.path} and {hand.urdf_path}."]
    absent = [f for f in FINGERS if f not in hand.finger_names]
    if absent:
        remarks.append(f"No pad on: {', '.join(absent)}.")
    known = sum(point is not None for point in hand.spec.keypoints)
    remarks.append(f"{known} of 21 human keypoints have a place on this hand.")
    coupled = len(hand.all_joint_names) - hand.num_joints
    remarks.append(f"{hand.num_joints} independent joints, {coupled} coupled ones.")
    own = {joint.name: joint for joint in hand.urdf.moving_joints}
    for name, lower, upper in zip(hand.joint_names, hand.lower, hand.upper):
        if lower > own[name].lower + 1e-3 or upper < own[name].upper - 1e-3:
            remarks.append(
                f"{name} is held to {lower:.3f} to {upper:.3f}, so that its coupled joints keep "
                "their own limits."
            )
    return remarks


def _tips_in_palm(hand: Hand, q: np.ndarray) -> np.ndarray:
    return apply(invert(hand.T_wrist_palm), hand.fingertips(q)[0])
