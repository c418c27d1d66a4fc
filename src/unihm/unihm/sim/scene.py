"""What stands before the robot: ``config/scenes/*.yaml`` as dataclasses.

World frame: the top of the table is z = 0, the base of the arm is the origin, x points forward.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from unihm.config import from_mapping, read_yaml, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.sim import part_shapes  # noqa: F401  its shapes may be asked for by name
from unihm.sim.articulated import ARTICULATED, Articulated, make_articulated
from unihm.sim.meshes import Convex, load_mesh
from unihm.sim.overlaps import refuse_overlaps
from unihm.sim.shapes import SHAPES, Geometry, make_shape, stacking_height
from unihm.sim.urdf_objects import load_articulated
from unihm.transforms import look_at, make_transform

Noise = Literal["none", "stereo", "tof"]
"""Of a depth camera."""

COLORS: dict[str, tuple[float, float, float]] = {
    "red": (0.80, 0.07, 0.06),
    "green": (0.10, 0.55, 0.16),
    "blue": (0.06, 0.22, 0.75),
    "yellow": (0.95, 0.78, 0.06),
    "orange": (0.95, 0.42, 0.03),
    "purple": (0.42, 0.12, 0.62),
    "pink": (0.95, 0.45, 0.62),
    "cyan": (0.08, 0.68, 0.75),
    "brown": (0.36, 0.19, 0.08),
    "black": (0.04, 0.04, 0.045),
    "grey": (0.40, 0.40, 0.42),
    "white": (0.90, 0.90, 0.88),
}
"""Named colours, sRGB 0 to 1; chosen so that a person tells any two of them apart."""


@settings(ErrorCode.INVALID_SCENE)
class SceneObject:
    """One object: a procedural ``shape`` with its ``size``, a ``mesh`` file, or what opens.

    Attributes:
        name: how it is called in measurements and messages; unique in the scene.
        shape: a name of :data:`unihm.sim.shapes.SHAPES`, e.g. ``box`` or ``mug``.
        articulated: a name of :data:`unihm.sim.articulated.ARTICULATED`, e.g. ``drawer``; its body
            is fastened to the table, its front looks along x.
        size: the measures of the shape in metres, e.g. ``{radius: 0.03, height: 0.12}``.
        mesh: path of an STL, OBJ, PLY, GLB or OFF file, absolute or relative to the scene file.
        urdf: path of a URDF or xacro file of which one ``joint`` opens, the only one where none is
            named; see :func:`unihm.sim.urdf_objects.load_articulated`.
        joint: its name.
        scale: metres per unit of the mesh or URDF file.
        up: axis of the mesh file that points up.
        convex: how a mesh is made touchable, ``decompose`` or ``hull``.
        position: (x, y) to stand on the table, or (x, y, z) of the centre of the bounding box.
        rpy: roll, pitch, yaw in radians.
        color: a name of :data:`COLORS`, or sRGB from 0 to 1.
        mass: kg.
        friction: coefficient, static and dynamic; two materials combine as their average.
        fixed: fastened to the table, such as a tray.
        opened: how far it is open at first, from 0, closed, to 1.
        locked: it stays as far open as it is.
    """

    name: str
    shape: str = ""
    articulated: str = ""
    size: dict[str, float] = field(default_factory=dict)
    mesh: str = ""
    urdf: str = ""
    joint: str = ""
    scale: float = 1.0
    up: Literal["x", "y", "z"] = "z"
    convex: Convex = "decompose"
    position: tuple[float, ...] = (0.5, 0.0)
    rpy: tuple[float, float, float] = (0.0, 0.0, 0.0)
    color: str | tuple[float, float, float] = "grey"
    mass: float = 0.2
    friction: float = 0.8
    fixed: bool = False
    opened: float = 0.0
    locked: bool = False

    def __post_init__(self) -> None:
        where = f"Object '{self.name}'"
        if sum(map(bool, (self.shape, self.mesh, self.articulated, self.urdf))) != 1:
            raise _invalid(
                f"{where} needs one of these: a shape ({', '.join(SHAPES)}), a mesh file, "
                f"something articulated ({', '.join(ARTICULATED)}) or a URDF file of what opens"
            )
        _check(where, "position", self.position, (2, 3), -2.0, 2.0)
        _check(where, "rpy", self.rpy, (3,), -7.0, 7.0)
        if isinstance(self.color, str) and self.color not in COLORS:
            raise _invalid(f"{where}: there is no colour '{self.color}'; use {', '.join(COLORS)}")
        if not isinstance(self.color, str):
            _check(where, "color", self.color, (3,), 0.0, 1.0)
        _check(where, "mass", (self.mass,), (1,), 1e-3, 50.0)
        _check(where, "friction", (self.friction,), (1,), 0.0, 2.0)
        _check(where, "scale", (self.scale,), (1,), 1e-6, 1e3)
        _check(where, "opened", (self.opened,), (1,), 0.0, 1.0)

    @property
    def opens(self) -> bool:
        """Whether it has joints of its own; its body then stands fast."""
        return bool(self.articulated or self.urdf)

    @property
    def stands_fast(self) -> bool:
        """Whether it is fastened to the table."""
        return self.fixed or self.opens

    @cached_property
    def mechanism(self) -> Articulated:
        """Body, moving part and joint of what opens."""
        if self.urdf:
            return load_articulated(Path(self.urdf), self.joint, self.scale, self.convex)
        return make_articulated(self.articulated, self.size)

    @cached_property
    def geometry(self) -> Geometry:
        """Surface and convex parts; a mesh is decomposed at the first use."""
        if self.shape:
            return make_shape(self.shape, self.size)
        if self.opens:
            return self.mechanism.geometry
        return load_mesh(Path(self.mesh), self.scale, self.up, self.convex)

    @property
    def footprint(self) -> float:
        """Radius, m, of the circle round its shape's bounding box, seen from above."""
        return float(np.hypot(*self.geometry.extents[:2])) / 2

    @property
    def solids(self) -> list[trimesh.Trimesh]:
        """Its convex pieces in the world; of what opens those that stand."""
        parts = self.mechanism.body if self.opens else self.geometry.parts
        return [part.mesh.copy().apply_transform(self.T_world_object) for part in parts]

    @property
    def rgb(self) -> tuple[float, float, float]:
        """sRGB colour, 0 to 1."""
        return COLORS[self.color] if isinstance(self.color, str) else self.color

    @property
    def T_world_object(self) -> NDArray[np.float64]:
        """(4, 4) initial pose; the object frame is the centre of the bounding box."""
        rotation = Rotation.from_euler("xyz", self.rpy).as_matrix()
        if len(self.position) == 3:
            return make_transform(rotation, self.position)
        z = stacking_height(self.geometry, rotation)
        return make_transform(rotation, [*self.position, z])


