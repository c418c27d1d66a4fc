"""The judges, on made-up tracks."""

from __future__ import annotations

import numpy as np
import pytest
from unihm.errors import UnihmError
from unihm.sim.scene import Scene, SceneObject
from unihm.sim.tasks import Track, judge_grab, judge_place, judge_push
from unihm.transforms import from_xyz_rpy


def track(**paths):
    """Track at 10 Hz from arrays (N, 3) of positions or (N, 4, 4) of poses."""
    made = Track()
    for i in range(len(next(iter(paths.values())))):
        poses = {
            name: from_xyz_rpy(path[i], [0, 0, 0]) if np.shape(path[i]) == (3,) else path[i]
            for name, path in paths.items()
        }
        made.sample(0.1 * i, poses)
    return made


def lift(height, seconds, hold, then=None):
    """Path that rises to ``height`` in ``seconds``, stays for ``hold`` s, then is at ``then``."""
    z = [*np.linspace(0.05, 0.05 + height, int(10 * seconds)), *[0.05 + height] * int(10 * hold)]
    if then is not None:
        z += [0.05 + then] * 5
    return np.stack([np.full(len(z), 0.5), np.zeros(len(z)), z], axis=1)


def still(n):
    return np.tile([0.4, 0.2, 0.05], (n, 1))


def test_a_held_object_is_a_success():
    path = lift(0.15, 1.5, 1.5)
    outcome = judge_grab(track(box=path, ball=still(len(path))), "box")
    assert outcome.success
    assert outcome.reason == ""
    assert outcome.measurements["rise"] == pytest.approx(0.15)
    assert outcome.measurements["held"] >= 1.4


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (lift(0.08, 1.0, 2.0), "rose by 8.0 cm"),
        (lift(0.15, 1.0, 0.5), "held for 0"),
        (lift(0.15, 1.0, 2.0, then=0.0), "held for 0.0 s"),
    ],
)
def test_a_lost_object_is_none(path, words):
    outcome = judge_grab(track(box=path, ball=still(len(path))), "box")
    assert not outcome.success
    assert words in outcome.reason


def test_lifting_something_else_is_no_success():
    path = lift(0.15, 1.0, 2.0)
    both = judge_grab(track(box=path, ball=path), "box")
    assert not both.success
    assert "ball was lifted as well" in both.reason
    wrong = judge_grab(track(box=still(len(path)), ball=path), "box")
    assert "ball was lifted instead" in wrong.reason


SCENE = Scene(
    objects=(
        SceneObject(name="box", shape="box", size={"x": 0.04, "y": 0.04, "z": 0.06}),
        SceneObject(name="tray", shape="tray", size={"x": 0.2, "y": 0.2, "z": 0.03}),
    )
)


@pytest.mark.parametrize(
    ("x", "z", "success", "words"),
    [
        (0.55, 0.04, True, ""),
        (0.70, 0.03, False, "cm beside the tray"),
        (0.50, 0.25, False, "above the tray"),
    ],
)
def test_placing_is_judged_by_where_it_ends(x, z, success, words):
    path = np.concatenate([lift(0.1, 0.5, 0.5), np.tile([x, 0.0, z], (10, 1))])
    tray = np.tile([0.5, 0.0, 0.015], (len(path), 1))
    outcome = judge_place(track(box=path, tray=tray), SCENE, "box", "in", "tray")
    assert outcome.success is success
    assert words in outcome.reason


def test_placing_needs_lifting_and_rest():
    slid = np.stack([np.linspace(0.3, 0.5, 20), np.zeros(20), np.full(20, 0.036)], axis=1)
    tray = np.tile([0.5, 0.0, 0.015], (20, 1))
    assert (
        "not lifted" in judge_place(track(box=slid, tray=tray), SCENE, "box", "in", "tray").reason
    )
    moving = np.concatenate([lift(0.1, 0.5, 0.2), slid])
    tray = np.tile([0.5, 0.0, 0.015], (len(moving), 1))
    assert (
        "still moves"
        in judge_place(track(box=moving, tray=tray), SCENE, "box", "in", "tray").reason
    )


