"""A vendor's description in place of the project's: meshes, by path or as package://."""

from __future__ import annotations

import re

import numpy as np
import pytest
import trimesh
from unihm.paths import config_dir
from unihm.robots import load_hand
from unihm.robots.visual_meshes import link_bodies
from unihm.sim.free_hand import FreeHandWorld
from unihm.sim.scene import Scene
from unihm.sim.world import World
from unihm.transforms import look_at

LINK = "right_hand_index_rota_link2"


@pytest.fixture
def vendor_hand(tmp_path, monkeypatch):
    """The XHand with one link drawn and touched as a mesh, found through a ROS package."""
    share = tmp_path / "share" / "xhand_description"
    share.mkdir(parents=True)
    trimesh.creation.icosphere(radius=0.02).export(share / "tip.stl")
    text = (config_dir() / "robots" / "xhand.urdf").read_text()
    mesh = '<geometry><mesh filename="package://xhand_description/tip.stl"/></geometry>'
    start = text.index(f'<link name="{LINK}">')
    end = text.index("</link>", start)
    link = re.sub(r"<geometry>.*?</geometry>", mesh, text[start:end])
    (share / "xhand.urdf").write_text(text[:start] + link + text[end:])
    spec = (config_dir() / "hands" / "xhand.yaml").read_text()
    spec = spec.replace("urdf: xhand.urdf", "urdf: package://xhand_description/xhand.urdf")
    (tmp_path / "vendor_xhand.yaml").write_text(spec.replace("name: xhand", "name: vendor_xhand"))
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    return str(tmp_path / "vendor_xhand.yaml")


def test_its_meshes_are_touched(vendor_hand):
    world = FreeHandWorld(Scene(), vendor_hand)
    hand = load_hand(vendor_hand)
    world.set_hand_targets(hand.pregrasp_joints)
    world.step(500)
    np.testing.assert_allclose(world.joint_state().position[6:], hand.pregrasp_joints, atol=5e-3)
    link = next(link for link in world.robot.articulation.get_links() if link.name == LINK)
    (shape,) = link.get_collision_shapes()
    vertices = np.asarray(shape.vertices)
    np.testing.assert_allclose(np.linalg.norm(vertices, axis=1), 0.02, atol=1e-4)


def test_its_meshes_are_drawn(vendor_hand):
    hand = load_hand(vendor_hand)
    bodies = link_bodies(hand.urdf)
    shape = next(shape for link, shape in hand.urdf.shapes if link == LINK)
    np.testing.assert_allclose(
        bodies[LINK].bounds.mean(axis=0), shape.T_link_shape[:3, 3], atol=1e-6
    )
    assert bodies[LINK].extents == pytest.approx([0.04] * 3, rel=0.01)


@pytest.mark.render
def test_it_can_be_rendered(vendor_hand, rendered_world):
    world = World(Scene(), vendor_hand)
    image = world.render_view(look_at([0.7, -0.3, 0.5], [0.3, 0.0, 0.35]), 160, 120, 0.5)
    assert image.std() > 10
