"""Follows a task for people: what the stages published, and what truly happened."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from sensor_msgs.msg import JointState
from unihm_msgs import msg

from unihm.ros import conversions
from unihm.ros.base import UnihmNode
from unihm.ros.qos import RELIABLE, SENSOR
from unihm.sim.scene import Scene
from unihm.sim.tasks import Track
from unihm.types import HandMotion, ObjectCloud, RgbdObservation
from unihm.visualization.video import SceneRecording


class GroundTruthRecorder(UnihmNode):
    """Keeps the last message of every stage, and the simulation's motion, for pictures.

    It measures, outside the graph: nothing that it publishes is heard by a stage.

    Args:
        scene: of the simulation.

    Attributes:
        recording: joints and objects, to film.
        track: object poses, to judge.
    """

    stage = "ground_truth"
    believes_anyone = True

    def __init__(self, name: str, scene: Scene, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.recording, self.track = SceneRecording(), Track()
        self._scene = scene
        self._openings: dict[str, float] = {}
        self._joints = JointState()
        self._heard: dict[str, Any] = {}
        self._lock = threading.Lock()
        for topic, kind in {
            "observation": msg.RgbdObservation,
            "object_cloud": msg.ObjectCloud,
            "refined_hand_motion": msg.HandMotion,
        }.items():
            self.subscription(
                kind, topic, lambda message, topic=topic: self._keep(topic, message), RELIABLE
            )
        self.subscription(JointState, "/joint_states", self._on_joints, SENSOR)
        self.subscription(msg.ObjectStates, "sim/object_states", self._on_objects, SENSOR)
        self.subscription(JointState, "sim/object_joint_states", self._on_openings, SENSOR)

    @property
    def observation(self) -> RgbdObservation:
        """The image that the last task began with."""
        return conversions.observation_from_msg(self._heard["observation"])

    @property
    def cloud(self) -> ObjectCloud:
        """The object that was found in it."""
        return conversions.cloud_from_msg(self._heard["object_cloud"])

    @property
    def motion(self) -> HandMotion:
        """What was carried out."""
        return conversions.motion_from_msg(self._heard["refined_hand_motion"])

    @property
    def saw_a_plan(self) -> bool:
        """Whether a task came as far as a motion."""
        return "refined_hand_motion" in self._heard

    def _keep(self, topic: str, message: Any) -> None:
        self._heard[topic] = message

    def _on_joints(self, message: JointState) -> None:
        self._joints = message

    def _on_openings(self, message: JointState) -> None:
        self._openings = self._scene.openings(dict(zip(message.name, message.position)))

    def _on_objects(self, message: msg.ObjectStates) -> None:
        time = conversions.time_to_seconds(message.header.stamp)
        poses = dict(zip(message.names, conversions.poses_from_msg(message.poses)))
        with self._lock:
            if len(self._openings) < sum(item.opens for item in self._scene.objects):
                return  # not heard of yet
            self.track.sample(time, poses, self._openings)
            if self._joints.name:
                positions = np.asarray(self._joints.position)
                self.recording.add(time, self._joints.name, positions, poses, self._openings)
