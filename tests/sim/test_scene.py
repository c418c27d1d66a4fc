"""Scene files: what they may hold, and what they answer when they are wrong."""

from __future__ import annotations

import numpy as np
import pytest
import trimesh
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.sim.scene import COLORS, Camera, load_scene, random_scene
from unihm.transforms import is_rigid, look_at

SCENES = sorted(path.stem for path in (config_dir() / "scenes").glob("*.yaml"))


@pytest.mark.parametrize("name", SCENES)
def test_shipped_scenes_load_and_stand_on_the_table(name):
    scene = load_scene(name)
    assert scene.name == name
    assert scene.objects
    for item in scene.objects:
        lowest = (item.geometry.surface.vertices @ item.T_world_object[:3, :3].T)[:, 2].min()
        assert item.T_world_object[2, 3] + lowest == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("count", [1, 3, 8])
def test_random_scenes_are_distinct_apart_and_within_reach(seed, count):
    scene = random_scene(seed, count)
    assert len(scene.objects) == count
    assert len({o.color for o in scene.objects}) == count
    assert len({o.shape for o in scene.objects}) == count
    for i, a in enumerate(scene.objects):
        assert a.color in COLORS
        assert str(a.color) in a.name
        assert 0.35 <= a.position[0] <= 0.65
        assert abs(a.position[1]) <= 0.25
        assert 0.1 <= a.mass <= 0.4
        for b in scene.objects[:i]:
            gap = np.hypot(*np.subtract(a.position, b.position)) - sum(
                np.hypot(*o.geometry.extents[:2]) / 2 for o in (a, b)
            )
            assert gap > (0.05 if count <= 3 else 0.0)


def test_random_scenes_follow_their_seed():
    assert random_scene(5) == random_scene(5)
    assert random_scene(5) != random_scene(6)
    assert load_scene("random:5").objects == random_scene(5).objects


def write(folder, text):
    path = folder / "mine.yaml"
    path.write_text(text)
    return path


def test_a_mesh_is_found_beside_its_scene_file(tmp_path):
    trimesh.creation.box([60.0, 40.0, 90.0]).export(tmp_path / "part.stl")
    scene = load_scene(
        write(
            tmp_path,
            "objects: [{name: part, mesh: part.stl, scale: 0.001, up: y, convex: hull}]",
        )
    )
    item = scene.object("part")
    # The file's y axis points up: its extents are (z, x, y) of the file.
    np.testing.assert_allclose(item.geometry.extents, [0.09, 0.06, 0.04], atol=1e-9)
    assert item.T_world_object[2, 3] == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("objects: [{name: a, shape: box, sise: {x: 1}}]", "sise.*Known"),
        ("objects: [{name: a}]", "one of these: a shape .* a mesh"),
        ("objects: [{name: a, shape: box, mesh: b.stl}]", "one of these: a shape"),
        ("objects: [{name: a, shape: box, size: {radius: 0.1}}]", "no measure 'radius'"),
        ("objects: [{name: a, shape: box, color: mauve}]", "no colour 'mauve'"),
        ("objects: [{name: a, shape: box, color: [1, 2, 3]}]", "color must be 3"),
        ("objects: [{name: a, shape: box, position: [0.5]}]", "position must be 2 or 3"),
        ("objects: [{name: a, shape: box, position: [0.5, .nan]}]", "position\\[1\\] must be"),
        ("objects: [{name: a, shape: box, mass: 0}]", "mass must be"),
        ("objects: [{name: a, shape: box, mass: heavy}]", "mass must be"),
        ("objects: [{name: a, shape: box, friction: -1}]", "friction must be"),
        ("objects: [{name: a, mesh: absent.stl}]", "absent.stl does not exist"),
        ("objects: [{name: a, shape: box}, {name: a, shape: box}]", "Two objects are called 'a'"),
        ("objects: [{name: a, shape: box}, {name: b, shape: mug}]", "'a' and 'b' stand inside"),
        ("objects: box", "list of mappings"),
        ("camera: {noise: grainy}", "noise must be .none., .stereo. or .tof."),
        ("camera: {eye: [0, 0, 1], target: [0, 0, 0]}", "straight up or down"),
        ("camera: {width: 3}", "width and height must be"),
        ("camera: 5", "camera must be a mapping"),
        ("tabel: {}", "tabel"),
        ("[1, 2]", "must hold a mapping"),
        ("objects: [", "is not YAML"),
    ],
)
def test_a_wrong_scene_file_gets_one_sentence(tmp_path, text, words):
    with pytest.raises(UnihmError, match=words) as caught:
        load_scene(write(tmp_path, text))
    assert caught.value.code is ErrorCode.INVALID_SCENE
    assert "\n" not in caught.value.message
    assert caught.value.message.endswith(".")
    assert "mine.yaml" in caught.value.message


@pytest.mark.parametrize(
    ("where", "overlaps"),
    [
        ([0.5, 0.0, 0.05], False),  # in the bowl
        ([0.5, 0.0, 0.01], True),  # in its bottom
        ([0.5, 0.06, 0.05], True),  # in its wall
        ([0.5, 0.15], False),
    ],
)
def test_what_stands_in_another_is_not_inside_it(tmp_path, where, overlaps):
    text = f"""objects:
    - {{name: bowl, shape: bowl, size: {{radius: 0.07, height: 0.06}}}}
    - {{name: ball, shape: sphere, size: {{radius: 0.02}}, position: {where}}}
    """
    try:
        load_scene(write(tmp_path, text))
        refused = False
    except UnihmError as error:
        refused = "inside each other" in error.message
    assert refused is overlaps


def test_an_unknown_scene_names_those_there_are():
    with pytest.raises(UnihmError, match=r"no scene 'moon'.*table") as caught:
        load_scene("moon")
    assert caught.value.code is ErrorCode.INVALID_SCENE


def test_look_at_is_an_optical_frame():
    T_world_camera = look_at([1.0, 0.2, 0.8], [0.4, 0.0, 0.0])
    assert is_rigid(T_world_camera)
    ahead = T_world_camera[:3, :3] @ [0, 0, 1]
    np.testing.assert_allclose(ahead, np.array([-0.6, -0.2, -0.8]) / 1.04**0.5)
    assert T_world_camera[2, 0] == pytest.approx(0)  # the horizon is level
    assert T_world_camera[2, 1] < 0  # y points down


def test_intrinsics_follow_the_field_of_view():
    camera = Camera(width=200, height=100, fov=np.pi / 2)
    np.testing.assert_allclose(camera.K, [[50, 0, 99.5], [0, 50, 49.5], [0, 0, 1]])


def test_names_are_looked_at_before_shapes_are_made(tmp_path):
    file = tmp_path / "scene.yaml"
    entry = "{name: a box, mesh: none.stl}"
    file.write_text(f"objects: [{entry}, {entry}]")
    with pytest.raises(UnihmError, match="Two objects are called 'a box'"):
        load_scene(file)