@settings(ErrorCode.INVALID_SCENE)
class Table:
    """A plain table whose top is the plane z = 0.

    Attributes:
        size: (x, y) in metres.
        center: (x, y) of its middle in the world.
        color: sRGB.
        friction: coefficient.
    """

    size: tuple[float, float] = (1.1, 1.5)
    center: tuple[float, float] = (0.35, 0.0)
    color: tuple[float, float, float] = (0.72, 0.62, 0.50)
    friction: float = 0.8

    def __post_init__(self) -> None:
        _check("The table", "size", self.size, (2,), 0.2, 10.0)
        _check("The table", "center", self.center, (2,), -5.0, 5.0)
        _check("The table", "color", self.color, (3,), 0.0, 1.0)
        _check("The table", "friction", (self.friction,), (1,), 0.0, 2.0)


@settings(ErrorCode.INVALID_SCENE)
class Camera:
    """A fixed RGB-D camera.

    Attributes:
        eye: (x, y, z) of the optical centre in the world.
        target: a point on the optical axis.
        width, height: pixels.
        fov: vertical field of view in radians.
        noise: ``none``, ``stereo`` (as of a ZED or RealSense) or ``tof``.
        T_world_camera: (4, 4) optical frame: x right, y down, z forward.
        K: (3, 3) intrinsics in pixels; the centre of the first pixel is (0, 0), as in ROS.
    """

    eye: tuple[float, float, float] = (1.10, 0.0, 0.72)
    target: tuple[float, float, float] = (0.48, 0.0, 0.02)
    width: int = 640
    height: int = 480
    fov: float = 0.80
    noise: Noise = "stereo"

    def __post_init__(self) -> None:
        _check("The camera", "eye", self.eye, (3,), -5.0, 5.0)
        _check("The camera", "target", self.target, (3,), -5.0, 5.0)
        _check("The camera", "width and height", (self.width, self.height), (2,), 32, 4096)
        _check("The camera", "fov", (self.fov,), (1,), 0.1, 2.5)
        if np.linalg.norm(np.cross(np.subtract(self.target, self.eye), [0, 0, 1])) < 1e-6:
            raise _invalid("The camera must not look straight up or down; move its eye a little")

    @cached_property
    def T_world_camera(self) -> NDArray[np.float64]:
        """(4, 4), z forward, x right."""
        return look_at(self.eye, self.target)

    @cached_property
    def K(self) -> NDArray[np.float64]:
        """Pinhole matrix (3, 3), pixels."""
        focal = 0.5 * self.height / np.tan(0.5 * self.fov)
        cx, cy = (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[focal, 0, cx], [0, focal, cy], [0, 0, 1.0]])


