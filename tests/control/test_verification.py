"""The three witnesses of a lift, each by itself and together."""

import numpy as np
import pytest
from unihm.control.sight import alike, left_behind, locate
from unihm.control.verification import (
    JointSample,
    Verdict,
    pressing_fingers,
    verify_lift,
    verify_others,
    verify_place,
    verify_push,
    vertical_load,
)
from unihm.errors import ErrorCode
from unihm.perception.scene import DetectedObject
from unihm.perception.scene.clusters import Cluster
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.transforms import from_xyz_rpy
from unihm.types import ObjectCloud, RgbdObservation, TaskKind

ARM, HAND = Arm("fr3"), load_hand("xhand")
CONTACT = HAND.pregrasp_joints
SQUEEZE = np.where(np.arange(12) % 2 == 0, 0.25, 0.0)
SQUEEZE[0], SQUEEZE[1] = 0.0, 0.25  # the thumb's first flexion instead of its bend


def sample(load=0.0, held=True):
    """At home, ``load`` N hanging 20 cm under the flange, fingers blocked or not."""
    force = np.array([0.0, 0.0, -load])
    wrench = np.concatenate([force, np.cross([0.05, 0.02, -0.2], force)])
    torque = -ARM.jacobian(ARM.home).T @ wrench
    command = CONTACT + SQUEEZE
    return JointSample(ARM.home, torque, CONTACT if held else command, command)


def scene(object_there, hand_in_front=False, at=(0.0, 0.0), color=(200, 30, 30)):
    """A camera 1 m above a table; a red object 10 cm high covers the middle of the image."""
    depth = np.ones((120, 160), np.float32)
    rgb = np.full((120, 160, 3), 120, np.uint8)
    if object_there:
        u, v = round(80 + 200 / 0.9 * at[0]), round(60 - 200 / 0.9 * at[1])
        depth[v - 18 : v + 19, u - 18 : u + 19] = 0.9
        rgb[v - 18 : v + 19, u - 18 : u + 19] = color
    if hand_in_front:
        depth[20:100, 40:120] = 0.6
        rgb[20:100, 40:120] = 60
    K = np.array([[200.0, 0, 80], [0, 200.0, 60], [0, 0, 1]])
    T = np.diag([1.0, -1.0, -1.0, 1.0])
    T[2, 3] = 1.0
    return RgbdObservation(rgb, depth, K, T)


def object_points():
    grid = np.stack(np.meshgrid(np.linspace(-0.08, 0.08, 30), np.linspace(-0.08, 0.08, 30)), -1)
    return np.hstack([grid.reshape(-1, 2), np.full((900, 1), 0.1)])


def flat_top():
    points = np.random.default_rng(0).uniform([-0.08, -0.08, 0.1], [0.08, 0.08, 0.1], (900, 3))
    return ObjectCloud(points, np.tile([0.0, 0.0, 1.0], (900, 1)))


def test_load_is_measured_in_newtons_wherever_it_hangs():
    assert vertical_load(ARM, sample(load=2.5)) == pytest.approx(2.5, abs=1e-6)


def test_blocked_fingers_press_and_free_ones_do_not():
    assert set(pressing_fingers(HAND, sample(), SQUEEZE, 0.1)) >= {"thumb", "index", "middle"}
    assert pressing_fingers(HAND, sample(held=False), SQUEEZE, 0.1) == ()


def test_camera_sees_what_is_left_behind():
    before = scene(True)
    assert left_behind(before, scene(True), object_points(), 0.015) == 1.0
    assert left_behind(before, scene(False), object_points(), 0.015) == 0.0
    assert left_behind(before, scene(True, hand_in_front=True), object_points(), 0.015) is None


