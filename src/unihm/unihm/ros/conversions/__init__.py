"""Between the dataclasses of :mod:`unihm.types` and the messages of ``unihm_msgs``.

Large arrays go through ``array.array`` and ``np.frombuffer``: rclpy checks every element of
any other sequence, which takes a hundred times longer than the copy.

What messages hold is read by :mod:`unihm.learning.datasets.messages`, which needs no ROS.
"""

from __future__ import annotations

from unihm.learning.datasets.messages import (
    cloud_from_msg,
    motion_from_msg,
    observation_from_images,
    observation_from_msg,
    plan_from_msg,
    points_from_msg,
    pose_from_msg,
    poses_from_msg,
    task_from_msg,
    time_to_seconds,
    tokens_from_msg,
    trajectory_from_msg,
)
from unihm.ros.conversions._geometry import (
    click_from_msg,
    point_to_msg,
    pose_to_msg,
    poses_to_msg,
    seconds_to_time,
    vector_to_msg,
)
from unihm.ros.conversions._images import (
    bgra_to_msg,
    camera_info_to_msg,
    depth_to_msg,
    observation_to_msg,
    rgb_to_msg,
)
from unihm.ros.conversions._stages import (
    cloud_to_msg,
    command_to_msg,
    measurements,
    motion_to_msg,
    plan_to_msg,
    points_to_msg,
    report_to_msg,
    task_to_msg,
    tokens_to_msg,
    trajectory_to_msg,
)

__all__ = [
    "bgra_to_msg",
    "camera_info_to_msg",
    "click_from_msg",
    "cloud_from_msg",
    "cloud_to_msg",
    "command_to_msg",
    "depth_to_msg",
    "measurements",
    "motion_from_msg",
    "motion_to_msg",
    "observation_from_images",
    "observation_from_msg",
    "observation_to_msg",
    "plan_from_msg",
    "plan_to_msg",
    "point_to_msg",
    "points_from_msg",
    "points_to_msg",
    "pose_from_msg",
    "pose_to_msg",
    "poses_from_msg",
    "poses_to_msg",
    "report_to_msg",
    "rgb_to_msg",
    "seconds_to_time",
    "task_from_msg",
    "task_to_msg",
    "time_to_seconds",
    "tokens_from_msg",
    "tokens_to_msg",
    "trajectory_from_msg",
    "trajectory_to_msg",
    "vector_to_msg",
]