@settings(ErrorCode.INVALID_SCENE)
class Scene:
    """Table, camera and objects.

    Attributes:
        name: for people and result files.
        objects: what stands on the table.
        instructions: sentences that make sense in this scene (the demo says them in turn).
    """

    name: str = "scene"
    table: Table = field(default_factory=Table)
    camera: Camera = field(default_factory=Camera)
    objects: tuple[SceneObject, ...] = ()
    instructions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        names = [o.name for o in self.objects]
        repeated = sorted({n for n in names if names.count(n) > 1})
        if repeated:
            raise _invalid(f"Two objects are called '{repeated[0]}'")

    def object(self, name: str) -> SceneObject:
        """The object called ``name``; raises INVALID_SCENE where there is none."""
        for candidate in self.objects:
            if candidate.name == name:
                return candidate
        names = ", ".join(o.name for o in self.objects)
        raise _invalid(f"Scene '{self.name}' has no object '{name}'; it has {names}")

    def openings(self, joints: Mapping[str, float]) -> dict[str, float]:
        """Share of the whole way that each joint, metres or radians by name of the object, is."""
        return {
            name: position / self.object(name).mechanism.joint.limit
            for name, position in joints.items()
        }


def load_scene(name_or_path: str | Path) -> Scene:
    """Read ``config/scenes/<name>.yaml``, or any YAML file by its path.

    ``random:<seed>`` gives :func:`random_scene` with that seed.

    Raises:
        UnihmError: INVALID_SCENE with a sentence that says what is wrong and where.
    """
    text = str(name_or_path)
    if text.startswith("random:") and text[7:].isdigit():
        return random_scene(int(text[7:]))
    path = Path(text)
    if path.suffix not in (".yaml", ".yml"):
        path = config_dir() / "scenes" / f"{text}.yaml"
        if not path.is_file():
            names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
            raise _invalid(f"There is no scene '{text}'; there are {names}, or give a YAML file")
    try:
        return _parse(read_yaml(path), path)
    except UnihmError as error:
        where = "" if path.name in error.message else f"{path.name}: "
        sentence = " ".join(f"{where}{error.message}".split())  # YAML's errors have many lines
        raise UnihmError(ErrorCode.INVALID_SCENE, sentence) from error


def _parse(values: dict[str, Any], path: Path) -> Scene:
    values = {"name": path.stem, **values}
    entries = values.pop("objects", [])
    if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
        raise _invalid("'objects' must be a list of mappings")
    objects = []
    for number, entry in enumerate(entries, start=1):
        where = f"objects[{number}] ({entry.get('name', 'without a name')})"
        entry = {**entry, "name": str(entry.get("name", f"object {number}"))}
        for file in ("mesh", "urdf"):
            if isinstance(entry.get(file), str):
                entry[file] = str(path.parent / Path(entry[file]).expanduser())
        objects.append(from_mapping(SceneObject, entry, where))
    scene = replace(from_mapping(Scene, values, path.name), objects=tuple(objects))
    # A wrong size or mesh is reported now too, with the file's name.
    refuse_overlaps({item.name: item.solids for item in scene.objects})
    return scene


