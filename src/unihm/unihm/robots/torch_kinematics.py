"""A hand in torch: batched, differentiable, in agreement with :class:`unihm.robots.Hand`."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from unihm.robots.kinematics import Hand
from unihm.robots.spec import LinkPoint
from unihm.robots.tree import WRIST

_TINY = 1e-14  # rad^2, added to a squared angle so that it can be divided by
#: phi @ this, as (3, 3), is the matrix of the cross product with phi.
_SKEW = torch.tensor(
    [[0, 0, 0, 0, 0, -1, 0, 1, 0], [0, 0, 1, 0, 0, 0, -1, 0, 0], [0, -1, 0, 1, 0, 0, 0, 0, 0]],
    dtype=torch.float64,
)


class TorchHand(nn.Module):
    """Forward kinematics of one hand for joints (..., J), in the wrist frame, in metres.

    Gradients flow by autograd; :meth:`point_jacobian` gives the analytic Jacobian without it.
    In float64 everything agrees with pinocchio to 1e-12, in float32 to 1e-6.

    Args:
        hand: the hand.
        dtype: of the buffers and so of the results.
    """

    coefficients: Tensor
    order: Tensor
    axis: Tensor
    expansion: Tensor
    level_expansion: Tensor
    level_offset: Tensor
    lower: Tensor
    upper: Tensor
    revolute: Tensor
    moves: Tensor
    keypoint_body: Tensor
    keypoint_place: Tensor
    tip_body: Tensor
    tip_place: Tensor
    tip_normal: Tensor

    def __init__(self, hand: Hand, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.hand, tree = hand, hand.tree
        # ``bodies`` works level by level on joints in the order of the levels; ``_order`` brings
        # its bodies back to the tree's order.
        stacked = np.concatenate(tree.levels)
        order = np.argsort(np.append(0, stacked + 1))
        ends = np.cumsum([0, *map(len, tree.levels)])
        self._levels = [slice(start, end) for start, end in pairwise(ends)]
        self._index("order", order)
        for i, level in enumerate(tree.levels):
            self._index(f"parent_{i}", order[tree.parent[level]])
        self._constant("coefficients", tree.coefficients[stacked].swapaxes(0, 1), dtype)
        self._constant("level_expansion", tree.expansion[stacked].T.copy(), dtype)
        self._constant("level_offset", tree.offset[stacked], dtype)
        self._constant("expansion", tree.expansion, dtype)
        self._constant("axis", tree.axis, dtype)
        self._constant("lower", hand.lower, dtype)
        self._constant("upper", hand.upper, dtype)
        self._constant("revolute", tree.revolute[:, None], torch.bool)
        self._constant("moves", tree.moves, dtype)
        known = [i for i, point in enumerate(hand.spec.keypoints) if point is not None]
        self.keypoint_indices = known
        self._points("keypoint", [p for p in hand.spec.keypoints if p is not None], dtype)
        self._points("tip", [LinkPoint(t.link, t.xyz) for t in hand.spec.fingertips], dtype)
        turned = [tree.T_body_link[t.link][:3, :3] @ t.normal for t in hand.spec.fingertips]
        self._constant("tip_normal", np.array(turned), dtype)

    def bodies(self, q: Tensor, base: Tensor | None = None) -> Tensor:
        """Poses (..., 1 + M, 4, 4) of the wrist and of what each moving joint carries.

        In the wrist frame, or mapped by ``base`` (..., 4, 4) where given.
        """
        q_all = (q @ self.level_expansion + self.level_offset)[..., None, None]  # (..., M, 1, 1)
        C0, C1, C2, C3 = self.coefficients
        local = C0 + torch.sin(q_all) * C1 + torch.cos(q_all) * C2 + q_all * C3  # (..., M, 4, 4)
        if base is None:
            base = torch.eye(4, dtype=q.dtype, device=q.device).expand(*q.shape[:-1], 4, 4)
        bodies = base[..., None, :, :]
        for i, level in enumerate(self._levels):
            above = bodies.index_select(-3, self.get_buffer(f"parent_{i}"))
            bodies = torch.cat([bodies, above @ local[..., level, :, :]], dim=-3)
        return bodies.index_select(-3, self.order)

    def screws(self, bodies: Tensor) -> Tensor:
        """Screws (a, v) (..., M, 6) of the moving joints: a point x moves with a x x + v."""
        axis = (bodies[..., 1:, :3, :3] @ self.axis[..., None])[..., 0]  # (..., M, 3)
        moment = torch.linalg.cross(bodies[..., 1:, :3, 3], axis)
        turn = torch.where(self.revolute, axis, torch.zeros_like(axis))
        return torch.cat([turn, torch.where(self.revolute, moment, axis)], dim=-1)

    def link_poses(self, q: Tensor) -> dict[str, Tensor]:
        """Pose (..., 4, 4) of every link."""
        bodies, tree = self.bodies(q), self.hand.tree
        return {
            link: bodies[..., body, :, :]
            @ torch.as_tensor(tree.T_body_link[link], dtype=q.dtype, device=q.device)
            for link, body in tree.link_body.items()
        }

    def keypoints(self, q: Tensor) -> Tensor:
        """The 21 human keypoints (..., 21, 3); NaN where the hand has none.

        For losses use ``keypoints(q)[..., self.keypoint_indices, :]``, which has no NaN.
        """
        known = self._place(q, self.keypoint_body, self.keypoint_place)
        points = known.new_full((*q.shape[:-1], 21, 3), torch.nan)
        points[..., self.keypoint_indices, :] = known
        return points

    def fingertips(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Pad centres (..., F, 3) and outward unit normals (..., F, 3)."""
        T = self.bodies(q)[..., self.tip_body, :, :]
        points = (T[..., :3, :3] @ self.tip_place[..., None])[..., 0] + T[..., :3, 3]
        return points, (T[..., :3, :3] @ self.tip_normal[..., None])[..., 0]

    def fingertip_jacobian(self, q: Tensor) -> Tensor:
        """d(pad centre)/dq, (..., F, 3, J)."""
        return self.point_jacobian(q, self.tip_body, self.tip_place)

    def point_jacobian(self, q: Tensor, body: Tensor, place: Tensor) -> Tensor:
        """d(point)/dq (..., N, 3, J) of points at ``place`` (N, 3) on ``body`` (N,)."""
        bodies = self.bodies(q)
        T = bodies[..., body, :, :]
        points = (T[..., :3, :3] @ place[..., None])[..., 0] + T[..., :3, 3]  # (..., N, 3)
        screws = self.screws(bodies)[..., None, :, :]  # (..., 1, M, 6)
        turn, arm = torch.broadcast_tensors(screws[..., :3], points[..., None, :])
        columns = torch.linalg.cross(turn, arm) + screws[..., 3:]  # (..., N, M, 3)
        columns = columns * self.moves[body][..., None]
        return columns.transpose(-1, -2) @ self.expansion

    def clip(self, q: Tensor) -> Tensor:
        """Nearest joints within the limits."""
        return torch.minimum(torch.maximum(q, self.lower), self.upper)

    def _place(self, q: Tensor, body: Tensor, place: Tensor) -> Tensor:
        T = self.bodies(q)[..., body, :, :]
        return (T[..., :3, :3] @ place[..., None])[..., 0] + T[..., :3, 3]

    def _constant(self, name: str, value: np.ndarray, dtype: torch.dtype) -> None:
        self.register_buffer(name, torch.as_tensor(value).to(dtype), persistent=False)

    def _index(self, name: str, value: np.ndarray) -> None:
        self.register_buffer(name, torch.as_tensor(value), persistent=False)

    def _points(self, name: str, points: list[LinkPoint], dtype: torch.dtype) -> None:
        body, place = self.hand.tree.attach(points)
        self._index(f"{name}_body", body)
        self._constant(f"{name}_place", place, dtype)


