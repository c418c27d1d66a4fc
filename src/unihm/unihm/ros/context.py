"""How a process of ours begins with ROS."""

from __future__ import annotations

import os

import rclpy
from rclpy.context import Context

from unihm.errors import UnihmError
from unihm.paths import config_dir

# Where Fast DDS looks for its profile: version 3, and version 2 of older distributions.
_PROFILES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def new_context(domain_id: int | None = None, enclave: str = "/") -> Context:
    """A context of its own, that nothing else in the process knows of.

    Args:
        domain_id: DDS domain; None: the environment's.
        enclave: whose keys it uses where security is on.
    """
    set_profile()
    context = Context()
    rclpy.init(args=["--ros-args", "--enclave", enclave], context=context, domain_id=domain_id)
    return context


def set_profile() -> None:
    """Let Fast DDS use ``config/fastdds.xml``, unless the environment names another profile."""
    if any(name in os.environ for name in _PROFILES):
        return
    try:
        path = config_dir() / "fastdds.xml"
    except UnihmError:  # a mere client needs no configuration
        return
    older = os.environ.get("ROS_DISTRO") in ("humble", "jazzy")
    os.environ[_PROFILES[older]] = str(path)
