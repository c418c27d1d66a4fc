"""The robot and the datasets as LeRobot has them: on the package itself, or on a stand-in of it."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from crowd import Crowd
from test_follower import CAMERA, HAND, Led
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.lerobot import DatasetWriter
from unihm.robots.arm import Arm
from waiting import eventually

pytestmark = pytest.mark.ros
PLUGIN = Path(__file__).parents[2] / "src" / "lerobot_robot_unihm"
NAMES = (*Arm("fr3").joint_names, *HAND.joint_names)


class Dataset:
    """What :class:`DatasetWriter` asks of a LeRobotDataset."""

    made: Any = None

    def __init__(self, rate: int, features: dict[str, Any], root: Path) -> None:
        self.rate, self.features, self.root = rate, features, root
        self.frames: list[dict[str, Any]] = []
        self.episodes: list[list[dict[str, Any]]] = []
        self.is_final = False

    @classmethod
    def create(
        cls, repo_id: str, fps: int, features: dict[str, Any], root: Path, robot_type: str
    ) -> Dataset:
        cls.made = cls(fps, features, root)
        return cls.made

    def add_frame(self, frame: dict[str, Any]) -> None:
        assert set(frame) == {*self.features, "task"}
        for name, feature in self.features.items():
            assert frame[name].shape == tuple(feature["shape"])
        self.frames.append(frame)

    def save_episode(self) -> None:
        self.episodes.append(self.frames)
        self.frames = []

    def finalize(self) -> None:
        self.is_final = True


def module(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    made = types.ModuleType(name)
    made.__dict__.update(content)
    monkeypatch.setitem(sys.modules, name, made)


@pytest.fixture
def lerobot(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The package, or as much of it as a robot needs."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    try:
        importlib.import_module("lerobot.robots")
    except ImportError:

        @dataclass
        class RobotConfig:
            id: str | None = None

            @classmethod
            def register_subclass(cls, name: str) -> Any:
                return lambda subclass: subclass

        class Robot:
            def __init__(self, config: RobotConfig) -> None:
                self.id = config.id

        errors = {
            name: type(name, (ConnectionError,), {})
            for name in ("DeviceAlreadyConnectedError", "DeviceNotConnectedError")
        }
        module(monkeypatch, "lerobot")
        module(monkeypatch, "lerobot.robots", Robot=Robot, RobotConfig=RobotConfig)
        module(monkeypatch, "lerobot.utils")
        module(monkeypatch, "lerobot.utils.errors", **errors)
    yield
    for name in [name for name in sys.modules if name.startswith("lerobot_robot_unihm")]:
        del sys.modules[name]


@pytest.mark.usefixtures("lerobot")
def test_the_robot_is_observed_and_goes_where_an_action_says(
    crowd: Crowd, tmp_path: Path, domain_id: int
) -> None:
    plugin = importlib.import_module("lerobot_robot_unihm")
    config = plugin.UnihmRobotConfig(
        id="mine", hand="inspire", rgb_topic=CAMERA, height=240, width=320
    )
    robot = plugin.UnihmRobot(config)
    with pytest.raises(ConnectionError, match="not connected"):
        robot.get_observation()
    led = Led(crowd, tmp_path, domain_id, leads=False)
    try:
        robot.connect()
        assert robot.is_connected
        assert robot.is_calibrated
        observation = robot.get_observation()
        assert set(observation) == set(robot.observation_features)
        assert observation["camera"].shape == robot.observation_features["camera"]
        assert set(robot.action_features) == {f"{name}.pos" for name in NAMES}
        goal = {name: observation[name] for name in robot.action_features}
        goal["fr3_joint1.pos"] += 0.1
        assert eventually(
            lambda: abs(robot.send_action(goal)["fr3_joint1.pos"] - goal["fr3_joint1.pos"]) < 1e-3
        )
        with pytest.raises(ConnectionError, match="connected already"):
            robot.connect()
        robot.disconnect()
        assert not robot.is_connected
    finally:
        led.close()


def test_episodes_are_written_as_frames_of_where_it_was_and_was_sent(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    module(monkeypatch, "lerobot.datasets.lerobot_dataset", LeRobotDataset=Dataset)
    module(monkeypatch, "lerobot.datasets")
    module(monkeypatch, "lerobot")
    writer = DatasetWriter(tmp_path / "new", "pick up the box", NAMES, 30.0, (4, 6, 3))
    measured = dict.fromkeys(NAMES, 0.25)
    sent = dict.fromkeys(reversed(NAMES), 0.5)
    image = np.zeros((4, 6, 3), np.uint8)
    writer.end_episode()  # of no frame is no episode
    for _ in range(3):
        writer.add(measured, sent, image)
    writer.end_episode()
    writer.add(measured, sent, image)
    writer.close()
    written = Dataset.made
    assert [len(episode) for episode in written.episodes] == [3, 1]
    assert writer.episodes == 2
    assert written.is_final
    assert written.rate == 30
    assert written.features["action"]["names"] == list(NAMES)
    frame = written.episodes[0][0]
    assert frame["task"] == "pick up the box"
    assert (frame["observation.state"] == 0.25).all()
    assert (frame["action"] == 0.5).all()


def test_nothing_is_written_over_and_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "lerobot.datasets.lerobot_dataset", None)
    with pytest.raises(UnihmError, match="pip install 'lerobot") as missing:
        DatasetWriter(tmp_path / "new", "wave", NAMES, 30.0)
    assert missing.value.code == ErrorCode.MISSING_DEPENDENCY
    module(monkeypatch, "lerobot.datasets.lerobot_dataset", LeRobotDataset=Dataset)
    module(monkeypatch, "lerobot.datasets")
    module(monkeypatch, "lerobot")
    with pytest.raises(UnihmError, match="exists already"):
        DatasetWriter(tmp_path, "wave", NAMES, 30.0)
