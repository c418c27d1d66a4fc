"""Objects, and an arm that refuses, for tests of the choice of a grasp."""

import numpy as np
from unihm.errors import ErrorCode, UnihmError
from unihm.grasps import GraspChooser
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.transforms import make_transform
from unihm.types import ObjectCloud, TaskKind

HAND = load_hand("xhand")


def box(x: float, y: float, z: float, spacing: float = 0.004) -> ObjectCloud:
    """The surface of a box about the origin, metres."""
    half = np.array([x, y, z]) / 2
    points, normals = [], []
    for axis in range(3):
        a, b = (i for i in range(3) if i != axis)
        u, v = np.meshgrid(
            np.arange(-half[a], half[a] + 1e-9, spacing),
            np.arange(-half[b], half[b] + 1e-9, spacing),
        )
        for sign in (-1.0, 1.0):
            side = np.zeros((u.size, 3))
            side[:, a], side[:, b], side[:, axis] = u.ravel(), v.ravel(), sign * half[axis]
            points.append(side)
            normals.append(np.tile(sign * np.eye(3)[axis], (u.size, 1)))
    return ObjectCloud(np.concatenate(points), np.concatenate(normals))


def grab(cloud: ObjectCloud, x: float = 0.5, y: float = 0.0, kind: TaskKind = TaskKind.GRAB):
    """The box stands on the table and is lifted, or pushed away."""
    height = float(np.ptp(cloud.points[:, 2]))
    T_world_object = make_transform(np.eye(3), [x, y, height / 2])
    return make_trajectory(
        kind, T_world_object, np.array([x, y, height]), push_direction=np.array([1.0, 0.0])
    )


class Stiff:
    """An arm that finds no way for the first so many paths."""

    def __init__(self, arm, refused):
        self.arm, self.refused, self.asked = arm, refused, 0
        self.home = arm.home

    def solve_path(self, *arguments):
        self.asked += 1
        if self.asked <= self.refused:
            raise UnihmError(ErrorCode.UNREACHABLE, "The arm cannot bring the hand there.")
        return self.arm.solve_path(*arguments)


def with_arm(chooser, refused):
    return GraspChooser(
        chooser.generator,
        chooser.refinement,
        chooser.control,
        chooser.config,
        Stiff(chooser.arm, refused),
    )
