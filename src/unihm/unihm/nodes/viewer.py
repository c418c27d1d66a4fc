"""Shows a running graph in the browser; it listens only, but for what somebody types there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import PointStamped
from sensor_msgs.msg import Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger
from unihm_msgs import msg

from unihm.perception.camera import decode_colour
from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.qos import LATCHED, RELIABLE, SENSOR, STATUS
from unihm.sim.scene import load_scene
from unihm.visualization.viewer import Controls, Viewer

STATES = {
    msg.StageStatus.STARTED: "started",
    msg.StageStatus.PROGRESS: "started",
    msg.StageStatus.SUCCEEDED: "succeeded",
    msg.StageStatus.FAILED: "failed",
    msg.StageStatus.STOPPED: "stopped",
}
RATE = 20.0  # frames per second of the robot in the browser


class ViewerNode(UnihmNode):
    """Passes the graph's messages to a :class:`unihm.visualization.viewer.Viewer`.

    Attributes:
        viewer: the page; made by :meth:`load`.
    """

    stage = "viewer"
    priority = 0
    nice = 5
    believes_anyone = True

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.port = self.declare("port", 8080, "Of the web page.", 1, 65535)
        self.host = self.declare(
            "host",
            "127.0.0.1",
            "Address that the page is served at; other than on loopback it takes the token of the "
            "URL that the node logs when it starts.",
        )
        self.hand_name = self.declare("hand", "xhand", "The hand that is mounted.")
        self.arm_name = self.declare("arm", "fr3", "The arm: a file in config/robots.")
        self.scene = self.declare(
            "scene", "", "Scene whose objects are drawn where the simulation has them; empty: none."
        )
        self._close: Callable[[], None] = lambda: None
        self._positions: dict[str, float] = {}
        self._trajectory: msg.ObjectTrajectory | None = None
        self._cloud: msg.ObjectCloud | None = None
        self._contacts: msg.Contacts | None = None
        self._states: msg.ObjectStates | None = None
        self._candidates = msg.ObjectCandidates()
        self._sentence = ""  # the last task's
        self._instructions = self.publisher(String, "instruction", RELIABLE)
        self._clicks = self.publisher(PointStamped, "clicked_point", RELIABLE)
        self._request = self.publisher(String, "emergency_stop/request", RELIABLE)
        self._reset: Any = self.create_client(Trigger, "emergency_stop/reset")

    def load(self) -> None:
        controls = Controls(
            self._say, self._cancel_all, self._engage, self._reset_stop, self._choose
        )
        self.viewer = Viewer(self.port, self.arm_name, self.hand_name, self.host, controls)
        self._close = self.viewer.close
        self.get_logger().info(f"Open {self.viewer.url} in a browser.")
        if self.scene:
            self.viewer.show_scene(load_scene(self.scene))
        show = self.viewer
        self._listen(msg.Task, "task", self._on_task)
        self.subscription(msg.Command, "understood", self._on_understood, LATCHED)
        self.subscription(msg.ObjectCandidates, "object_candidates", self._on_candidates, LATCHED)
        self.subscription(
            msg.EmergencyStop,
            "emergency_stop/state",
            lambda m: show.show_emergency_stop(m.engaged, m.reason),
            LATCHED,
        )
        self._listen(
            msg.RgbdObservation,
            "observation",
            lambda m: show.show_observation(conversions.observation_from_msg(m)),
        )
        self.subscription(Image, "affordance", self._on_affordance, LATCHED)
        self._listen(msg.ObjectTrajectory, "object_trajectory", self._on_trajectory)
        self._listen(msg.ObjectCloud, "object_cloud", self._on_cloud)
        self._listen(
            msg.HandMotion,
            "refined_hand_motion",
            lambda m: show.show_motion(conversions.motion_from_msg(m)),
        )
        self.subscription(msg.StageStatus, "status", self._on_status, STATUS)
        self.subscription(JointState, "/joint_states", self._on_joints, SENSOR)
        self.subscription(msg.Contacts, "sim/contacts", self._on_contacts, SENSOR)
        self.subscription(msg.ObjectStates, "sim/object_states", self._on_objects, SENSOR)
        self.create_timer(1.0 / RATE, self._draw)

    def end(self) -> None:
        self._close()

    def _listen(self, kind: type, topic: str, callback: Any) -> None:
        self.subscription(kind, topic, callback, RELIABLE)

    def _say(self, instruction: str) -> None:
        self._instructions.publish(String(data=instruction))

    def _cancel_all(self) -> None:
        """End the task, whoever gave it: by a word, since one of the topic is no goal to cancel."""
        self._say("stop")

    def _engage(self) -> None:
        # The controllers hear this at first hand; the state is the word of the stop's own node.
        self._request.publish(String(data="The button on the page was pressed."))
        self.viewer.show_emergency_stop(True, "It was asked for here and is not confirmed yet.")

    def _reset_stop(self) -> None:
        # In the executor's thread: an answer must not come before its request was noted.
        if self.executor is not None:
            self.executor.create_task(self._reset.call_async, Trigger.Request())

    def _choose(self, number: int) -> None:
        offered = self._candidates
        self._clicks.publish(PointStamped(header=offered.header, point=offered.points[number]))
        self._say(self._sentence)

    def _on_task(self, message: msg.Task) -> None:
        self._sentence = message.instruction
        self.viewer.show_task(message.instruction)

    def _on_understood(self, message: msg.Command) -> None:
        self.viewer.show_understood(message.error_msg or message.understood)

    def _on_candidates(self, message: msg.ObjectCandidates) -> None:
        self._candidates = message
        self.viewer.show_candidates(message.names)

    def _on_affordance(self, message: Image) -> None:
        image = decode_colour(
            message.data, message.encoding, message.height, message.width, message.step
        )
        self.viewer.show_affordance(image)

    def _on_trajectory(self, message: msg.ObjectTrajectory) -> None:
        self._trajectory = message
        self.viewer.show_trajectory(conversions.trajectory_from_msg(message))
        self._show_cloud()

    def _on_cloud(self, message: msg.ObjectCloud) -> None:
        self._cloud = message
        self._show_cloud()

    def _show_cloud(self) -> None:
        """The cloud is relative to the trajectory of its task; either may come first."""
        cloud, trajectory = self._cloud, self._trajectory
        if cloud and trajectory and cloud.task_id == trajectory.task_id:
            T_world_object = conversions.pose_from_msg(trajectory.poses[0])
            self.viewer.show_cloud(conversions.cloud_from_msg(cloud), T_world_object)

    def _on_status(self, message: msg.StageStatus) -> None:
        state = STATES.get(message.state, "")
        self.viewer.show_stage(message.stage, state, message.duration, message.error_msg)

    def _on_joints(self, message: JointState) -> None:
        self._positions.update(zip(message.name, message.position))

    def _on_contacts(self, message: msg.Contacts) -> None:
        self._contacts = message

    def _on_objects(self, message: msg.ObjectStates) -> None:
        self._states = message

    def _draw(self) -> None:
        """What changes all the time is drawn at a steady rate, the newest only."""
        if self._positions:
            self.viewer.show_joints(list(self._positions), list(self._positions.values()))
        if self._states is not None:
            poses = conversions.poses_from_msg(self._states.poses)
            self.viewer.show_objects(dict(zip(self._states.names, poses)))
            self._states = None
        if self._contacts is not None:
            pairs = zip(self._contacts.body_a, self._contacts.body_b)
            felt = ["table" not in pair for pair in pairs]
            self.viewer.show_contacts(
                [(p.x, p.y, p.z) for p, f in zip(self._contacts.positions, felt) if f],
                [(v.x, v.y, v.z) for v, f in zip(self._contacts.forces, felt) if f],
            )
            self._contacts = None
