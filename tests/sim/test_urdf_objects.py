"""Furniture from somebody's URDF."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import trimesh
from unihm.errors import ErrorCode, UnihmError
from unihm.sim.mujoco_world import ENGINES
from unihm.sim.scene import load_scene
from unihm.sim.urdf_objects import load_articulated

CHEST = """<robot name="chest"><link name="base"/><link name="case">
<collision><origin xyz="0 0 -0.6"/><geometry><box size="2.2 2.4 0.1"/></geometry></collision>
<collision><origin xyz="0 0 0.9"/><geometry><box size="2.2 2.4 0.1"/></geometry></collision></link>
<link name="drawer"><collision><geometry><mesh filename="front.stl"/></geometry></collision></link>
<link name="handle_bar"><collision><origin rpy="1.5708 0 0"/>
<geometry><cylinder radius="0.07" length="1"/></geometry></collision></link>
<link name="door"><collision><origin xyz="0 0.5 0"/>
<geometry><box size="0.1 1 1"/></geometry></collision></link>
<joint name="root" type="fixed"><parent link="base"/><child link="case"/>
<origin xyz="0 0 1"/></joint>
<joint name="slide" type="prismatic"><parent link="case"/><child link="drawer"/>
<origin xyz="1.1 0 0"/><axis xyz="1 0 0"/>
<limit lower="0" upper="1.4" effort="1" velocity="1"/></joint>
<joint name="bar" type="fixed"><parent link="drawer"/><child link="handle_bar"/>
<origin xyz="0.3 0 0.3"/></joint>
<joint name="hinge" type="revolute"><parent link="case"/><child link="door"/>
<origin xyz="-1.2 -0.5 0"/><axis xyz="0 0 1"/>
<limit lower="-1.5" upper="0" effort="1" velocity="1"/></joint></robot>"""


@pytest.fixture
def chest(tmp_path: Path) -> Path:
    trimesh.creation.box([0.1, 2.2, 1.3]).export(tmp_path / "front.stl")
    file = tmp_path / "chest.urdf"
    file.write_text(CHEST)
    return file


def test_the_joint_that_is_named_moves_and_the_rest_stands(chest: Path) -> None:
    made = load_articulated(chest, "slide", scale=0.1)
    assert (len(made.body), len(made.panel), len(made.handle)) == (3, 1, 1)
    assert made.joint.kind == "prismatic"
    assert made.joint.limit == pytest.approx(0.14)
    assert np.allclose(made.joint.axis, [1, 0, 0])
    assert made.works_like == "drawer"
    surface = made.geometry.surface
    assert np.allclose(surface.bounds.sum(axis=0), 0.0, atol=1e-9)
    assert np.allclose(surface.extents, [0.272, 0.24, 0.16], atol=1e-3)
    handle = made.handle[0].mesh.bounds.mean(axis=0)
    front = made.panel[0].mesh.bounds.mean(axis=0)
    assert np.allclose(handle - front, [0.03, 0.0, 0.03], atol=1e-6)


def test_what_opens_backwards_has_its_axis_the_other_way(chest: Path) -> None:
    made = load_articulated(chest, "hinge", scale=0.1)
    assert made.works_like == "cabinet"
    assert np.allclose(made.joint.axis, [0, 0, -1])
    assert made.joint.limit == pytest.approx(1.5)


@pytest.mark.parametrize("engine", list(ENGINES))
def test_a_scene_opens_it(chest: Path, engine: str) -> None:
    scene = chest.parent / "scene.yaml"
    scene.write_text(
        "objects: [{name: a chest, urdf: chest.urdf, joint: slide, scale: 0.1, mass: 0.5}]"
    )
    world = ENGINES[engine](load_scene(scene), None, render=False)
    assert world.openings() == {"a chest": pytest.approx(0.0, abs=1e-3)}
    world.set_opening("a chest", 0.6)
    world.step(250)
    assert world.openings() == {"a chest": pytest.approx(0.6, abs=0.02)}


@pytest.mark.parametrize(
    ("joint", "before", "after", "says"),
    [
        ("", "", "", "set 'joint' to one of slide, hinge"),
        ("lid", "", "", "no joint 'lid'"),
        ("slide", 'filename="front.stl"', 'filename="none.stl"', "none.stl"),
        ("slide", 'upper="1.4"', 'upper="0"', "no way to go"),
        ("slide", "<robot", "<bot", "chest.urdf"),
        ("slide", 'type="prismatic"', 'type="planar"', "planar"),
    ],
)
def test_what_is_wrong_is_a_sentence(
    chest: Path, joint: str, before: str, after: str, says: str
) -> None:
    chest.write_text(chest.read_text().replace(before, after))
    with pytest.raises(UnihmError, match=says) as caught:
        load_articulated(chest, joint, scale=0.1)
    assert caught.value.code is ErrorCode.INVALID_SCENE
