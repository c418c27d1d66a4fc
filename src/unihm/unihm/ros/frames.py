"""TF without tf2: what others say about frames, and the word to put in."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, TransformStamped, Vector3
from rclpy.qos import DurabilityPolicy, QoSProfile
from std_msgs.msg import Header
from tf2_msgs.msg import TFMessage

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.frames import FrameTree, Transform
from unihm.ros.base import UnihmNode
from unihm.transforms import from_pose7, to_pose7

OBJECT_FRAME = "object"  # T_world_object of the task's trajectory, frame 0, places it
SETTLE = 1.0  # s in which what others say about frames is heard first
STATIC = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
MOVING = QoSProfile(depth=100)


class Frames:
    """What ``/tf`` and ``/tf_static`` say, and a node's own part of it.

    A frame that somebody else has given another parent is left to them: two parents would make
    every look-up jump between the two.

    Args:
        node: that listens and speaks.

    Attributes:
        tree: of all that was heard of others, and of the node's own moving frames.
    """

    def __init__(self, node: UnihmNode) -> None:
        self._node = node
        self.tree = FrameTree()
        self._static: dict[str, Transform] = {}
        self._outputs = {
            "/tf": node.publisher(TFMessage, "/tf", MOVING),
            "/tf_static": node.publisher(TFMessage, "/tf_static", STATIC),
        }
        node.subscription(TFMessage, "/tf", self._on_tf, MOVING)
        node.subscription(TFMessage, "/tf_static", self._on_tf, STATIC)

    def _on_tf(self, message: TFMessage) -> None:
        for transform in transforms_from_msg(message):
            own = self._static.get(transform.child)
            if own is None or own.parent != transform.parent:
                self.tree.add(transform)

    def is_ours(self, transform: Transform) -> bool:
        """False for a frame that somebody else has placed in another one."""
        return self.tree.parent_of(transform.child) in (None, transform.parent)

    def attach(self, transform: Transform) -> list[Transform]:
        """What puts a frame below another, whatever it stands in itself.

        Args:
            transform: of the frame; where it has a parent already, its topmost one is placed.

        Returns:
            one transform, or none where the two hang together already.
        """
        root = self.tree.root_of(transform.child)
        if root in (transform.child, transform.parent):
            return [transform] if root == transform.child else []
        T_child_root = self.tree.lookup(transform.child, root)
        assert T_child_root is not None
        return [Transform(transform.parent, root, transform.T_parent_child @ T_child_root)]

    def send(self, transforms: Iterable[Transform], stamp: Time) -> None:
        """Publish where moving frames are, as of ``stamp``."""
        self._publish("/tf", transforms, stamp)

    def send_static(self, transforms: Iterable[Transform]) -> None:
        """Publish where fixed frames are, beside those that were sent before."""
        self._static.update((transform.child, transform) for transform in transforms)
        # Latched with one message for each writer: the last one must hold them all.
        self._publish("/tf_static", self._static.values(), self._node.header().stamp)

    def _publish(self, topic: str, transforms: Iterable[Transform], stamp: Time) -> None:
        ours = [transform for transform in transforms if self.is_ours(transform)]
        if ours:
            self._outputs[topic].publish(transforms_to_msg(ours, stamp))


def transforms_to_msg(transforms: Iterable[Transform], stamp: Time) -> TFMessage:
    """Transforms as a message of ``/tf``."""
    messages = []
    for transform in transforms:
        x, y, z, qx, qy, qz, qw = to_pose7(transform.T_parent_child).tolist()
        message = TransformStamped(
            header=Header(stamp=stamp, frame_id=transform.parent), child_frame_id=transform.child
        )
        message.transform.translation = Vector3(x=x, y=y, z=z)
        message.transform.rotation = Quaternion(x=qx, y=qy, z=qz, w=qw)
        messages.append(message)
    return TFMessage(transforms=messages)


def transforms_from_msg(message: TFMessage) -> list[Transform]:
    """The transforms of a message of ``/tf``.

    Raises:
        UnihmError: INVALID_TRANSFORM for one that is not finite or whose quaternion is not unit.
    """
    transforms = []
    for stamped in message.transforms:
        t, q = stamped.transform.translation, stamped.transform.rotation
        pose = np.array([t.x, t.y, t.z, q.x, q.y, q.z, q.w])
        if not np.isfinite(pose).all() or abs(np.linalg.norm(pose[3:]) - 1.0) > 1e-3:
            raise UnihmError(
                ErrorCode.INVALID_TRANSFORM,
                f"The transform of {stamped.child_frame_id} is not finite or not rigid.",
            )
        parent, child = stamped.header.frame_id, stamped.child_frame_id
        transforms.append(Transform(parent.lstrip("/"), child.lstrip("/"), from_pose7(pose)))
    return transforms
