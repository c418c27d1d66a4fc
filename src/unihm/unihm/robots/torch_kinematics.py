"""A hand in torch: batched, differentiable, in agreement with :class:`unihm.robots.Hand`."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from unihm.robots.kinematics import Hand
from unihm.robots.spec import LinkPoint
from unihm.robots.tree import KinematicTree


class TorchHand(nn.Module):
    """Forward kinematics of one hand for joints (..., J), in the wrist frame, in metres.

    Gradients flow by autograd; :meth:`point_jacobian` gives the analytic Jacobian without it.
    In float64 everything agrees with pinocchio to 1e-12, in float32 to 1e-6.

    Args:
        hand: the hand.
        dtype: of the buffers and so of the results.
    """

    A0: Tensor
    A1: Tensor
    A2: Tensor
    b0: Tensor
    b1: Tensor
    axis: Tensor
    expansion: Tensor
    offset: Tensor
    lower: Tensor
    upper: Tensor
    revolute: Tensor
    ancestors: Tensor
    keypoint_body: Tensor
    keypoint_place: Tensor
    tip_body: Tensor
    tip_place: Tensor
    tip_normal: Tensor

    def __init__(self, hand: Hand, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.hand, tree = hand, KinematicTree.of(hand)
        self._tree = tree
        for name in ("A0", "A1", "A2", "b0", "b1", "axis", "expansion", "offset"):
            self._constant(name, getattr(tree, name), dtype)
        self._constant("lower", hand.lower, dtype)
        self._constant("upper", hand.upper, dtype)
        self._constant("revolute", tree.revolute, torch.bool)
        self._constant("ancestors", tree.ancestors, dtype)
        # ``bodies`` stacks level by level; ``_order`` brings them back to the tree's order.
        stacked = np.concatenate([[0], *[level + 1 for level in tree.levels]])
        self._order = np.argsort(stacked).tolist()
        self._levels = [
            (level.tolist(), [self._order[body] for body in tree.parent[level]])
            for level in tree.levels
        ]
        known = [i for i, point in enumerate(hand.spec.keypoints) if point is not None]
        self.keypoint_indices = known
        self._points("keypoint", [p for p in hand.spec.keypoints if p is not None], dtype)
        self._points("tip", [LinkPoint(t.link, t.xyz) for t in hand.spec.fingertips], dtype)
        turned = [tree.T_body_link[t.link][:3, :3] @ t.normal for t in hand.spec.fingertips]
        self._constant("tip_normal", np.array(turned), dtype)

    def bodies(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Rotations (..., M + 1, 3, 3) and origins (..., M + 1, 3): the wrist, then what each
        moving joint of ``hand.all_joint_names`` carries."""
        q_all = q @ self.expansion.T + self.offset  # (..., M)
        sine, cosine = torch.sin(q_all)[..., None, None], torch.cos(q_all)[..., None, None]
        local = self.A0 + sine * self.A1 + cosine * self.A2  # (..., M, 3, 3)
        shift = self.b0 + q_all[..., None] * self.b1  # (..., M, 3)
        rotation = torch.eye(3, dtype=q.dtype, device=q.device).expand(*q.shape[:-1], 1, 3, 3)
        origin = shift.new_zeros(*q.shape[:-1], 1, 3)
        for level, above in self._levels:
            R = rotation[..., above, :, :]
            p = (R @ shift[..., level, :, None])[..., 0] + origin[..., above, :]
            rotation = torch.cat([rotation, R @ local[..., level, :, :]], dim=-3)
            origin = torch.cat([origin, p], dim=-2)
        return rotation[..., self._order, :, :], origin[..., self._order, :]

    def link_poses(self, q: Tensor) -> dict[str, Tensor]:
        """Pose (..., 4, 4) of every link."""
        rotation, origin = self.bodies(q)
        poses = {}
        for link, body in self._tree.link_body.items():
            fixed = torch.as_tensor(self._tree.T_body_link[link], dtype=q.dtype, device=q.device)
            top = torch.cat([rotation[..., body, :, :], origin[..., body, :, None]], dim=-1)
            bottom = top.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*q.shape[:-1], 1, 4)
            poses[link] = torch.cat([top, bottom], dim=-2) @ fixed
        return poses

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
        rotation, origin = self.bodies(q)
        R = rotation[..., self.tip_body, :, :]
        points = (R @ self.tip_place[..., None])[..., 0] + origin[..., self.tip_body, :]
        return points, (R @ self.tip_normal[..., None])[..., 0]

    def fingertip_jacobian(self, q: Tensor) -> Tensor:
        """d(pad centre)/dq, (..., F, 3, J)."""
        return self.point_jacobian(q, self.tip_body, self.tip_place)

    def point_jacobian(self, q: Tensor, body: Tensor, place: Tensor) -> Tensor:
        """d(point)/dq (..., N, 3, J) of points at ``place`` (N, 3) on ``body`` (N,)."""
        rotation, origin = self.bodies(q)
        R = rotation[..., body, :, :]
        points = (R @ place[..., None])[..., 0] + origin[..., body, :]  # (..., N, 3)
        axis = (rotation[..., 1:, :, :] @ self.axis[..., None])[..., 0]  # (..., M, 3)
        arm = points[..., :, None, :] - origin[..., None, 1:, :]  # (..., N, M, 3)
        axes = axis[..., None, :, :].expand_as(arm)
        turning = torch.linalg.cross(axes, arm)
        columns = torch.where(self.revolute[:, None], turning, axes)
        columns = columns * self.ancestors[body][..., None]  # (..., N, M, 3)
        return columns.transpose(-1, -2) @ self.expansion

    def clip(self, q: Tensor) -> Tensor:
        """Nearest joints within the limits."""
        return torch.minimum(torch.maximum(q, self.lower), self.upper)

    def _place(self, q: Tensor, body: Tensor, place: Tensor) -> Tensor:
        rotation, origin = self.bodies(q)
        return (rotation[..., body, :, :] @ place[..., None])[..., 0] + origin[..., body, :]

    def _constant(self, name: str, value: np.ndarray, dtype: torch.dtype) -> None:
        self.register_buffer(name, torch.as_tensor(value).to(dtype), persistent=False)

    def _points(self, name: str, points: list[LinkPoint], dtype: torch.dtype) -> None:
        body, place = self._tree.attach(points)
        self.register_buffer(f"{name}_body", torch.as_tensor(body), persistent=False)
        self._constant(f"{name}_place", place, dtype)
