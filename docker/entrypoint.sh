#!/usr/bin/env bash
# A shell with this workspace, on top of the ROS installation where there is one.
set -e
if [[ -n ${ROS_DISTRO:-} ]]; then source "/opt/ros/$ROS_DISTRO/setup.bash"; fi
source /unihm/env.sh
exec "$@"
