"""Any mesh as an object; real ones where the recordings are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from unihm.errors import ErrorCode, UnihmError
from unihm.sim.meshes import MAX_HULL_VERTICES, load_mesh
from unihm.sim.scene import Scene, SceneObject
from unihm.sim.world import World

REAL = Path(__file__).parents[3] / "shared" / "data" / "meshes"


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_hull_keeps_its_size_and_volume(tmp_path):
    ball = trimesh.creation.icosphere(subdivisions=4, radius=0.04)
    ball.apply_translation([0.3, 0.0, 0.0])
    ball.export(tmp_path / "ball.ply")
    geometry = load_mesh(tmp_path / "ball.ply", convex="hull")
    assert len(geometry.parts) == 1
    assert len(geometry.parts[0].vertices) <= MAX_HULL_VERTICES
    np.testing.assert_allclose(geometry.surface.bounds, [[-0.04] * 3, [0.04] * 3], atol=1e-4)
    assert geometry.volume == pytest.approx(ball.volume, rel=0.12)


def test_a_hollow_mesh_is_cut_into_parts_and_remembered(tmp_path):
    tube = trimesh.creation.annulus(r_min=0.03, r_max=0.04, height=0.06, sections=16)
    tube.export(tmp_path / "tube.obj")
    geometry = load_mesh(tmp_path / "tube.obj")
    assert len(geometry.parts) >= 4
    nearest = [np.linalg.norm(part.mesh.vertices[:, :2].mean(axis=0)) for part in geometry.parts]
    assert min(nearest) > 0.02  # every part is a piece of the wall, none fills the hole
    assert geometry.volume == pytest.approx(tube.volume, rel=0.35)
    (cached,) = (tmp_path / "cache" / "unihm" / "convex").glob("*.npz")
    stamp = cached.stat().st_mtime_ns
    again = load_mesh(tmp_path / "tube.obj")
    assert cached.stat().st_mtime_ns == stamp
    assert len(again.parts) == len(geometry.parts)


@pytest.mark.parametrize("suffix", ["stl", "obj", "ply", "glb", "off"])
def test_every_format_is_read(tmp_path, suffix):
    path = tmp_path / f"box.{suffix}"
    trimesh.creation.box([0.05, 0.06, 0.07]).export(path)
    geometry = load_mesh(path, convex="hull")
    np.testing.assert_allclose(geometry.extents, [0.05, 0.06, 0.07], atol=1e-6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "cannot be read|no surface|is empty"),
        (b"solid nothing\nendsolid nothing\n", "cannot be read|no surface|is empty"),
        (b"this is not a mesh at all", "cannot be read|no surface|is empty"),
    ],
)
def test_a_broken_file_gets_a_sentence(tmp_path, content, words):
    path = tmp_path / "broken.stl"
    path.write_bytes(content)
    with pytest.raises(UnihmError, match=words) as caught:
        load_mesh(path)
    assert caught.value.code is ErrorCode.INVALID_SCENE


def test_millimetres_are_suspected(tmp_path):
    path = tmp_path / "large.stl"
    trimesh.creation.box([50, 60, 70]).export(path)
    with pytest.raises(UnihmError, match=r"50 x 60 x 70 m.*scale.*0\.001"):
        load_mesh(path)
    assert load_mesh(path, scale=0.001, convex="hull").volume == pytest.approx(2.1e-4)


@pytest.mark.skipif(not REAL.is_dir(), reason="no real meshes beside the project (shared/data)")
@pytest.mark.parametrize("name", ["cubesmall", "flashlight", "toothpaste", "hammer", "banana"])
def test_real_meshes_come_to_rest_on_the_table(name):
    item = SceneObject(name=name, mesh=str(REAL / f"{name}.stl"), position=(0.5, 0.0))
    world = World(Scene(objects=(item,)), hand=None, render=False)
    world.settle(3.0)
    before = world.object_poses()[name]
    world.step(250)
    after = world.object_poses()[name]
    assert np.linalg.norm(after[:3, 3] - before[:3, 3]) < 1e-3
    lowest = (item.geometry.surface.vertices @ after[:3, :3].T)[:, 2].min() + after[2, 3]
    assert abs(lowest) < 3e-3
    table = [c for c in world.contacts() if "table" in c.bodies]
    assert sum(abs(c.force[2]) for c in table) == pytest.approx(9.81 * item.mass, rel=0.05)
