"""The web page in a real browser: does it show what it was given?"""

from __future__ import annotations

import socket
import threading

import numpy as np
import pytest
from devtools import Browser, find_chromium
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.sim.scene import Camera, load_scene
from unihm.transforms import from_xyz_rpy
from unihm.types import HandMotion, ObjectCloud, RgbdObservation, TaskKind
from unihm.visualization.viewer import Controls, Viewer

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no chromium or google-chrome"),
    pytest.mark.xdist_group("browser"),
]


class Page:
    """A viewer, a browser that looks at it, and what was said in the page."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.heard = threading.Event()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.asked: list[object] = []
        ask = self.asked.append
        self.viewer = Viewer(
            port,
            controls=Controls(
                self._on_instruction,
                lambda: ask("cancel"),
                lambda: ask("stop"),
                lambda: ask("reset"),
                ask,
            ),
        )
        self.browser = Browser(800, 540)

    def _on_instruction(self, sentence: str) -> None:
        self.said.append(sentence)
        self.heard.set()

    def press(self, label: str) -> None:
        """Click the button that is labelled so."""
        place = self.browser.evaluate(
            "(() => { const b = [...document.querySelectorAll('button')]"
            f".find(b => b.innerText.includes('{label}')); const r = b.getBoundingClientRect();"
            " return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        self.browser.click(*place)

    def scene(self) -> np.ndarray:
        """The left part of the page, where the 3D scene is."""
        return self.browser.screenshot()[:, :470].astype(int)

    def settled(self) -> np.ndarray:
        """The scene as soon as four pictures in a row, over a second, are the same."""
        last = [self.scene()]

        def steady() -> bool:
            last.append(self.scene())
            changes = [abs(last[-1] - image).max() for image in last[-4:-1]]
            return bool(len(changes) == 3 and max(changes) < 4 and last[-1].std() > 5)

        self.browser.wait_for(steady)
        return last[-1]


@pytest.fixture(scope="module")
def page():
    made = Page()
    with made.browser:
        made.browser.open(made.viewer.url)
        made.browser.wait_for(lambda: "Waiting for a task" in made.browser.text())
        # The notice that there is no graphics card covers a part of the scene.
        made.browser.evaluate(
            "document.querySelectorAll('.mantine-Notification-closeButton').forEach(b => b.click())"
        )
        yield made
    made.viewer.close()


def share_changed(before, after):
    """Fraction of the 10 x 10 blocks of pixels whose mean differs clearly.

    Single pixels do without cause: a page that draws slowly lowers its own resolution.
    """
    blocks = (after - before).reshape(54, 10, 47, 10, 3).mean(axis=(1, 3))
    return float((abs(blocks).max(axis=2) > 12).mean())


def color_share(image, color, tolerance=60):
    """Fraction of pixels near a colour."""
    return float((abs(image - np.array(color)).max(axis=2) < tolerance).mean())


def test_the_robot_is_drawn_and_moves(page):
    before = page.settled()
    assert len(np.unique(before.reshape(-1, 3), axis=0)) > 500  # shaded, not blank
    names = [f"fr3_joint{i}" for i in range(1, 8)]
    page.viewer.show_joints(names, [0.9, 0.2, 0.0, -1.6, 0.0, 1.8, 0.8])
    page.browser.wait_for(lambda: share_changed(before, page.scene()) > 0.02)


def test_coupled_joints_follow(page):
    robot = page.viewer.robot
    thumb, tip = "right_hand_index_joint1", "right_hand_index_joint2"
    before = np.array(robot.frames[thumb].wxyz), np.array(robot.frames[tip].wxyz)
    robot.show({thumb: 0.8})
    assert abs(np.array(robot.frames[thumb].wxyz) - before[0]).max() > 0.1
    np.testing.assert_array_equal(robot.frames[tip].wxyz, before[1])


def test_a_task_is_told_in_words(page):
    page.viewer.show_task("put the lid on the <b>pot</b>")
    page.viewer.show_stage("planner", "succeeded", 0.31)
    page.viewer.show_stage("segmentation", "failed", 0.2, "Nothing stands there.")
    page.browser.wait_for(lambda: "Nothing stands there." in page.browser.text())
    text = page.browser.text()
    assert "put the lid on the" in text
    assert "0.31 s" in text
    page.viewer.show_task("another one")
    page.browser.wait_for(lambda: "another one" in page.browser.text())
    assert "0.31 s" not in page.browser.text()


def made_up_observation():
    """A green image of a flat floor, from the demo's camera."""
    camera = Camera(width=160, height=120)
    rows, cols = np.indices((120, 160))
    rays = np.stack([cols, rows, np.ones_like(rows)], -1) @ np.linalg.inv(camera.K).T
    down = rays @ camera.T_world_camera[2, :3]
    depth = np.where(down < -0.05, -(camera.T_world_camera[2, 3] - 0.02) / down, 0)
    rgb = np.full((120, 160, 3), (20, 200, 40), np.uint8)
    return RgbdObservation(rgb, depth.astype(np.float32), camera.K, camera.T_world_camera)


