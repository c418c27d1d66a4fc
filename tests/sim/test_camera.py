"""The rendered camera against geometry, and its noise against its own claims."""

from __future__ import annotations

import numpy as np
import pytest
from unihm.errors import UnihmError
from unihm.sim.camera import RenderCamera, add_noise
from unihm.sim.scene import Camera
from unihm.sim.views import labelled_view, random_camera
from unihm.transforms import apply, invert, look_at

FOCAL = 500.0


@pytest.mark.parametrize("kind", ["stereo", "tof"])
@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0])
def test_noise_on_a_wall_is_small_and_unbiased(kind, distance):
    exact = np.full((120, 160), distance, np.float32)
    noisy = add_noise(kind, exact, FOCAL, np.random.default_rng(0))
    seen = noisy > 0
    assert noisy.dtype == np.float32
    assert seen.mean() > 0.97
    error = noisy[seen] - distance
    assert abs(np.mean(error)) < 0.002 * distance
    assert 2e-4 < np.std(error) < 0.006 * distance**2 + 0.002


def test_stereo_noise_grows_with_the_square_of_the_distance():
    rng = np.random.default_rng(1)
    spread = []
    for distance in (0.5, 1.0, 2.0):
        noisy = add_noise("stereo", np.full((120, 160), distance, np.float32), FOCAL, rng)
        spread.append(np.std(noisy[noisy > 0]))
    assert spread[1] / spread[0] == pytest.approx(4, rel=0.25)
    assert spread[2] / spread[1] == pytest.approx(4, rel=0.25)


@pytest.mark.parametrize("kind", ["stereo", "tof"])
def test_edges_are_torn_and_nothing_stays_nothing(kind):
    exact = np.full((100, 100), 1.0, np.float32)
    exact[:, :50] = 0.6
    exact[:10] = 0
    noisy = add_noise(kind, exact, FOCAL, np.random.default_rng(2))
    assert (noisy[:10] == 0).all()
    edge, flat = noisy[20:, 48:52], noisy[20:, 10:40]
    wrong = (np.minimum(abs(edge - 0.6), abs(edge - 1.0)) > 0.02).mean()
    assert wrong > 0.1
    assert (abs(flat - 0.6) > 0.02).mean() < 0.03
    assert add_noise("none", exact, FOCAL, np.random.default_rng(0)) is exact


def test_unknown_noise_is_refused():
    with pytest.raises(UnihmError, match="no depth noise"):
        add_noise("fog", np.ones((4, 4), np.float32), FOCAL, np.random.default_rng(0))


class SlowRenderer:
    """SAPIEN's scene and camera, with a clock of their own; the first image takes longest."""

    def __init__(self) -> None:
        self.entity = self
        self.now = self.due = 0.0
        self.taken = 0

    def __getattr__(self, name):
        return lambda *args: None

    def add_camera(self, *args):
        return self

    def take_picture(self):
        self.due = self.now + (0.2 if self.taken else 5.0)
        self.taken += 1

    def get_picture(self, name):
        self.now = max(self.now, self.due)
        return np.zeros((4, 4, 4))


def test_nobody_waits_for_an_image_once_it_is_known_how_long_one_takes(monkeypatch):
    """Who waits holds up every other thread: for the third image already nobody need to."""
    renderer = SlowRenderer()
    monkeypatch.setattr("unihm.sim.camera.sapien.render.RenderTexture", lambda *args: None)
    monkeypatch.setattr("unihm.sim.camera.time.monotonic", lambda: renderer.now)
    camera = RenderCamera(renderer, 4, 4, 1.0)
    state = np.zeros(3)
    for _ in range(2):  # the robot rests
        camera.capture(np.eye(4), state)
        camera.rgb()
    camera.capture(np.eye(4), state)
    assert renderer.taken == 2
    for i in range(1, 20):
        camera.capture(np.eye(4), state + i)
        began = renderer.now
        while not camera.is_ready:
            renderer.now += 0.01
        asked = renderer.now
        camera.rgb()
        assert renderer.now - asked < 0.05
        assert renderer.now - began < 0.25


@pytest.mark.render
def test_depth_shows_the_objects_where_they_are(rendered_world):
    """Every object pixel, put back into the world, lies on that object's surface."""
    world = rendered_world
    camera = Camera(
        eye=(1.1, 0.0, 0.72), target=(0.48, 0.0, 0.02), width=320, height=240, noise="none"
    )
    view = labelled_view(world, camera, np.random.default_rng(0))
    assert view.names == tuple(item.name for item in world.scene.objects)
    rows, cols = np.indices(view.depth.shape)
    rays = np.stack([cols, rows, np.ones_like(rows)], -1) @ np.linalg.inv(camera.K).T
    points = apply(camera.T_world_camera, (rays * view.depth[..., None]).reshape(-1, 3))
    for number, name in enumerate(view.names, start=1):
        mask = view.labels.ravel() == number
        assert mask.sum() > 100, name
        local = apply(invert(world.object_poses()[name]), points[mask])
        half = world.scene.object(name).geometry.extents / 2
        assert (abs(local) < half + 2e-3).all(), name
    table = points[(view.labels.ravel() == 0) & (abs(points[:, 0] - 0.5) < 0.1)]
    assert abs(np.median(table[:, 2])) < 1e-3


