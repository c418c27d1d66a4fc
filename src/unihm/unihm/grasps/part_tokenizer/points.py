"""Surface points of a hand, part by part, from feature rows; differentiable."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unihm.robots import load_hand
from unihm.robots.fingers import PALM, link_fingers
from unihm.robots.spec import LinkPoint
from unihm.robots.surface import sample_shape
from unihm.robots.torch_kinematics import TorchHand
from unihm.tokenizer.features import POSITION_SCALE
from unihm.transforms import apply, invert

#: The same on every hand; a hand that lacks a finger has no such part.
PARTS = ("palm", "thumb", "index", "middle", "ring", "little")
SPACING = 0.003  # m between the points that those of a part are drawn from


class PartPoints:
    """The points of one hand.

    Args:
        hand: a file in ``config/hands``.
        count: M, points of each part.

    Attributes:
        present: (6,) bool: parts that the hand has.
    """

    def __init__(self, hand: str, count: int) -> None:
        self.hand = load_hand(hand)
        self._kinematics = TorchHand(self.hand)
        found: dict[str, list[LinkPoint]] = {part: [] for part in PARTS}
        owners = link_fingers(self.hand)
        for link, shape in self.hand.shapes:
            owner = owners[link]
            part = "palm" if owner == PALM else self.hand.finger_names[owner]
            local, _ = sample_shape(self.hand.urdf, link, shape, SPACING)
            placed = apply(shape.T_link_shape, local)
            found[part] += [LinkPoint(link, tuple(point)) for point in placed]
        self.present = torch.tensor([bool(found[part]) for part in PARTS])
        # A part that is absent is given the wrist's origin; nothing looks at it.
        absent = [LinkPoint(self.hand.spec.wrist_link, (0.0, 0.0, 0.0))]
        random, chosen = np.random.default_rng(0), []
        for part in PARTS:
            points = found[part] or absent
            index = random.choice(len(points), count, replace=len(points) < count)
            chosen += [points[i] for i in index]
        body, place = self.hand.tree.attach(chosen)
        self._body = torch.as_tensor(body)
        self._place = torch.as_tensor(place, dtype=torch.float32)
        self._T_palm_wrist = torch.as_tensor(invert(self.hand.T_wrist_palm), dtype=torch.float32)

    def __call__(self, rows: Tensor) -> Tensor:
        """Points (B, 6, M, 3) in the object frame / 0.1 m, of feature rows (B, 9 + J)."""
        lower, upper = self._kinematics.lower, self._kinematics.upper
        joints = lower + (rows[:, 9:] + 1.0) / 2.0 * (upper - lower)
        bodies = self._T_palm_wrist @ self._kinematics.bodies(joints)
        T = bodies[:, self._body]  # (B, 6 M, 4, 4)
        in_palm = (T[..., :3, :3] @ self._place[..., None])[..., 0] + T[..., :3, 3]
        x = F.normalize(rows[:, 3:6], dim=-1)
        y = F.normalize(rows[:, 6:9] - (x * rows[:, 6:9]).sum(-1, keepdim=True) * x, dim=-1)
        R_object_palm = torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)
        points = in_palm @ R_object_palm.transpose(-1, -2) / POSITION_SCALE + rows[:, None, :3]
        return points.reshape(len(rows), len(PARTS), -1, 3)
