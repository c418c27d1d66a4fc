"""What perception found is painted where it is, and nowhere else."""

import numpy as np
from unihm.perception.camera import world_points
from unihm.perception.planner.cliport import PickAffordance, make_heightmap
from unihm.visualization.overlays import draw_affordance, draw_mask


def test_the_affordance_is_painted_on_the_object(three):
    observation = three.observation
    points = world_points(observation, stride=2)
    top = make_heightmap(observation, points)
    shares = np.zeros(top.height.shape, np.float32)
    middle = three.items[0].world_mesh.bounds.mean(axis=0)[:2]
    row, column = np.rint(top.to_pixel(middle)).astype(int)
    shares[row - 3 : row + 4, column - 3 : column + 4] = 1.0
    image = draw_affordance(observation, points, PickAffordance(top, shares))
    assert image.shape == (480, 640, 3)
    changed = (image != observation.rgb).any(axis=-1)
    assert (three.labels[changed] == 1).mean() > 0.7
    assert changed.sum() > 0.2 * (three.labels == 1).sum()


def test_a_mask_is_drawn_over_the_image_and_nowhere_else():
    rgb = np.full((20, 30, 3), 100, np.uint8)
    mask = np.zeros((20, 30), bool)
    mask[5:15, 5:20] = True
    shown = draw_mask(rgb, mask)
    assert (shown[~mask] == 100).all()
    assert (shown[mask] != 100).any(axis=1).all()
    assert (shown[5, 5:20] == 255).all()
    assert (rgb == 100).all()