def test_everything_of_a_task_is_drawn_and_cleared(page):
    bare = page.settled()
    page.viewer.show_observation(made_up_observation())
    green, orange = (20, 200, 40), (255, 96, 64)
    enough = color_share(bare, green, 110) + 0.03
    page.browser.wait_for(lambda: color_share(page.scene(), green, 110) > enough)
    clouded = page.settled()

    hand = load_hand("xhand")
    T = from_xyz_rpy([0.5, 0.0, 0.06], [0, 0, 0])
    trajectory = make_trajectory(TaskKind.GRAB, T, T[:3, 3])
    page.viewer.show_trajectory(trajectory)
    rng = np.random.default_rng(0)
    normals = rng.standard_normal((1500, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    page.viewer.show_cloud(ObjectCloud(0.05 * normals, normals), T)
    wrist = np.tile(from_xyz_rpy([0.0, -0.05, 0.2], [0, 0, 0]), (len(trajectory), 1, 1))
    joints = np.tile(hand.pregrasp_joints, (len(trajectory), 1))
    page.viewer.show_motion(HandMotion("xhand", wrist, joints, trajectory))
    page.viewer.show_contacts([[0.6, 0.0, 0.3]], [[0.0, 0.0, 20.0]])
    enough_orange = color_share(clouded, orange, 40) + 5e-4
    page.browser.wait_for(lambda: color_share(page.scene(), orange, 40) > enough_orange)
    assert share_changed(clouded, page.settled()) > 0.003

    page.viewer.show_task("next")
    page.viewer.show_contacts([], [])
    page.browser.wait_for(lambda: color_share(page.scene(), orange, 40) < enough_orange - 4e-4)


def test_objects_of_the_simulation_move(page):
    scene, bare = load_scene("table"), page.settled()
    page.viewer.show_scene(scene)
    page.browser.wait_for(lambda: share_changed(bare, page.scene()) > 0.001)
    before = page.settled()
    pose = scene.object("red box").T_world_object.copy()
    pose[:3, 3] += [0.1, -0.2, 0.3]
    page.viewer.show_objects({"red box": pose, "unknown": pose})
    page.browser.wait_for(lambda: share_changed(before, page.scene()) > 0.001)


def test_an_instruction_can_be_sent_from_the_page(page):
    page.press("Do it")
    assert page.heard.wait(20)
    assert page.said == ["pick up the red box"]


def test_the_buttons_ask_for_what_they_say(page):
    for label, asked in (("EMERGENCY STOP", "stop"), ("Cancel", "cancel")):
        page.press(label)
        page.browser.wait_for(lambda asked=asked: asked in page.asked)
    page.viewer.show_emergency_stop(True, "The *button* was pressed.")
    page.browser.wait_for(lambda: "The *button* was pressed." in page.browser.text())
    page.press("Reset the emergency stop")
    page.browser.wait_for(lambda: "reset" in page.asked)
    page.viewer.show_emergency_stop(False)
    page.browser.wait_for(lambda: "was pressed" not in page.browser.text())

    page.viewer.show_understood("grab the <b>box</b>")
    page.viewer.show_candidates(["a red box", "a blue box"])
    page.browser.wait_for(lambda: "2: a blue box" in page.browser.text())
    assert "Understood: grab the <b>box</b>" in page.browser.text()
    page.press("2: a blue box")
    page.browser.wait_for(lambda: 1 in page.asked)
    page.viewer.show_candidates([])
    page.browser.wait_for(lambda: "a blue box" not in page.browser.text())


def test_the_page_asks_nobody_else(page):
    page.settled()
    served = page.viewer.url.removeprefix("http")
    elsewhere = [
        url
        for url in page.browser.requests
        if not url.startswith(("data:", "blob:"))
        and not url.removeprefix("ws").removeprefix("http").startswith(served)
        and not url.startswith(("about:", "chrome:"))
    ]
    assert elsewhere == []
