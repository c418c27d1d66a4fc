#!/usr/bin/env bash
# A shell of the ROS installation with this workspace on top.
set -e
source "/opt/ros/$ROS_DISTRO/setup.bash"
source /unihm/env.sh
exec "$@"
