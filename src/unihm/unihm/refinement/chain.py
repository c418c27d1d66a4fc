"""Kinematics of a hand and its wrist for the solver: batched, with screws in place of Jacobians.

The coordinates of a frame are ``y`` = (wrist position 3, wrist rotation vector 3, joints J),
D = 6 + J numbers; the wrist's orientation is ``R_reference exp(rotation vector)`` in the object
frame, so that the priors of equations 14 and 15 are plain quadratic forms in ``y``.

A point x that moves with the hand has, for every coordinate, the velocity a * x + v (cross
product) of a screw (a, v). Its derivative along a direction n is the product of the screw with
the wrench (x * n, n); all Jacobian rows of a frame are thus one small matrix product. The same
quantities come compiled for numpy arrays and in torch's functions for its tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from unihm.refinement import compiled
from unihm.refinement.backend import Backend, NumpyBackend, backend_for
from unihm.robots import Hand
from unihm.types import FloatArray, IntArray

WRIST = 6  # coordinates of the wrist
_UNWRAP = 2.5  # rad; smaller rotation vectors have no nearer equal
_MAX_FILL = 20  # spheres, about, in a box


@dataclass(frozen=True)
class LinkPoints:
    """Spheres fixed to links of a hand.

    Attributes:
        link: (P,) moving joint that carries the point, counted from 1; 0 is the wrist.
        xyz: (P, 3) metres in the frame of that joint.
        radius: (P,) metres.
    """

    link: IntArray
    xyz: FloatArray
    radius: FloatArray

    def __len__(self) -> int:
        return len(self.link)


@dataclass
class LinkPointsAt:
    """Points fixed to links, chosen for each sequence of a batch.

    Attributes:
        link: (B P,) row of the carrying link among the B (1 + M) of the batch.
        xyz: (B, P, 3) metres in the frame of that joint.
        radius: (B, P) metres.
        moved_by: (B, P, 6 + M) 1 where a screw moves the point.
    """

    link: Any
    xyz: Any
    radius: Any
    moved_by: Any


class HandChain:
    """The tree of moving joints of a hand as arrays, in an order that puts parents first.

    Attributes:
        hand: whose tree it is.
        size: D, 6 + number of independent joints.
        pads: spheres of the fingertips, in the order of ``hand.finger_names``.
        pad_normals: (F, 3) outward, in the frames of the pads' joints.
        body: spheres that fill the collision shapes of all links.
        branch: (1 + M,) number of the finger that a link belongs to, from 1; 0 is the palm.
        moved_by: (1 + M, 6 + M) 1 where a screw moves a link.
    """

    def __init__(self, hand: Hand) -> None:
        self.hand = hand
        self.size = WRIST + hand.num_joints
        self._read_tree()
        tips = hand.spec.fingertips
        carriers = [self._carrier[t.link] for t in tips]
        centres = [np.array(t.xyz) - t.pad_radius * np.array(t.normal) for t in tips]
        self.pads = LinkPoints(
            link=np.array([joint for joint, _ in carriers]),
            xyz=np.array([T[:3, :3] @ c + T[:3, 3] for (_, T), c in zip(carriers, centres)]),
            radius=np.array([t.pad_radius for t in tips]),
        )
        self.pad_normals = np.array([T[:3, :3] @ t.normal for (_, T), t in zip(carriers, tips)])
        self.body = self._body()
        # A joint that moves one pad belongs to that finger, one that moves several to the palm.
        moves = self.moved_by[self.pads.link, WRIST:].T > 0  # (M, F)
        self.branch = np.append(0, np.where(moves.sum(1) == 1, 1 + moves.argmax(1), 0))

    def _read_tree(self) -> None:
        """Sort the moving joints by depth and collect their origins, axes and ancestors."""
        urdf = self.hand.urdf
        # Where every link hangs: on which moving joint (by name; None: the wrist) and how.
        hangs: dict[str, tuple[str | None, FloatArray]] = {urdf.root: (None, np.eye(4))}
        depth: dict[str | None, int] = {None: 0}
        origin: dict[str, tuple[str | None, FloatArray]] = {}
        for joint in urdf.joints:
            parent, T = hangs[joint.parent]
            T = T @ joint.T_parent_joint
            if joint in urdf.moving_joints:
                origin[joint.name] = parent, T
                depth[joint.name] = depth[parent] + 1
                hangs[joint.child] = joint.name, np.eye(4)
            else:
                hangs[joint.child] = parent, T
        joints = sorted(urdf.moving_joints, key=lambda j: depth[j.name])
        number = {None: 0} | {joint.name: i + 1 for i, joint in enumerate(joints)}
        self._carrier = {link: (number[name], T) for link, (name, T) in hangs.items()}
        self._parent = np.array([number[origin[j.name][0]] for j in joints])
        self._origin = np.array([origin[j.name][1] for j in joints])
        self._axis = np.array([j.axis / np.linalg.norm(j.axis) for j in joints])
        self._sliding = np.array([j.kind == "prismatic" for j in joints])
        levels = np.array([depth[j.name] for j in joints])
        self._levels = [np.flatnonzero(levels == d) for d in range(1, levels.max() + 1)]
        rows = [self.hand.all_joint_names.index(j.name) for j in joints]
        self._expansion, self._offset = (
            self.hand.expansion[rows],
            self.hand.expansion_offset[rows],
        )
        # moved_by[l, c] is 1 where screw c moves link l: the wrist's six move all.
        count = len(joints)
        self.moved_by = np.zeros((count + 1, WRIST + count))
        self.moved_by[:, :WRIST] = 1.0
        for i, parent in enumerate(self._parent):
            self.moved_by[i + 1] = self.moved_by[parent]
            self.moved_by[i + 1, WRIST + i] = 1.0

    def _body(self) -> LinkPoints:
        """Fill capsules, cylinders and boxes with spheres of their own thickness."""
        links, points, radii = [], [], []
        for link, shape in self.hand.shapes:
            joint, T = self._carrier[link]
            for centre, radius in _fill(shape.kind, shape.size):
                at = T @ shape.T_link_shape @ np.append(centre, 1.0)
                links.append(joint)
                points.append(at[:3])
                radii.append(radius)
        return LinkPoints(np.array(links, int), np.reshape(points, (-1, 3)), np.array(radii))

    @cache  # noqa: B019 - chains live as long as their hands, which are cached themselves
    def arrays(self, device: str | None = None) -> ChainArrays:
        """The constants of the tree on a torch device, or in numpy for None."""
        return ChainArrays(self, backend_for(device))

    def at(self, points: LinkPoints, index: IntArray, ops: Backend) -> LinkPointsAt:
        """Points ``index`` (B, P) of ``points``, a choice for each of B sequences."""
        link = points.link[index]
        row = link + len(self.moved_by) * np.arange(len(index))[:, None]
        return LinkPointsAt(
            link=ops.array(row.ravel()),
            xyz=ops.array(points.xyz[index]),
            radius=ops.array(points.radius[index]),
            moved_by=ops.array(self.moved_by[link]),
        )

    def wrist_and_joints(self, y: FloatArray, R_reference: FloatArray) -> tuple[Any, Any]:
        """Coordinates (..., D) to wrist poses (..., 4, 4) and joints (..., J)."""
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_rotvec(y[..., 3:6].reshape(-1, 3)).as_matrix()
        T = np.zeros((*y.shape[:-1], 4, 4))
        T[..., :3, :3] = R_reference @ rotation.reshape(*y.shape[:-1], 3, 3)
        T[..., :3, 3] = y[..., :3]
        T[..., 3, 3] = 1.0
        return T, y[..., WRIST:]

    def coordinates(self, T: FloatArray, joints: FloatArray, R_reference: FloatArray) -> FloatArray:
        """Wrist poses (T, 4, 4) and joints (T, J) to coordinates (T, D), continuous in time."""
        from scipy.spatial.transform import Rotation

        rotation = Rotation.from_matrix(R_reference.T @ T[:, :3, :3]).as_rotvec()
        if np.linalg.norm(rotation, axis=1).max() > _UNWRAP:
            for t in range(1, len(rotation)):
                # A rotation vector may also go on beyond half a turn; take the one that is nearer.
                angle = max(float(np.linalg.norm(rotation[t])), 1e-9)
                other = rotation[t] * (1.0 - 2.0 * np.pi / angle)
                before = rotation[t - 1]
                if np.linalg.norm(other - before) < np.linalg.norm(rotation[t] - before):
                    rotation[t] = other
        return np.concatenate([T[:, :3, 3], rotation, joints], axis=1)


@cache
def chain_of(hand: Hand) -> HandChain:
    """The chain of a hand, made once."""
    return HandChain(hand)


def _fill(kind: str, size: tuple[float, ...]) -> list[tuple[FloatArray, float]]:
    """Centres and radii of spheres inside a primitive that reach its surface."""
    if kind == "sphere":
        return [(np.zeros(3), size[0])]
    if kind in ("capsule", "cylinder"):
        radius, length = size
        half = length / 2 if kind == "capsule" else max(length / 2 - radius, 0.0)
        count = max(2, int(np.ceil(2 * half / radius)) + 1) if half > 0 else 1
        return [(np.array([0.0, 0.0, z]), radius) for z in np.linspace(-half, half, count)]
    if kind == "box":
        sides = np.array(size)
        radius = sides.min() / 2
        spacing = max(1.5 * radius, float(np.sort(sides)[1:].prod() / _MAX_FILL) ** 0.5)
        counts = np.ceil((sides - 2 * radius) / spacing).astype(int) + 1
        axes = [np.linspace(-s / 2 + radius, s / 2 - radius, n) for s, n in zip(sides, counts)]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 3)
        return [(centre, float(radius)) for centre in grid]
    return []  # a mesh has no primitive; its link is refined by its pads alone


class ChainArrays:
    """A :class:`HandChain`'s constants where one backend computes, and kinematics on them."""

    def __init__(self, chain: HandChain, ops: Backend) -> None:
        self.ops = ops
        turn = np.array([_skew(a) for a in chain._axis]) * ~chain._sliding[:, None, None]
        # pose in parent = fixed + sin(q) first + (1 - cos(q)) second + q slide
        first, second, slide = np.zeros((3, len(turn), 4, 4))
        first[:, :3, :3], second[:, :3, :3] = turn, turn @ turn
        slide[:, :3, 3] = chain._axis * chain._sliding[:, None]
        self._fixed = ops.array(chain._origin + chain._origin @ second)
        self._first, self._second, self._slide = (
            ops.array(chain._origin @ part) for part in (first, -second, slide)
        )
        self._slides = bool(chain._sliding.any())
        self._revolute = ops.array((~chain._sliding).astype(float)[:, None])
        self._axis = ops.array(chain._axis[:, :, None])
        self._levels = [
            (slice(level[0], level[-1] + 1), ops.array(chain._parent[level]))
            for level in chain._levels
        ]
        self._expansion_t = ops.array(chain._expansion.T.copy())
        self._offset = ops.array(chain._offset)
        reduce = np.zeros((chain.moved_by.shape[1], chain.size))
        reduce[:WRIST, :WRIST] = np.eye(WRIST)
        reduce[WRIST:, WRIST:] = chain._expansion
        self._reduce = ops.array(reduce)
        self._coupled = not np.array_equal(reduce, np.eye(len(reduce)))
        self._eye = ops.array(np.eye(3))
        if isinstance(ops, NumpyBackend):
            # What the compiled functions take, in their order.
            poses = (self._fixed, self._first, self._second, self._slide)
            self._tree = (
                *(np.ascontiguousarray(pose[:, :3]) for pose in poses),
                chain._axis,
                ~chain._sliding,
                chain._parent,
                chain._expansion,
                chain._offset,
            )
            screw, column = np.nonzero(reduce)
            starts = np.searchsorted(screw, np.arange(len(reduce) + 1))
            self.reduction = starts, column, reduce[screw, column], chain.size

    def forward(self, y: Any, R_reference: Any) -> tuple[Any, Any]:
        """Poses of the joints' links and the screws of all moving coordinates.

        Args:
            y: (B, D).
            R_reference: (B, 3, 3).

        Returns:
            ``links`` (B, 1 + M, 4, 4), the wrist first, and ``screws`` for :meth:`rows`: (a, v)
            in the object frame, (B, 6, 6 + M) of tensors and (B, 6 + M, 6) of arrays.
        """
        if isinstance(self.ops, NumpyBackend):
            return compiled.forward(y, R_reference, *self._tree)
        ops, xp, count = self.ops, self.ops.xp, len(y)
        q = (y[:, WRIST:] @ self._expansion_t + self._offset)[..., None, None]
        local = self._fixed + xp.sin(q) * self._first + xp.cos(q) * self._second
        if self._slides:
            local = local + q * self._slide
        moving = local.shape[1]
        links = ops.zeros(count, 1 + moving, 4, 4)
        screws = ops.zeros(count, WRIST + moving, 6)
        position = y[:, :3]
        rotation, left = ops.exponential(y[:, 3:6])
        links[:, 0, :3, :3] = R_reference @ rotation
        screws[:, 3:6, :3] = (R_reference @ left).swapaxes(1, 2)
        links[:, 0, :3, 3] = position
        links[:, 0, 3, 3] = 1.0
        for level, parent in self._levels:
            links[:, 1 + level.start : 1 + level.stop] = (
                ops.take(links, parent, 1) @ local[:, level]
            )
        screws[:, WRIST:, :3] = (links[:, 1:, :3, :3] @ self._axis)[..., 0]
        # Axes through the wrist's origin for its rotation, through the joints' origins for theirs.
        screws[:, :3, 3:] = self._eye
        screws[:, 3:6, 3:] = ops.cross(position[:, None], screws[:, 3:6, :3])
        axis = screws[:, WRIST:, :3]
        screws[:, WRIST:, 3:] = ops.cross(links[:, 1:, :3, 3], axis)
        if self._slides:
            screws[:, WRIST:, 3:] = xp.where(self._revolute > 0, screws[:, WRIST:, 3:], axis)
            screws[:, WRIST:, :3] = axis * self._revolute
        return links, screws.swapaxes(1, 2)

    def points(self, links: Any, at: LinkPointsAt) -> Any:
        """Positions (B, P, 3) of points fixed to links."""
        if isinstance(self.ops, NumpyBackend):
            return compiled.points(links, at.link, at.xyz)
        flat = links.reshape(-1, 4, 4)
        T = self.ops.take(flat, at.link, 0).reshape(*at.xyz.shape[:2], 4, 4)
        return (T[..., :3, :3] @ at.xyz[..., None])[..., 0] + T[..., :3, 3]

    def rows(self, screws: Any, x: Any, direction: Any, moved_by: Any) -> Any:
        """Derivatives (B, P, D) of x along ``direction``, both (B, P, 3).

        ``moved_by`` (B, P, 6 + M) tells which screws move which point.
        """
        if isinstance(self.ops, NumpyBackend):
            return compiled.rows(screws, x, direction, moved_by, *self.reduction)
        wrench = self.ops.xp.concatenate([self.ops.cross(x, direction), direction], -1)
        full = (wrench @ screws) * moved_by
        return full @ self._reduce if self._coupled else full


def _skew(a: FloatArray) -> FloatArray:
    return np.array([[0.0, -a[2], a[1]], [a[2], 0.0, -a[0]], [-a[1], a[0], 0.0]])
