"""What LeRobot asks of a robot, answered by :class:`unihm.ros.teleop.Teleoperator`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from lerobot.robots import Robot, RobotConfig
from lerobot.utils.errors import DeviceAlreadyConnectedError, DeviceNotConnectedError
from unihm.robots import load_hand
from unihm.robots.arm import Arm
from unihm.ros.teleop import Teleoperator

_POSITION = ".pos"


@RobotConfig.register_subclass("unihm")
@dataclass
class UnihmRobotConfig(RobotConfig):
    """Which robot it is, and where its follower runs.

    Attributes:
        arm: a file in config/robots.
        hand: that is mounted: a file in config/hands.
        rgb_topic: of a camera; empty: no images.
        height, width: of its images.
        namespace: that the follower runs in.
        robot_namespace: of drivers and camera.
        timeout: s to wait for all of them.
    """

    arm: str = "fr3"
    hand: str = "xhand"
    rgb_topic: str = ""
    height: int = 480
    width: int = 640
    namespace: str = "unihm"
    robot_namespace: str = ""
    timeout: float = 30.0


class UnihmRobot(Robot):
    """Arm and hand, joint by joint; ``follower`` keeps the limits.

    Args:
        config: which robot it is.
    """

    config_class = UnihmRobotConfig
    name = "unihm"

    def __init__(self, config: UnihmRobotConfig) -> None:
        super().__init__(config)
        self.config = config
        joints = (*Arm(config.arm).joint_names, *load_hand(config.hand).joint_names)
        self._positions = {f"{joint}{_POSITION}": float for joint in joints}
        self._robot: Teleoperator | None = None

    @property
    def observation_features(self) -> dict[str, Any]:
        """Positions by joint, and the camera's image where there is one."""
        shape = (self.config.height, self.config.width, 3)
        return {**self._positions, **({"camera": shape} if self.config.rgb_topic else {})}

    @property
    def action_features(self) -> dict[str, type]:
        """Positions by joint."""
        return dict(self._positions)

    @property
    def is_connected(self) -> bool:
        """Whether it listens to the robot."""
        return self._robot is not None

    def connect(self, calibrate: bool = True) -> None:
        """Find the follower, the joint states and the camera; there is nothing to calibrate.

        Raises:
            UnihmError: where one of them is not heard of within ``timeout`` seconds.
        """
        if self._robot is not None:
            raise DeviceAlreadyConnectedError(f"{self} is connected already.")
        config = self.config
        robot = Teleoperator(
            config.arm, config.hand, config.rgb_topic, config.namespace, config.robot_namespace
        )
        try:
            robot.wait_until_ready(config.timeout)
        except BaseException:
            robot.close()
            raise
        self._robot = robot

    @property
    def is_calibrated(self) -> bool:
        """Always: its drivers are."""
        return True

    def calibrate(self) -> None:
        """Nothing to do."""

    def configure(self) -> None:
        """Nothing to do: the follower has its parameters."""

    def get_observation(self) -> dict[str, Any]:
        """Where the joints are, rad (m), and what the camera sees.

        Raises:
            UnihmError: where they have not been heard of late.
        """
        robot = self._connected()
        observation: dict[str, Any] = {
            f"{name}{_POSITION}": position for name, position in robot.joints().items()
        }
        if self.config.rgb_topic:
            observation["camera"] = robot.image()
        return observation

    def send_action(self, action: dict[str, Any]) -> dict[str, Any]:
        """Say where joints shall be, and return where all were really sent.

        Args:
            action: rad (m) by the names of :attr:`action_features`, or some of them.

        Raises:
            UnihmError: SAFETY_STOP where the follower has stopped.
        """
        joints = {name.removesuffix(_POSITION): float(value) for name, value in action.items()}
        sent = self._connected().send(joints)
        return {f"{name}{_POSITION}": position for name, position in sent.items()}

    def disconnect(self) -> None:
        """Leave the robot, which comes to rest."""
        self._connected().close()
        self._robot = None

    def _connected(self) -> Teleoperator:
        if self._robot is None:
            raise DeviceNotConnectedError(f"{self} is not connected.")
        return self._robot
