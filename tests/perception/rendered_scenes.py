"""Small rendered table scenes: no graphics driver is needed."""

import numpy as np
from unihm.learning.synthesis.tables.rendering import Item, RaycastScene, Sensor
from unihm.sim.scene import COLORS
from unihm.sim.shapes import make_shape
from unihm.transforms import from_xyz_rpy, look_at

K = np.array([[568.0, 0, 320], [0, 568, 240], [0, 0, 1]])
EYE = np.array([1.10, 0.0, 0.72])
SENSOR = Sensor(random=0.0008, smooth=0.0012, step=0.0006, edge_loss=0.5, flying=0.02, holes=0.003)


def make_item(shape, color, at_x, at_y, yaw=0.3, **size):
    mesh = make_shape(shape, size).surface
    z = -mesh.vertices[:, 2].min()
    return Item(shape, mesh, from_xyz_rpy([at_x, at_y, z], [0, 0, yaw]), np.array(COLORS[color]))


def render(*items, seed=0, size=(480, 640), eye=EYE, textured=0.0):
    scene = RaycastScene(list(items), np.random.default_rng(seed), textured=textured)
    scale = size[1] / 640
    intrinsics = K * [[scale, 1, scale], [1, scale, scale], [1, 1, 1]]
    pose = look_at(eye, [0.48, 0.0, 0.02])
    return scene.render(intrinsics, size, pose, SENSOR)