class TorchFloatingHand:
    """:class:`unihm.robots.numpy_kinematics.FloatingHand` for float64 tensors on a device."""

    def __init__(self, hand: Hand, device: torch.device) -> None:
        self._hand = TorchHand(hand, torch.float64).to(device)
        reduction = hand.tree.reduction
        self._reduction = torch.as_tensor(reduction, device=device)
        self._coupled = not np.array_equal(reduction, np.eye(len(reduction)))
        self._skew = _SKEW.to(device)
        self._eye = torch.eye(3, dtype=torch.float64, device=device)

    def forward(self, y: Tensor, R_reference: Tensor) -> tuple[Tensor, Tensor]:
        """Bodies (B, 1 + M, 4, 4) and screws (B, 6 + M, 6) at ``y`` (B, D)."""
        position = y[:, :3]
        rotation, left = self._exponential(y[:, 3:WRIST])
        base = y.new_zeros(len(y), 4, 4)
        base[:, :3, :3], base[:, :3, 3], base[:, 3, 3] = R_reference @ rotation, position, 1.0
        bodies = self._hand.bodies(y[:, WRIST:], base)
        wrist = y.new_zeros(len(y), WRIST, 6)
        turn = (R_reference @ left).swapaxes(1, 2)  # (B, 3, 3), an axis per row
        wrist[:, :3, 3:], wrist[:, 3:, :3] = self._eye, turn
        wrist[:, 3:, 3:] = torch.linalg.cross(position[:, None].expand_as(turn), turn)
        return bodies, torch.cat([wrist, self._hand.screws(bodies)], dim=1)

    def points(self, bodies: Tensor, row: Tensor, place: Tensor) -> Tensor:
        """Positions (B, P, 3) of points at ``place`` (B, P, 3) on the bodies of the flat rows."""
        T = bodies.reshape(-1, 4, 4).index_select(0, row).reshape(*place.shape[:2], 4, 4)
        return (T[..., :3, :3] @ place[..., None])[..., 0] + T[..., :3, 3]

    def rows(self, screws: Tensor, x: Tensor, direction: Tensor, moved_by: Tensor) -> Tensor:
        """Derivatives (B, P, D) of x along ``direction``, both (B, P, 3)."""
        wrench = torch.cat([torch.linalg.cross(x, direction), direction], -1)
        full = (wrench @ screws.swapaxes(1, 2)) * moved_by
        return full @ self._reduction if self._coupled else full

    def _exponential(self, phi: Tensor) -> tuple[Tensor, Tensor]:
        """exp(phi) and the left Jacobian J_l(phi) of SO(3), (B, 3, 3) each."""
        squared = ((phi * phi).sum(-1) + _TINY)[:, None, None]
        angle = torch.sqrt(squared)
        K = (phi @ self._skew).reshape(-1, 3, 3)
        KK = K @ K
        sine, half = torch.sin(angle), torch.sin(0.5 * angle)
        versine = 2.0 * half * half / squared
        rotation = self._eye + (sine / angle) * K + versine * KK
        return rotation, self._eye + versine * K + (angle - sine) / (squared * angle) * KK
