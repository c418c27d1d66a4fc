"""Scenes as SDF worlds, for Gazebo: its systems, the objects, and an RGB-D camera."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

import numpy as np
from scipy.spatial.transform import Rotation

from unihm.files import write_text
from unihm.sim.export.bodies import Body, bodies_of, write_meshes
from unihm.sim.scene import Camera, Scene
from unihm.sim.shapes import Part
from unihm.transforms import FloatArray, invert, make_transform

VERSION = "1.9"
_SYSTEMS = {
    "gz-sim-physics-system": "gz::sim::systems::Physics",
    "gz-sim-user-commands-system": "gz::sim::systems::UserCommands",
    "gz-sim-scene-broadcaster-system": "gz::sim::systems::SceneBroadcaster",
    "gz-sim-sensors-system": "gz::sim::systems::Sensors",
}
# A camera of SDF looks along x, with z up; an optical frame along z, with y down.
_OPTICAL_TO_LINK = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


def write(scene: Scene, folder: Path) -> Path:
    """Write ``scene.sdf`` and its meshes into ``folder``; returns the path of the file."""
    bodies = bodies_of(scene)
    files = write_meshes(bodies, folder)
    root = Element("sdf", version=VERSION)
    world = SubElement(root, "world", name=scene.name.replace(":", "_"))
    physics = SubElement(world, "physics", name="fast", type="ignored")
    _add(physics, "max_step_size", "0.002")
    _add(physics, "real_time_factor", "1")
    for file, name in _SYSTEMS.items():
        plugin = SubElement(world, "plugin", filename=file, name=name)
        if file == "gz-sim-sensors-system":
            _add(plugin, "render_engine", "ogre2")
    light = SubElement(world, "light", name="sun", type="directional")
    _add(light, "cast_shadows", "true")
    _add_pose(light, make_transform(np.eye(3), [0, 0, 2]))
    _add(light, "diffuse", "0.8 0.8 0.8 1")
    _add(light, "direction", "-0.5 0.35 -1")
    for body in bodies:
        if not body.parent:
            _add_model(world, body, [b for b in bodies if b.parent == body.name], files)
    _add_camera(world, scene.camera)
    ElementTree.indent(root)
    path = folder / "scene.sdf"
    write_text(path, ElementTree.tostring(root, encoding="unicode") + "\n")
    return path


def _add_model(world: Element, body: Body, moving: list[Body], files: dict[str, list[str]]) -> None:
    """A body and what hangs on it."""
    model = SubElement(world, "model", name=body.name)
    _add(model, "static", str(body.mass == 0 and not moving).lower())
    _add_pose(model, body.T_world_body)
    _add_link(model, body, np.eye(4), files[body.name])
    if moving:  # the part that stands does so in the world
        fixed = SubElement(model, "joint", name=f"{body.name}_fixed", type="fixed")
        _add(fixed, "parent", "world")
        _add(fixed, "child", body.name)
    for panel in moving:
        T = invert(body.T_world_body) @ panel.T_world_body
        _add_link(model, panel, T, files[panel.name])
        joint = panel.joint
        assert joint is not None
        element = SubElement(model, "joint", name=f"{panel.name}_joint", type=joint.kind)
        _add(element, "parent", body.name)
        _add(element, "child", panel.name)
        _add_pose(element, make_transform(np.eye(3), joint.origin))
        axis = SubElement(element, "axis")
        _add(axis, "xyz", _text(joint.axis))
        limit = SubElement(axis, "limit")
        _add(limit, "lower", f"{joint.lower:.9g}")
        _add(limit, "upper", f"{joint.upper:.9g}")
        dynamics = SubElement(axis, "dynamics")
        _add(dynamics, "damping", f"{joint.damping:.6g}")
        _add(dynamics, "friction", f"{joint.friction:.6g}")


def _add_link(model: Element, body: Body, T_model_link: FloatArray, files: list[str]) -> None:
    link = SubElement(model, "link", name=body.name)
    _add_pose(link, T_model_link)
    if body.mass > 0:
        center, tensor = body.inertia
        inertial = SubElement(link, "inertial")
        _add_pose(inertial, make_transform(np.eye(3), center))
        _add(inertial, "mass", f"{body.mass:.6g}")
        inertia = SubElement(inertial, "inertia")
        for name, (i, j) in {
            "ixx": (0, 0), "ixy": (0, 1), "ixz": (0, 2), "iyy": (1, 1), "iyz": (1, 2),
            "izz": (2, 2),
        }.items():  # fmt: skip
            _add(inertia, name, f"{tensor[i, j]:.6g}")
    for k, (visual, file) in enumerate(zip(body.visuals, files)):
        element = SubElement(link, "visual", name=f"visual_{k}")
        _add_mesh(SubElement(element, "geometry"), file)
        material = SubElement(element, "material")
        for kind in ("ambient", "diffuse"):
            _add(material, kind, _text([*visual.color, 1.0]))
    hulls = iter(files[len(body.visuals) :])
    for k, part in enumerate(body.parts):
        element = SubElement(link, "collision", name=f"collision_{k}")
        _add_pose(element, part.T_object_part)
        _add_shape(SubElement(element, "geometry"), part, hulls)
        friction = SubElement(SubElement(element, "surface"), "friction")
        ode = SubElement(friction, "ode")
        _add(ode, "mu", f"{body.friction:.6g}")
        _add(ode, "mu2", f"{body.friction:.6g}")


def _add_shape(geometry: Element, part: Part, hulls: Iterable[str]) -> None:
    if part.kind == "convex":
        _add_mesh(geometry, next(iter(hulls)))
        return
    shape = SubElement(geometry, part.kind)
    if part.kind == "box":
        _add(shape, "size", _text(part.size))
        return
    _add(shape, "radius", f"{part.size[0]:.9g}")
    if part.kind != "sphere":
        _add(shape, "length", f"{part.size[1]:.9g}")


def _add_mesh(geometry: Element, file: str) -> None:
    _add(SubElement(geometry, "mesh"), "uri", file)


def _add_camera(world: Element, camera: Camera) -> None:
    T = camera.T_world_camera @ make_transform(_OPTICAL_TO_LINK, [0, 0, 0])
    model = SubElement(world, "model", name="camera")
    _add(model, "static", "true")
    _add_pose(model, T)
    link = SubElement(model, "link", name="camera_link")
    sensor = SubElement(link, "sensor", name="rgbd", type="rgbd_camera")
    _add(sensor, "update_rate", "15")
    _add(sensor, "topic", "camera")
    element = SubElement(sensor, "camera")
    focal = camera.K[0, 0]
    _add(element, "horizontal_fov", f"{2 * np.arctan(0.5 * camera.width / focal):.9g}")
    image = SubElement(element, "image")
    _add(image, "width", str(camera.width))
    _add(image, "height", str(camera.height))
    clip = SubElement(element, "clip")
    _add(clip, "near", "0.1")
    _add(clip, "far", "10")
    _add(element, "optical_frame_id", "camera")


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = text


def _add_pose(parent: Element, T: FloatArray) -> None:
    pose = SubElement(parent, "pose", rotation_format="quat_xyzw")
    pose.text = _text([*T[:3, 3], *Rotation.from_matrix(T[:3, :3]).as_quat()])


def _text(values: Iterable[float]) -> str:
    return " ".join(f"{float(value):.9g}" for value in values)