SCENE_OF_ONE = Scene(objects=SCENE.objects[:1])


def test_pushing_is_along_the_table():
    slide = np.stack([np.linspace(0.4, 0.5, 20), np.zeros(20), np.full(20, 0.05)], axis=1)
    assert judge_push(track(box=slide), SCENE_OF_ONE, "box").success
    assert judge_push(track(box=slide), SCENE_OF_ONE, "box", np.array([1.0, 0.0])).success
    assert not judge_push(track(box=slide), SCENE_OF_ONE, "box", np.array([0.0, 1.0])).success
    lifted = slide + np.array([0, 0, 1]) * np.linspace(0, 0.1, 20)[:, None]
    assert "lifted" in judge_push(track(box=lifted), SCENE_OF_ONE, "box").reason
    fallen = [from_xyz_rpy(p, [0, a, 0]) for p, a in zip(slide, np.linspace(0, 1.5, 20))]
    assert "fell over" in judge_push(track(box=np.array(fallen)), SCENE_OF_ONE, "box").reason


@pytest.mark.parametrize(
    ("asked", "done", "aside", "success", "words"),
    [
        (0.10, 0.09, 0.0, True, ""),
        (0.10, 0.04, 0.0, False, "pushed by 4.0 cm"),
        (0.10, 0.20, 0.0, False, "pushed by 20.0 cm"),
        (0.10, 0.09, 0.07, False, "7.0 cm off its line"),
        (None, 0.20, 0.0, True, ""),
    ],
)
def test_a_push_goes_about_as_far_as_was_asked(asked, done, aside, success, words):
    ways = np.linspace([0.4, 0.0, 0.03], [0.4 + done, aside, 0.03], 20)
    outcome = judge_push(track(box=ways), SCENE_OF_ONE, "box", np.array([1.0, 0.0]), asked)
    assert outcome.success is success
    assert words in outcome.reason


@pytest.mark.parametrize(
    ("relation", "end", "success", "words"),
    [
        ("left", [0.5, 0.17, 0.03], True, ""),
        ("beside", [0.5, 0.17, 0.03], True, ""),
        ("right", [0.5, 0.17, 0.03], False, "on another side"),
        ("left", [0.5, 0.30, 0.03], False, "18.0 cm from the tray"),
        ("left", [0.5, 0.13, 0.06], False, "not on the table"),
        ("on", [0.5, 0.0, 0.06], True, ""),
        ("on", [0.5, 0.0, 0.12], False, "above"),
    ],
)
def test_every_relation_is_judged(relation, end, success, words):
    path = np.concatenate([lift(0.1, 0.5, 0.5), np.tile(end, (10, 1))])
    tray = np.tile([0.5, 0.0, 0.015], (len(path), 1))
    outcome = judge_place(track(box=path, tray=tray), SCENE, "box", relation, "tray")
    assert outcome.success is success
    assert words in outcome.reason


def test_what_is_knocked_over_on_the_way_spoils_a_push():
    scene = Scene(objects=(*SCENE_OF_ONE.objects, SceneObject(name="can", shape="cylinder")))
    slide = np.linspace([0.4, 0.0, 0.03], [0.5, 0.0, 0.03], 20)
    toppled = np.array([from_xyz_rpy([0.6, 0.1, 0.06], [a, 0, 0]) for a in np.linspace(0, 1.5, 20)])
    outcome = judge_push(track(box=slide, can=toppled), scene, "box", np.array([1.0, 0.0]))
    assert outcome.stage == "other object"
    assert outcome.reason == "The can was knocked over."


def test_an_unknown_object_is_an_error():
    with pytest.raises(UnihmError, match="no track of 'elephant'"):
        judge_grab(track(box=still(5)), "elephant")
