"""Every procedural shape: what is seen and what is touched must be the same body."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from unihm.errors import ErrorCode, UnihmError
from unihm.sim import load_scene
from unihm.sim.shapes import SHAPES, Geometry, Part, box, make_shape, shape, stacking_height, union


@pytest.mark.parametrize("name", sorted(SHAPES))
def test_surface_and_parts_agree(name):
    geometry = make_shape(name, {})
    surface = geometry.surface
    assert surface.is_watertight
    assert surface.volume > 0  # normals point outwards
    np.testing.assert_allclose(surface.bounds.mean(axis=0), 0, atol=1e-9)
    touched = trimesh.util.concatenate([part.mesh for part in geometry.parts])
    np.testing.assert_allclose(touched.bounds, surface.bounds, atol=2e-3)
    for part in geometry.parts:
        assert len(part.mesh.vertices) >= 4
        assert part.mesh.volume > 0
        if part.vertices is not None:
            assert len(part.vertices) <= 255


def depth_below(mesh, points):
    """(N,) metres by which points lie within a convex mesh; negative: at least so far outside."""
    height = points @ mesh.face_normals.T - (mesh.triangles[:, 0] * mesh.face_normals).sum(axis=1)
    return -height.max(axis=1)


@pytest.mark.parametrize("name", ["mug", "cup", "bowl", "tray", "ring"])
def test_hollow_shapes_are_hollow_to_the_touch(name):
    geometry = make_shape(name, {})
    middle = np.zeros((1, 3))  # inside the vessel, above its floor
    assert all(depth_below(part.mesh, middle)[0] < -0.005 for part in geometry.parts)


def test_parts_fill_the_surface():
    """Points on the surface lie within 1.5 mm of a part."""
    for name in sorted(SHAPES):
        geometry = make_shape(name, {})
        points = geometry.surface.sample(150, seed=0)
        depth = np.max([depth_below(part.mesh, points) for part in geometry.parts], axis=0)
        assert depth.min() > -1.5e-3, name


@pytest.mark.parametrize(
    ("name", "size", "words"),
    [
        ("teapot", {}, "no shape 'teapot'"),
        ("box", {"radius": 0.1}, "no measure 'radius'"),
        ("capsule", {"radius": 1e-6, "length": 1e-9}, "too small"),
        ("cylinder", {"radius": 1e-8, "height": 1e-7}, "too small"),
        ("box", {"x": -0.1}, "between 0 and 2"),
        ("box", {"x": "wide"}, "between 0 and 2"),
        ("box", {"x": float("nan")}, "between 0 and 2"),
        ("mug", {"radius": 0.01, "wall": 0.02}, "wall is thicker"),
        ("ring", {"radius": 0.01, "tube": 0.02}, "tube is thicker"),
    ],
)
def test_impossible_shapes_say_so(name, size, words):
    with pytest.raises(UnihmError, match=words) as caught:
        make_shape(name, size)
    assert caught.value.code is ErrorCode.INVALID_SCENE


def test_a_turned_box_stands_on_its_edge():
    geometry = make_shape("box", {"x": 0.1, "y": 0.1, "z": 0.1})
    tilt = trimesh.transformations.rotation_matrix(np.pi / 4, [1, 0, 0])[:3, :3]
    assert stacking_height(geometry, np.eye(3)) == pytest.approx(0.05)
    assert stacking_height(geometry, tilt) == pytest.approx(0.05 * 2**0.5)


def test_a_shape_of_ones_own_stands_in_a_scene_file(tmp_path, monkeypatch):
    monkeypatch.setattr("unihm.sim.shapes.SHAPES", dict(SHAPES))

    @shape("step")
    def step(width: float = 0.1):
        if width > 0.5:
            raise ValueError("it is too wide")
        upper = np.eye(4)
        upper[:3, 3] = [width / 4, 0.0, 0.03]
        return union(
            [Part("box", (width, 0.06, 0.03)), Part("box", (width / 2, 0.06, 0.03), upper)]
        )

    scene = tmp_path / "scene.yaml"
    scene.write_text("objects: [{name: red step, shape: step, size: {width: 0.08}, color: red}]")
    (item,) = load_scene(scene).objects
    np.testing.assert_allclose(item.geometry.extents, [0.08, 0.06, 0.06])
    assert item.T_world_object[2, 3] == pytest.approx(0.03)
    scene.write_text("objects: [{name: red step, shape: step, size: {width: 0.6}}]")
    with pytest.raises(UnihmError, match="Impossible step: it is too wide"):
        load_scene(scene)


def test_two_files_cannot_give_one_name():
    def other() -> Geometry:
        return box()

    with pytest.raises(UnihmError, match=r"'box' in unihm\.sim\.shapes already"):
        shape("box")(other)