@pytest.mark.render
def test_intrinsics_agree_with_the_renderer_to_a_tenth_of_a_pixel(rendered_world):
    """The middle of the ball's outline is where K projects the ball's centre."""
    camera = Camera(eye=(0.9, -0.5, 0.5), target=(0.42, -0.08, 0.035), noise="none", fov=0.3)
    view = labelled_view(rendered_world, camera, np.random.default_rng(0))
    label = view.names.index("yellow ball") + 1
    rows, cols = np.nonzero(view.labels == label)
    center = rendered_world.object_poses()["yellow ball"][:3, 3]
    u, v, w = camera.K @ apply(invert(camera.T_world_camera), center[None])[0]
    assert len(rows) > 3000
    assert (cols.min() + cols.max()) / 2 == pytest.approx(u / w, abs=0.6)
    assert (rows.min() + rows.max()) / 2 == pytest.approx(v / w, abs=0.6)
    assert cols.mean() == pytest.approx(u / w, abs=0.1)


@pytest.mark.render
def test_an_image_is_of_the_moment_it_was_begun_whatever_moves_meanwhile(rendered_world):
    world = rendered_world
    still = world.observe()
    name = next(iter(world.object_poses()))
    moved = world.object_poses()[name].copy()
    moved[0, 3] += 0.1
    world.expose()
    began = world.time
    world.set_object_pose(name, moved)
    world.step(10)
    seen = world.read_out()
    assert seen.stamp == began < world.time
    assert np.mean(np.abs(seen.rgb.astype(float) - still.rgb) > 30) < 1e-3
    assert np.mean(np.abs(world.observe().rgb.astype(float) - still.rgb) > 30) > 1e-3


@pytest.mark.render
def test_the_fixed_camera_gives_a_noisy_observation(rendered_world):
    world = rendered_world
    first, second = world.observe(), world.observe()
    assert first.rgb.shape == (480, 640, 3)
    assert first.stamp == world.time
    np.testing.assert_array_equal(first.rgb, second.rgb)
    assert (first.depth != second.depth).mean() > 0.3
    assert 0.9 < (first.depth > 0).mean() < 1.0


@pytest.mark.render
def test_named_colours_look_like_their_names(rendered_world):
    view = labelled_view(rendered_world, Camera(noise="none"), np.random.default_rng(0))
    mean = {
        name: view.observation.rgb[view.labels == i].mean(axis=0)
        for i, name in enumerate(view.names, start=1)
    }
    assert np.argmax(mean["red box"]) == 0
    assert np.argmax(mean["blue cylinder"]) == 2
    assert np.argmax(mean["green mug"]) == 1
    assert min(mean["yellow ball"][:2]) > 2 * mean["yellow ball"][2]
    assert mean["white tray"].min() > 150


@pytest.mark.render
def test_views_for_people_and_for_training(rendered_world):
    image = rendered_world.render_view(look_at([1.2, -0.9, 0.8], [0.35, 0, 0.2]), 200, 150)
    assert image.shape == (150, 200, 3)
    assert image.std() > 20
    rng = np.random.default_rng(4)
    seen = 0
    for _ in range(6):
        camera = random_camera(rng, 160, 120)
        view = labelled_view(rendered_world, camera, rng)
        seen += len(np.unique(view.labels)) - 1
        assert camera.noise in ("stereo", "tof")
    assert seen >= 18  # of 30: most objects are in most views


@pytest.mark.render
def test_what_did_not_move_is_not_rendered_again(rendered_world):
    world = rendered_world
    first = world.observe()
    camera = world._scene_camera
    rendered = camera._began
    second = world.observe()
    assert camera._began == rendered
    np.testing.assert_array_equal(first.rgb, second.rgb)
    name = next(iter(world.object_poses()))
    moved = world.object_poses()[name].copy()
    moved[1, 3] += 0.01
    world.set_object_pose(name, moved)
    third = world.observe()
    assert camera._began > rendered
    assert (third.rgb != first.rgb).any()
    world.render_view(np.eye(4), *first.rgb.shape[1::-1], world.scene.camera.fov)
    np.testing.assert_array_equal(world.observe().rgb, third.rgb)
