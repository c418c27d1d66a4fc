"""Scenes that are exported stand, weigh, slide and open in other simulators as they do here."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import trimesh
from scipy.spatial.transform import Rotation
from unihm.cli.main import main
from unihm.sim.export import FORMATS
from unihm.sim.export.bodies import bodies_of
from unihm.sim.scene import Scene, SceneObject, load_scene
from unihm.transforms import FloatArray, make_transform

SCENES = ["table", "kitchen", "tools", "cupboard", "random:4"]
OPENS = Scene(
    name="opens",
    objects=(
        SceneObject("a drawer", articulated="drawer", position=(0.5, -0.2), mass=0.6, opened=0.5),
        SceneObject("a cabinet", articulated="cabinet", position=(0.5, 0.25), locked=True),
        SceneObject("a can", shape="cylinder", position=(0.3, 0.0), mass=0.33, friction=0.5),
    ),
)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("to", ["sdf", "mjcf"])
def test_the_command_writes_a_world_with_all_its_files(tmp_path: Path, scene: str, to: str) -> None:
    assert main(["scene", "export", scene, "--to", to, "--out", str(tmp_path)]) == 0
    (path,) = tmp_path.glob("scene.*")
    tree = ElementTree.parse(path)
    files = [e.text for e in tree.iter("uri")] + [e.get("file") for e in tree.iter("mesh")]
    named = [file for file in files if file]
    assert named
    for file in named:
        assert len(trimesh.load_mesh(tmp_path / file).faces) > 0


def test_a_body_has_the_mass_and_the_inertia_of_its_parts() -> None:
    can = next(b for b in bodies_of(OPENS) if b.name == "a_can")
    center, tensor = can.inertia
    radius, height = can.parts[0].size
    across = 0.33 * (3 * radius**2 + height**2) / 12
    assert center == pytest.approx(np.zeros(3), abs=1e-4)
    assert np.diag(tensor) == pytest.approx([across, across, 0.33 * radius**2 / 2], rel=0.02)


def test_what_is_half_open_goes_on_from_there_and_what_is_locked_does_not() -> None:
    bodies = {b.name: b for b in bodies_of(OPENS)}
    drawer, cabinet = bodies["a_drawer_panel"].joint, bodies["a_cabinet_panel"].joint
    assert drawer is not None
    assert cabinet is not None
    assert drawer.lower == pytest.approx(-drawer.upper)
    assert cabinet.upper - cabinet.lower < 1e-3
    limit = OPENS.object("a drawer").mechanism.joint.limit
    moved = bodies["a_drawer_panel"].T_world_body - bodies["a_drawer"].T_world_body
    assert np.linalg.norm(moved[:3, 3]) == pytest.approx(limit / 2)


def test_names_are_unique_and_plain() -> None:
    twice = Scene(objects=(SceneObject("a/b", shape="box"), SceneObject("a b", shape="box")))
    names = [b.name for b in bodies_of(twice)]
    assert names == ["floor", "table", "a_b", "a_b_2"]


def test_sdf_has_the_joints_and_the_camera(tmp_path: Path) -> None:
    root = ElementTree.parse(FORMATS["sdf"](OPENS, tmp_path)).getroot()
    joints = {j.get("name"): j for j in root.iter("joint")}
    assert joints["a_drawer_panel_joint"].get("type") == "prismatic"
    assert joints["a_cabinet_panel_joint"].get("type") == "revolute"
    fov = root.findtext(".//camera/horizontal_fov")
    assert fov is not None
    focal = 0.5 * OPENS.camera.width / np.tan(0.5 * float(fov))
    assert focal == pytest.approx(OPENS.camera.K[0, 0])
    pose = root.findtext(".//model[@name='camera']/pose")
    assert pose is not None
    assert np.array(pose.split()[:3], float) == pytest.approx(OPENS.camera.eye)


@pytest.mark.parametrize("scene", SCENES)
def test_what_stands_here_stands_in_mujoco(tmp_path: Path, scene: str) -> None:
    mujoco = pytest.importorskip("mujoco")
    loaded = load_scene(scene)
    model = mujoco.MjModel.from_xml_path(str(FORMATS["mjcf"](loaded, tmp_path)))
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    bodies = {b.name: b for b in bodies_of(loaded)}
    for name, body in bodies.items():
        assert data.body(name).xpos == pytest.approx(body.T_world_body[:3, 3], abs=1e-6)
        if body.mass:
            assert float(model.body(name).mass[0]) == pytest.approx(body.mass, rel=1e-5)
    while data.time < 1.0:
        mujoco.mj_step(model, data)
    for name, body in bodies.items():
        assert np.linalg.norm(data.body(name).xpos - body.T_world_body[:3, 3]) < 0.01, name


def test_a_drawer_is_pulled_open_in_mujoco(tmp_path: Path) -> None:
    mujoco = pytest.importorskip("mujoco")
    model = mujoco.MjModel.from_xml_path(str(FORMATS["mjcf"](OPENS, tmp_path)))
    data = mujoco.MjData(model)
    joint = OPENS.object("a drawer").mechanism.joint
    pulled = {}
    for share in (0.5, 3.0):  # of the dry friction
        mujoco.mj_resetData(model, data)
        while data.time < 1.5:
            data.body("a_drawer_panel").xfrc_applied[:3] = (
                share * joint.friction * np.array(joint.axis)
            )
            mujoco.mj_step(model, data)
        pulled[share] = float(data.joint("a_drawer_panel_joint").qpos[0])
    assert pulled[0.5] == pytest.approx(0.0, abs=2e-3)
    assert pulled[3.0] == pytest.approx(joint.limit / 2, abs=5e-3)
    T = OPENS.camera.T_world_camera
    assert data.camera("camera").xpos == pytest.approx(T[:3, 3])
    assert -data.camera("camera").xmat.reshape(3, 3)[:, 2] == pytest.approx(T[:3, 2])


@pytest.mark.parametrize("scene", SCENES)
def test_usd_has_the_bodies_where_they_are_and_what_touches(tmp_path: Path, scene: str) -> None:
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdPhysics

    assert main(["scene", "export", scene, "--to", "usd", "--out", str(tmp_path)]) == 0
    stage = Usd.Stage.Open(str(tmp_path / "scene.usda"))
    poses = UsdGeom.XformCache()
    for body in bodies_of(load_scene(scene)):
        prim = stage.GetPrimAtPath(f"/World/{body.name}")
        T = np.array(poses.GetLocalToWorldTransform(prim)).T
        assert pytest.approx(body.T_world_body, abs=1e-6) == T
        assert prim.HasAPI(UsdPhysics.RigidBodyAPI) == (body.mass > 0)
        touching = [child for child in prim.GetChildren() if child.HasAPI(UsdPhysics.CollisionAPI)]
        assert len(touching) == len(body.parts)
        for child, part in zip(touching, body.parts):
            bounds = UsdGeom.Boundable(child).ComputeLocalBound(0, "guide").ComputeAlignedRange()
            low, high = part.mesh.bounds
            # A round thing's bound is that of the box about it, turned with it.
            assert np.all(np.array(bounds.GetMin()) <= low + 1e-5)
            assert np.all(np.array(bounds.GetMax()) >= high - 1e-5)
        if body.mass:
            mass = UsdPhysics.MassAPI(prim)
            center, tensor = body.inertia
            assert mass.GetMassAttr().Get() == pytest.approx(body.mass, rel=1e-5)
            assert list(mass.GetCenterOfMassAttr().Get()) == pytest.approx(center, abs=1e-6)
            moments = mass.GetDiagonalInertiaAttr().Get()
            turn = _rotation(mass.GetPrincipalAxesAttr().Get())
            assert turn @ np.diag(moments) @ turn.T == pytest.approx(tensor, rel=1e-3, abs=1e-9)


def test_usd_has_the_joints_and_the_camera(tmp_path: Path) -> None:
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdPhysics

    stage = Usd.Stage.Open(str(FORMATS["usd"](OPENS, tmp_path)))
    bodies = {b.name: b for b in bodies_of(OPENS)}
    for name, kind in (
        ("a_drawer_panel", UsdPhysics.PrismaticJoint),
        ("a_cabinet_panel", UsdPhysics.RevoluteJoint),
    ):
        panel, joint = bodies[name], bodies[name].joint
        assert joint is not None
        made = kind(stage.GetPrimAtPath(f"/World/{name}_joint"))
        scale = 1.0 if joint.kind == "prismatic" else np.degrees(1.0)
        assert made.GetLowerLimitAttr().Get() == pytest.approx(scale * joint.lower, abs=1e-4)
        assert made.GetUpperLimitAttr().Get() == pytest.approx(scale * joint.upper, abs=1e-4)
        # Both sides mean one frame, whose x axis is the joint's.
        first, second = (
            body.T_world_body @ make_transform(_rotation(turn.Get()), list(place.Get()))
            for body, turn, place in (
                (bodies[panel.parent], made.GetLocalRot0Attr(), made.GetLocalPos0Attr()),
                (panel, made.GetLocalRot1Attr(), made.GetLocalPos1Attr()),
            )
        )
        assert first == pytest.approx(second, abs=1e-6)
        assert second[:3, 0] == pytest.approx(panel.T_world_body[:3, :3] @ joint.axis, abs=1e-6)
    camera = UsdGeom.Camera(stage.GetPrimAtPath("/World/camera"))
    T = np.array(UsdGeom.XformCache().GetLocalToWorldTransform(camera.GetPrim())).T
    assert T[:3, 3] == pytest.approx(OPENS.camera.eye)
    assert -T[:3, 2] == pytest.approx(OPENS.camera.T_world_camera[:3, 2])
    across = camera.GetHorizontalApertureAttr().Get() / camera.GetFocalLengthAttr().Get()
    assert across == pytest.approx(OPENS.camera.width / OPENS.camera.K[0, 0])


def _rotation(quaternion: Any) -> FloatArray:
    """(3, 3) of one of pxr's."""
    x, y, z = quaternion.GetImaginary()
    return Rotation.from_quat([x, y, z, quaternion.GetReal()]).as_matrix()
