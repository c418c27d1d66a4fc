"""The benchmark's counting, with a pipeline that is told what to do."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.assignments import TASKS, assignments, grab_assignment
from unihm.evaluation.statistics import spread, wilson_interval
from unihm.evaluation.tasks import TaskAttempt, TaskBenchmark, TaskEpisode, summarise, table
from unihm.perception.language import Action, understand
from unihm.perception.trajectory import make_trajectory
from unihm.pipeline import Pipeline
from unihm.robots import load_hand
from unihm.sim.scene import Camera, Scene, SceneObject, random_scene
from unihm.sim.world import World
from unihm.transforms import make_transform
from unihm.types import HandMotion, ObjectCloud, TaskKind


def test_no_trials_say_nothing_and_twenty_good_ones_not_everything():
    assert wilson_interval(0, 0) == (0.0, 1.0)
    assert wilson_interval(20, 20) == pytest.approx((0.839, 1.0), abs=1e-3)
    assert spread([]) == {}


def test_spread():
    assert spread([1.0, 2.0, 3.0])["p50"] == 2.0


def test_episodes_are_the_same_for_the_same_seed_and_unlike_for_another():
    def told(seed):
        return [
            (task.seed, task.scene.objects, task.target, task.instruction)
            for task in assignments("grab", 4, seed, None)
        ]

    assert told(1) == told(1)
    assert not {seed for seed, *_ in told(1)} & {seed for seed, *_ in told(2)}
    assert all(target in [item.name for item in objects] for _, objects, target, _ in told(1))
    assert all(len(objects) == 3 for _, objects, _, _ in told(1))


@pytest.mark.parametrize("name", TASKS)
def test_half_of_the_random_scenes_have_shapes_that_no_training_has_seen(name):
    made = list(assignments(name, 6, 0, None, unseen=True))
    assert [task.seen for task in made] == [True, False] * 3
    assert {task.task for task in made} == {name}
    assert all(task.target in [item.name for item in task.scene.objects] for task in made)


@pytest.mark.parametrize("name", TASKS)
def test_every_sentence_is_understood_as_its_task(name):
    actions = {
        "grab": {Action.GRAB, Action.HAND_OVER},
        "place": {Action.PLACE},
        "push": {Action.PUSH, Action.PULL},
        "open": {Action.OPEN, Action.CLOSE},
    }[name]
    said = [task.instruction for task in assignments(name, 30, 3, None)]
    understood = [s for s in said if "for a moment" not in s]  # that one is not, yet
    assert {understand(s).one_step().action for s in understood} <= actions


def test_a_scene_file_is_used_as_it_stands_first_and_shuffled_then(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "objects:\n"
        "- {name: red box, shape: box, position: [0.5, 0.0], color: red}\n"
        "- {name: tray, shape: tray, position: [0.5, 0.3], fixed: true}\n"
        "- {name: thing, shape: cylinder, position: [0.4, -0.2]}\n"
    )
    made = list(assignments("grab", 5, 0, str(path)))
    assert [task.target for task in made] == ["red box", "thing"] * 2 + ["red box"]
    assert made[0].scene.object("red box").position == (0.5, 0.0)
    moved = np.array(made[2].scene.object("red box").position) - [0.5, 0.0]
    assert 0 < np.abs(moved).max() <= 0.02
    assert made[2].scene.object("tray").position == (0.5, 0.3)


def test_a_scene_with_nothing_to_move_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("objects:\n- {name: tray, shape: tray, fixed: true}\n")
    with pytest.raises(UnihmError, match="can be moved"):
        next(assignments("push", 1, 0, str(path)))


def test_sentences_vary_and_name_the_object():
    scene = random_scene(3)
    target = scene.objects[0]
    said = {grab_assignment(k, scene, target.name).instruction for k in range(40)}
    assert len(said) > 8
    assert all(str(target.color) in sentence for sentence in said)


def test_summary_counts_both_tries():
    good = TaskAttempt(True, believed=True, seconds={"first_command": 1.0})
    lost = TaskAttempt(False, "grasp", believed=False, seconds={"first_command": 3.0})
    cold = TaskAttempt(True, believed=True, seconds={"first_command": 30.0})
    fooled = TaskAttempt(False, "hold", believed=True)
    episodes = [
        TaskEpisode(0, "grab", "", "a", "box", True, [cold]),
        TaskEpisode(1, "grab", "", "a", "box", True, [lost, good]),
        TaskEpisode(2, "grab", "", "a", "jar", False, [lost, lost]),
        TaskEpisode(3, "place", "", "a", "box", True, [fooled]),
    ]
    summary = summarise(episodes)
    assert summary["success_rate"] == 0.5
    assert summary["success_rate_first_try"] == 0.25
    assert summary["episodes"] == 4
    assert summary["failures"] == {"grasp": 1, "hold": 1}
    assert summary["failures_first_try"] == {"grasp": 2, "hold": 1}
    assert summary["seconds"]["first_command"]["max"] == 3.0
    assert summary["verifier"]["judged"] == 6
    assert summary["verifier"]["false_successes"] == 1
    assert summary["verifier"]["agreement"] == pytest.approx(5 / 6)
    tasks = table(episodes)["tasks"]
    assert tasks["grab"]["seen"]["success_rate"] == 1.0
    assert tasks["grab"]["unseen"]["success_rate"] == 0.0
    assert tasks["place"]["verifier"]["false_success"] == 1.0
    assert "unseen" not in tasks["place"]


@dataclass
class Made:
    motion: HandMotion
    cloud: ObjectCloud
    seconds: dict[str, float] = field(default_factory=lambda: {"planner": 0.1})


class Told:
    """A pipeline that closes the hand in the air, or fails; it counts how often it is asked."""

    def __init__(self, error=None):
        self.error = error
        self.calls = Counter()
        self.tried = []

    def plan(self, observation, instruction, hand, T_world_wrist, joints, after, tried):
        self.tried.append(len(tried))
        self.calls["whole" if after is None else after("generator", None)] += 1
        if self.error is not None:
            raise self.error
        hand = load_hand(hand)
        trajectory = make_trajectory(
            TaskKind.GRAB, make_transform(np.eye(3), [0.5, -0.2, 0.05]), np.array([0.5, -0.2, 0.1])
        )
        wrist = np.tile(T_world_wrist, (len(trajectory), 1, 1))
        wrist[:, :3, 3] = [0.0, -0.05, 0.25]
        closing = np.tile(hand.pregrasp_joints, (len(trajectory), 1))
        points = np.random.default_rng(0).normal(0, 0.02, (500, 3))
        normals = points / np.linalg.norm(points, axis=1, keepdims=True)
        return Made(HandMotion(hand.name, wrist, closing, trajectory), ObjectCloud(points, normals))


SCENE = Scene(
    camera=Camera(width=160, height=120),
    objects=(SceneObject("red box", shape="box", position=(0.5, 0.15), color="red"),),
)


@pytest.fixture(scope="module")
def rendering():
    """Skips where nothing can render."""
    try:
        World(SCENE, hand=None)
    except UnihmError as error:
        pytest.skip(error.message)


@pytest.mark.render
@pytest.mark.usefixtures("rendering")
def test_a_stage_that_fails_ends_the_episode_with_its_code():
    pipeline = Told(UnihmError(ErrorCode.OBJECT_NOT_FOUND, "There is no elephant."))
    episode = TaskBenchmark(pipeline).run(grab_assignment(0, SCENE, "red box"))
    (attempt,) = episode.attempts
    assert (attempt.success, attempt.stage) == (False, "pipeline:OBJECT_NOT_FOUND")
    assert attempt.reason == "There is no elephant."


@pytest.mark.render
@pytest.mark.slow
@pytest.mark.usefixtures("rendering")
def test_an_empty_grasp_is_noticed_and_tried_once_again():
    pipeline = Told()
    benchmark = TaskBenchmark(pipeline, ablate=lambda rng: lambda stage, value: f"no {stage}")
    episode = benchmark.run(grab_assignment(0, SCENE, "red box"))
    assert [attempt.stage for attempt in episode.attempts] == ["grasp", "grasp"]
    assert [attempt.believed for attempt in episode.attempts] == [False, False]
    assert pipeline.calls == {"no generator": 2}
    assert pipeline.tried == [0, 1]
    assert episode.attempts[0].meant == "red box"
    assert episode.attempts[0].offset == pytest.approx(0.35, abs=1e-3)
    assert episode.attempts[0].seconds["first_command"] > 0


@pytest.mark.render
@pytest.mark.slow
@pytest.mark.usefixtures("rendering")
def test_a_target_that_is_moved_on_the_way_is_looked_for_again():
    recorded = []
    benchmark = TaskBenchmark(Pipeline.from_pretrained(), retries=0)
    (task,) = assignments("grab", 1, 3, None)
    episode = benchmark.run(task, "moved", lambda world: recorded.append(world.time))
    (attempt,) = episode.attempts
    assert (attempt.success, attempt.replans, attempt.stage) == (True, 1, "")
    assert attempt.offset < 0.02
    assert episode.disturbed == "moved"
    assert len(recorded) > 50
