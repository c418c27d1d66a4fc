"""Recordings planned again without ROS; they are written with it here, as a graph's are."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rclpy.serialization import serialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import Header
from unihm.cli.main import main
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation import bags
from unihm.learning.datasets.episode import load_dataset
from unihm.learning.datasets.recorded_tasks import first_observation, read_tasks, to_episodes
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.ros import conversions
from unihm.ros.recorder import open_bag
from unihm.sim.still import T_WORLD_CAMERA, K, see_boxes
from unihm.transforms import make_transform
from unihm.types import HandMotion, HandTokens, ObjectCloud, RgbdObservation, Task, TaskKind
from unihm_msgs import msg

pytestmark = pytest.mark.ros
CENTRE = (0.45, 0.10, 0.05)
SENTENCE = "pick up the red box"
HEADER = Header(stamp=conversions.seconds_to_time(5.0), frame_id="eye")


def made() -> dict[str, Any]:
    """What every stage makes of the task."""
    hand = load_hand("inspire")
    trajectory = make_trajectory(
        TaskKind.GRAB,
        make_transform(np.eye(3), CENTRE),
        pick_point=np.array(CENTRE),
        description="the red box",
    )
    n = len(trajectory)
    directions = np.random.default_rng(0).normal(size=(60, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    motion = HandMotion(
        "inspire", np.tile(np.eye(4), (n, 1, 1)), np.tile(hand.open_joints, (n, 1)), trajectory
    )
    return {
        "planner": trajectory,
        "segmentation": ObjectCloud(0.05 * directions, directions, 0.9),
        "generator": HandTokens(np.zeros((n // 4, 2), np.int64), 4, "book"),
        "decoder": motion,
        "refiner": motion,
    }


def observation() -> RgbdObservation:
    rgb, depth = see_boxes()
    return RgbdObservation(rgb, depth, K, T_WORLD_CAMERA, 5.0)


@pytest.fixture
def bag(tmp_path: Path) -> Path:
    hand, arm, stages = load_hand("inspire"), load_arm(), made()
    joints = JointState(
        name=[*arm.joint_names, *hand.joint_names],
        position=[*arm.home.tolist(), *hand.open_joints.tolist()],
    )
    names = list(hand.joint_names)
    seen = conversions.observation_to_msg(observation(), HEADER, "t")
    written = (
        ("/joint_states", joints),
        ("/unihm/task", conversions.task_to_msg(Task("t", SENTENCE, "inspire"), HEADER)),
        ("/unihm/observation", seen),
        ("/eye/rgb", seen.rgb),
        ("/eye/depth", seen.depth),
        ("/eye/camera_info", seen.camera_info),
        ("/unihm/affordance", seen.rgb),
        ("/unihm/object_trajectory", conversions.trajectory_to_msg(stages["planner"], HEADER, "t")),
        ("/unihm/object_cloud", conversions.cloud_to_msg(stages["segmentation"], HEADER, "t")),
        ("/unihm/hand_tokens", conversions.tokens_to_msg(stages["generator"], HEADER, "t")),
        ("/unihm/hand_motion", conversions.motion_to_msg(stages["decoder"], names, HEADER, "t")),
        (
            "/unihm/refined_hand_motion",
            conversions.motion_to_msg(stages["refiner"], names, HEADER, "t"),
        ),
        ("/unihm/task", msg.Task(task_id="blind", instruction=SENTENCE, hand="inspire")),
    )
    path = tmp_path / "bag"
    with open_bag(path) as writer:
        for i, (topic, message) in enumerate(written):
            kind = type(message)
            package = kind.__module__.split(".")[0]
            data = serialize_message(message)
            writer.write(topic, f"{package}/msg/{kind.__name__}", 10**9 + i, data, [])
    return path


class Stages:
    """Stands for the pipeline: makes the recorded results again, or fails behind the cloud."""

    fails = False

    def plan(
        self, observation: Any, instruction: str, hand: str, T: Any, q: Any, after: Any
    ) -> None:
        assert instruction == SENTENCE
        assert hand == "inspire"
        arm = load_arm()
        np.testing.assert_allclose(T, arm.forward(arm.home) @ load_hand(hand).T_flange_wrist)
        np.testing.assert_allclose(q, load_hand(hand).open_joints)
        stages = made()
        after("planner", SimpleNamespace(trajectory=stages["planner"]))
        after("segmentation", SimpleNamespace(cloud=stages["segmentation"]))
        if self.fails:
            raise UnihmError(ErrorCode.UNREACHABLE, "Too far.")
        after("generator", stages["generator"])
        after("decoder", stages["decoder"])
        measures = SimpleNamespace(penetration_max=0.001, contact_distance={"thumb": 0.002})
        after("refiner", (stages["refiner"], SimpleNamespace(after=measures)))


@pytest.fixture
def stages(monkeypatch: pytest.MonkeyPatch) -> Stages:
    made_up = Stages()
    monkeypatch.setattr(bags, "_pipeline", lambda preset: made_up)
    return made_up


def evaluate(bag: Path, folder: Path) -> dict[str, Any]:
    command = ["eval", "bag", str(bag), "--json", f"{folder}/r.json", "--html", str(folder)]
    main([*command, "--workers", "1"])
    return json.loads((folder / "r.json").read_text())


def test_every_stage_is_compared_with_the_recorded_one(
    bag: Path, stages: Stages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = evaluate(bag, tmp_path / "one")
    assert set(report) == {"tasks", "stages", "differences"}
    (task,) = report["tasks"]
    assert task["instruction"] == SENTENCE
    assert task["planned"]["tiny"]["code"] == task["recorded"]["code"] == "NONE"
    of_stage = {row["stage"]: row for row in report["differences"]}
    assert list(of_stage) == ["planner", "segmentation", "generator", "decoder", "refiner"]
    assert of_stage["planner"]["position_mm"] < 1e-3
    assert of_stage["segmentation"]["chamfer_mm"] < 1e-3
    assert of_stage["generator"]["equal_codes"] == 1.0
    assert of_stage["refiner"]["joints_deg"] < 1e-3
    assert "blind has no image" in capsys.readouterr().out
    page = (tmp_path / "one" / "index.html").read_text()
    for picture in ("01_tiny_plan.png", "01_recorded_plan.png", "01_tiny_cloud.png"):
        assert picture in page
        assert (tmp_path / "one" / picture).stat().st_size > 1000


def test_two_runs_are_the_same_to_the_bit(bag: Path, stages: Stages, tmp_path: Path) -> None:
    for run in ("one", "two"):
        evaluate(bag, tmp_path / run)
    files = sorted((tmp_path / "one").iterdir())
    assert len(files) > 3
    for path in files:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_what_fails_now_is_told_and_is_the_exit_status(
    bag: Path, stages: Stages, tmp_path: Path
) -> None:
    stages.fails = True
    report = evaluate(bag, tmp_path / "one")
    assert report["tasks"][0]["planned"]["tiny"] == {"code": "UNREACHABLE", "message": "Too far."}
    assert {row["stage"] for row in report["differences"]} == {"planner", "segmentation"}
    assert main(["eval", "bag", str(bag), "--workers", "1"]) == 1


def test_a_moved_result_is_measured() -> None:
    stages = made()
    moved = make_transform(np.eye(3), [0.003, 0.0, 0.0])
    trajectory = stages["planner"]
    other = make_trajectory(
        TaskKind.GRAB, moved @ trajectory.T_world_object[0], pick_point=trajectory.pick_point
    )
    assert bags.compare(trajectory, other)["position_mm"] == pytest.approx(3.0, abs=1e-6)
    cloud = stages["segmentation"]
    shrunk = ObjectCloud(0.9 * cloud.points, cloud.normals, 0.5)
    assert bags.compare(cloud, shrunk)["chamfer_mm"] == pytest.approx(5.0, rel=0.05)


def test_the_first_pair_of_a_camera_is_found(bag: Path) -> None:
    seen = first_observation(bag, T_world_camera=T_WORLD_CAMERA)
    np.testing.assert_array_equal(seen.rgb, observation().rgb)
    np.testing.assert_allclose(seen.depth, observation().depth)
    with pytest.raises(UnihmError, match="camera-pose") as caught:
        first_observation(bag)
    assert caught.value.code is ErrorCode.INVALID_TRANSFORM


def test_a_recorded_task_becomes_an_episode(bag: Path, tmp_path: Path) -> None:
    tasks, _ = read_tasks(bag)
    (episode,) = to_episodes(tasks)
    assert episode.source == "bag"
    assert episode.instructions == (SENTENCE,)
    assert set(episode.motions) == {"inspire"}
    assert main(["data", "convert", "bag", str(bag), "--out", str(tmp_path / "out")]) == 0
    (kept,) = load_dataset(tmp_path / "out", "all", 0)
    np.testing.assert_allclose(kept.cloud.points, made()["segmentation"].points, atol=1e-6)
