"""Joint states -> ``robot_description`` and the links' frames in TF, as robot_state_publisher does.

It knows the whole robot, arm and hand, with the joints that are coupled to others; and it needs no
package that has no wheel.
"""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
from rclpy.clock import Clock, ClockType
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from unihm.robots.description import RobotDescription
from unihm.ros.base import UnihmNode
from unihm.ros.frames import SETTLE, Frames
from unihm.ros.qos import LATCHED, SENSOR


class RobotStateNode(UnihmNode):
    """Says what the robot is and where its links are.

    Where the driver of the arm publishes frames too (franka_ros2 does), those are left to it, and
    the world is put above whatever the arm's base stands in.
    """

    stage = "robot_state"

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        topics = self.declare(
            "joint_state_topics",
            ["/joint_states"],
            "Topics with sensor_msgs/JointState of arm and hand.",
        )
        self.rate = self.declare("rate", 50.0, "Transforms per second at most.", 1.0, 1000.0)
        self._positions: dict[str, float] = {}
        self._stamp: Time | None = None  # of the newest joint state that was not sent yet
        self._description = self.publisher(String, "/robot_description", LATCHED)
        self._frames = Frames(self)
        for topic in topics:
            self.subscription(JointState, topic, self._on_joints, SENSOR)

    def load(self) -> None:
        self.robot = RobotDescription(self.arm_name, self.hand_name, self.world_frame)
        self._description.publish(String(data=self.robot.urdf))
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(1.0 / self.rate, self._send, clock=steady)
        self._settling = self.create_timer(SETTLE, self._send_fixed, clock=steady)

    def _on_joints(self, message: JointState) -> None:
        self._positions.update(zip(message.name, message.position))
        self._stamp = message.header.stamp

    def _send(self) -> None:
        if self._stamp is not None:
            self._frames.send(self.robot.transforms(self._positions), self._stamp)
            self._stamp = None

    def _send_fixed(self) -> None:
        self._settling.cancel()
        base, *others = self.robot.fixed
        self._frames.send_static([*self._frames.attach(base), *others])