@pytest.mark.parametrize(
    ("load", "pressing", "gone", "held"),
    [
        (2.0, True, True, True),
        (0.0, False, False, False),
        (0.0, False, True, False),  # rolled away
        (2.0, True, False, True),  # an image that lags does not outvote arm and fingers
        (0.0, True, False, False),  # the thumb on the fingers
        (2.0, False, True, True),  # fingers without a clear sign
    ],
)
def test_two_witnesses_decide(load, pressing, gone, held):
    verdict = verify_lift(
        ARM,
        HAND,
        sample(held=False),
        sample(load, pressing),
        SQUEEZE,
        scene(True),
        scene(not gone),
        flat_top(),
        np.eye(4),
    )
    assert verdict.held is held
    assert set(verdict.votes) == {"fingers", "weight", "camera"}
    assert verdict.reason.startswith("Held" if held else "Not held")


@pytest.mark.parametrize(
    ("pressing", "after", "held"),
    [
        (True, scene(False), True),
        (True, scene(True), False),
        (False, scene(False), False),
        (True, scene(True, hand_in_front=True), False),  # a fist presses too
    ],
)
def test_without_torques_fingers_and_camera_have_to_agree(pressing, after, held):
    empty, lifted = (
        JointSample(s.arm, np.full(7, np.nan), s.hand, s.hand_command)
        for s in (sample(held=False), sample(2.0, pressing))
    )
    verdict = verify_lift(
        ARM, HAND, empty, lifted, SQUEEZE, scene(True), after, flat_top(), np.eye(4)
    )
    assert verdict.held is held
    assert "weight" not in verdict.votes


@pytest.mark.parametrize(
    ("after", "held"),
    [
        (scene(True), True),
        (scene(True, hand_in_front=True), True),  # who knows what is behind the fingers
        (scene(False), False),
        (scene(True, color=(200, 200, 200)), False),  # a fist where the red thing should be
    ],
)
def test_where_the_camera_sees_through_the_hand_nothing_is_held(after, held):
    """The arm is where it grasped, so the object should be seen where it was."""
    verdict = verify_lift(
        ARM,
        HAND,
        sample(held=False),
        sample(2.0),
        SQUEEZE,
        scene(True),
        after,
        flat_top(),
        np.eye(4),
        ARM.home,
    )
    assert verdict.held is held
    assert verdict.evidence.get("in_hand", 1.0) == (1.0 if held else 0.0)


def test_a_place_outside_the_image_says_nothing():
    assert (
        locate(scene(True), flat_top(), from_xyz_rpy([5.0, 0, 0], [0, 0, 0]), 0.02, 0, 0.015)
        is None
    )


def test_an_object_is_found_where_it_is_and_not_where_something_else_is():
    before = scene(True)
    for shift in ([0.0, 0.0], [0.05, 0.0], [-0.03, 0.04]):
        after = scene(True, at=shift)
        found = locate(after, flat_top(), np.eye(4), 0.09, 0.0, 0.015)
        np.testing.assert_allclose(found.shift[:2], shift, atol=0.012)
    other = scene(True, color=(30, 30, 200))
    colored = alike(before, other, object_points(), 0.015)
    assert locate(other, flat_top(), np.eye(4), 0.05, 0.0, 0.015, colored).share == 0.0


def moved(kind, way):
    """A trajectory from the middle of the image by ``way`` metres along x."""
    goal = {TaskKind.PUSH: {"push_direction": [1, 0], "push_distance": way}}.get(
        kind, {"place_position": [way, 0.0, 0.0]}
    )
    return make_trajectory(kind, np.eye(4), np.array([0.0, 0.0, 0.1]), **goal)


