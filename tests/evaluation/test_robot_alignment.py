"""A camera that is off is put right by the robot that it sees, and by nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from unihm.perception.scene.camera_correction import CameraCorrection
from unihm.perception.scene.robot_alignment import aligned
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.description import RobotDescription
from unihm.robots.robot_surface import RobotSurface
from unihm.sim.scene import load_scene
from unihm.sim.world import World
from unihm.transforms import apply, from_xyz_rpy, invert

PLACES = np.array([[0.5, 0.0, 0.05], [0.5, 0.25, 0.05], [0.65, -0.2, 0.05], [0.4, -0.1, 0.1]])
SURFACE = RobotSurface(RobotDescription("fr3", "xhand"))


@pytest.fixture(scope="module")
def world():
    return World(load_scene("table"), hand="xhand", render=True)


@pytest.fixture(scope="module")
def image(world):
    return world.observe()


@pytest.fixture(scope="module")
def robot(world):
    names = (*load_arm().joint_names, *load_hand("xhand").joint_names)
    return SURFACE.posed(dict(zip(names, world.joint_state().position)))


def error(image, said):
    """Mean distance in m between where things are and where they seem to be."""
    seen = apply(invert(image.T_world_camera), PLACES)
    return np.linalg.norm(apply(said.T_world_camera, seen) - PLACES, axis=1).mean()


def turned(image, xyz, rpy_degrees):
    """The image of a camera that is said to be elsewhere, about its own place."""
    off = from_xyz_rpy(xyz, np.deg2rad(rpy_degrees))
    place = image.T_world_camera[:3, 3]
    T = off.copy()
    T[:3, 3] = place - off[:3, :3] @ place + xyz
    return replace(image, T_world_camera=T @ image.T_world_camera)


@pytest.mark.parametrize(
    ("xyz", "yaw"),
    [((0.01, 0, 0), 0), ((0, -0.01, 0), 1.5), ((0.005, 0.005, 0), -2), ((0, 0, 0), 3)],
)
def test_what_is_off_about_the_vertical_is_put_right(image, robot, xyz, yaw):
    off = turned(image, xyz, (0, 0, yaw))
    found = aligned(off, robot)
    assert error(image, found) < 0.004
    assert error(image, found) < 0.5 * error(image, off)


def test_with_the_table_and_the_robot_all_six_freedoms_are(image, robot):
    off = turned(image, (0.006, -0.006, 0.005), (1.2, -1.0, 1.3))
    correction = CameraCorrection()
    found = correction.measure(off, robot)
    assert error(image, found) < 0.006
    assert correction.degrees == pytest.approx(2.0, abs=0.4)
    later = correction.apply(off)
    np.testing.assert_allclose(later.T_world_camera, found.T_world_camera)


def test_what_was_right_stays_to_the_last_bit(image, robot):
    assert aligned(image, robot) is image


def test_a_robot_that_is_not_where_it_is_said_to_be_puts_nothing_right(image):
    names = (*load_arm().joint_names, *load_hand("xhand").joint_names)
    bent = np.concatenate([load_arm().home + 0.3, load_hand("xhand").open_joints])
    off = turned(image, (0.01, 0, 0), (0, 0, 1.5))
    found = aligned(off, SURFACE.posed(dict(zip(names, bent))))
    assert error(image, found) < 1.2 * error(image, off)


def test_without_the_robot_in_the_image_nothing_is_put_right(image, robot):
    points, normals = robot
    off = turned(image, (0.01, 0, 0), (0, 0, 2))
    assert aligned(off, (np.add(points, [0.0, 5.0, 0.0]), normals)) is off
    dark = replace(off, depth=np.zeros_like(off.depth))
    dark.depth[:40] = 2.5  # a far wall alone
    assert aligned(dark, robot) is dark


def test_a_link_whose_place_is_not_known_makes_no_surface():
    assert SURFACE.at(lambda link: None) is None
    assert SURFACE.posed({}) is None