Sizes = Mapping[str, Mapping[str, tuple[float, float]]]
"""Shapes by name, with the range of each measure in metres."""

RANDOM_SIZES: Sizes = {
    "box": {"x": (0.04, 0.065), "y": (0.035, 0.055), "z": (0.06, 0.13)},
    "cylinder": {"radius": (0.022, 0.034), "height": (0.08, 0.15)},
    "sphere": {"radius": (0.028, 0.038)},
    "prism": {"radius": (0.025, 0.035), "height": (0.07, 0.13)},
    "bottle": {"radius": (0.025, 0.034), "height": (0.14, 0.19), "neck": (0.011, 0.014)},
    "cup": {"radius": (0.032, 0.040), "height": (0.08, 0.11), "base": (0.024, 0.030)},
    "mug": {"radius": (0.032, 0.040), "height": (0.08, 0.10)},
    "ellipsoid": {"x": (0.070, 0.095), "y": (0.056, 0.064), "z": (0.046, 0.054)},
}
"""Random objects: what a hand of human size can lift."""
_NOUNS = {"sphere": "ball", "prism": "prism", "ellipsoid": "egg"}


def random_scene(seed: int, count: int = 3, sizes: Sizes = RANDOM_SIZES) -> Scene:
    """Scene of ``count`` procedural objects of distinct colours and shapes, standing apart.

    Objects are within x 0.35 to 0.65 m and y +-0.25 m, at any yaw, of 0.1 to 0.4 kg; the
    gap between any two is at least 8 cm, room for fingers.
    """
    if not 1 <= count <= len(sizes):
        raise _invalid(f"A random scene has 1 to {len(sizes)} objects, not {count}")
    rng = np.random.default_rng([seed, 20])
    shapes = rng.permutation(list(sizes))[:count]
    colors = rng.permutation([c for c in COLORS if c not in ("grey", "white", "brown")])[:count]
    objects: list[SceneObject] = []
    for shape, color in zip(shapes, colors):
        size = {k: float(rng.uniform(*span)) for k, span in sizes[shape].items()}
        candidate = SceneObject(
            name=f"{color} {_NOUNS.get(shape, shape)}",
            shape=str(shape),
            size=size,
            color=str(color),
            mass=float(rng.uniform(0.1, 0.4)),
            rpy=(0.0, 0.0, float(rng.uniform(-np.pi, np.pi))),
        )
        objects.append(replace(candidate, position=place_freely(rng, candidate, objects)))
    return Scene(name=f"random:{seed}", objects=tuple(objects))


def place_freely(
    rng: np.random.Generator, candidate: SceneObject, others: list[SceneObject], gap: float = 0.08
) -> tuple[float, float]:
    """(x, y) for ``candidate``, at least ``gap`` metres from the circles round the other objects.

    Raises:
        UnihmError: INVALID_SCENE where there is no room.
    """
    for attempt in range(2000):
        place = rng.uniform([0.35, -0.25], [0.65, 0.25])
        room = gap * (1 - attempt / 2000)  # a full table is packed closer
        if all(
            np.hypot(*(place - o.position[:2])) > candidate.footprint + o.footprint + room
            for o in others
        ):
            return float(place[0]), float(place[1])
    raise _invalid(f"There is no room on the table for {len(others) + 1} objects")


def _invalid(sentence: str) -> UnihmError:
    return UnihmError(ErrorCode.INVALID_SCENE, f"{sentence}.")


def _check(
    where: str, what: str, values: Any, lengths: tuple[int, ...], low: float, high: float
) -> None:
    """Raise INVALID_SCENE unless ``values`` are as many finite numbers between the bounds."""
    try:
        numbers = np.asarray(values, float)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if (
        numbers.ndim != 1
        or len(numbers) not in lengths
        or not ((low <= numbers) & (numbers <= high)).all()
    ):
        count = " or ".join(map(str, lengths))
        raise _invalid(
            f"{where}: {what} must be {count} number(s) from {low:g} to {high:g}, not {values!r}"
        )