@pytest.mark.parametrize(
    ("after", "held", "code", "words"),
    [
        (scene(True, at=(0.2, 0.0)), True, None, "stands in its place"),
        (scene(True, at=(0.13, 0.0)), False, ErrorCode.OBJECT_LOST, "cm beside its place"),
        (scene(True), False, ErrorCode.GRASP_FAILED, "still stands where it stood"),
        (scene(False), False, ErrorCode.OBJECT_LOST, "nothing like the object"),
        (scene(True, at=(0.2, 0), color=(30, 30, 200)), False, ErrorCode.OBJECT_LOST, "nothing"),
    ],
)
def test_what_was_placed_counts_where_it_is_seen_to_stand(after, held, code, words):
    verdict = verify_place(moved(TaskKind.PICK_AND_PLACE, 0.2), flat_top(), scene(True), after)
    assert verdict.held is held
    assert held or verdict.code == code
    assert words in verdict.reason


@pytest.mark.parametrize(
    ("tray", "held"), [((0.12, 0.3), True), ((0.15, 0.3), False), ((-0.1, 0.1), False)]
)
def test_in_a_tray_every_place_is_as_good(tray, held):
    """The object stands at x = 0.13 instead of 0.2."""
    corners = np.array([[x, y, 0.01] for x in tray for y in (-0.1, 0.1)])
    seen = DetectedObject(
        Cluster(np.arange(4), corners, np.full((4, 3), 90, np.uint8)), np.array([0, 0, 1.0]), 0.0
    )
    verdict = verify_place(
        moved(TaskKind.PICK_AND_PLACE, 0.2),
        flat_top(),
        scene(True),
        scene(True, at=(0.13, 0.0)),
        things=[seen],
    )
    assert verdict.held is held


@pytest.mark.parametrize(
    ("at", "held", "words"),
    [
        ((0.1, 0.0), True, "cm of 10"),
        ((0.03, 0.0), False, "cm of 10"),
        ((0.0, 0.0), False, "cm of 10"),
        ((0.1, 0.07), False, "7 cm off its line"),
        (None, False, "not seen as it stood"),
    ],
)
def test_what_was_pushed_counts_by_how_far_it_came(at, held, words):
    after = scene(False) if at is None else scene(True, at=at)
    verdict = verify_push(moved(TaskKind.PUSH, 0.1), flat_top(), scene(True), after)
    assert verdict.held is held
    assert words in verdict.reason
    assert held or verdict.code == ErrorCode.NOT_DONE
    if at is not None:
        assert verdict.evidence["moved"] == pytest.approx(at[0], abs=0.01)


def thing(observation, at=(0.0, 0.0)):
    """What is seen of an object whose middle is at (x, y)."""
    middle = np.array([*at, 0.1])
    points = object_points() + middle - [0.0, 0.0, 0.1]
    cluster = Cluster(np.arange(900), points, np.tile([200, 30, 30], (900, 1)).astype(np.uint8))
    return DetectedObject(cluster, observation.T_world_camera[:3, 3], 0.0)


@pytest.mark.parametrize(
    ("after", "held"),
    [
        (scene(True), True),  # it stands where it stood
        (scene(False), False),
        (scene(True, at=(0.15, 0.0)), False),
        (scene(True, hand_in_front=True), True),  # nobody can see it
    ],
)
def test_nothing_else_may_be_knocked_over(after, held):
    done = Verdict(True, "Done.")
    elsewhere = object_points() + np.array([0.3, 0.0, 0.0])
    before = scene(True)
    verdict = verify_others(done, elsewhere, [thing(before)], before, after)
    assert verdict.held is held
    assert held or (verdict.code == ErrorCode.NOT_DONE and "knocked over" in verdict.reason)
    # The object itself may have gone.
    assert verify_others(done, object_points(), [thing(before)], before, after).held


def test_without_a_camera_both_others_must_agree():
    verdict = verify_lift(ARM, HAND, sample(), sample(2.0, held=False), SQUEEZE)
    assert not verdict.held
    assert "camera" not in verdict.votes


def test_what_the_sensors_show_at_rest_is_taken_off():
    biased = sample(load=1.5, held=False)
    verdict = verify_lift(ARM, HAND, biased, biased, SQUEEZE)
    assert verdict.evidence["weight"] == pytest.approx(0.0, abs=1e-9)
