# `source env.sh` (bash or zsh): a shell in which `unihm` works, and `ros2` where a ROS 2
# installation has it. ROS_DOMAIN_ID and every other ROS setting of yours stay as they are.

_unihm_root=$(cd "$(dirname "${BASH_SOURCE[0]:-$0}")" && pwd)
if [ ! -x "$_unihm_root/.venv/bin/python" ] || [ ! -f "$_unihm_root/install/local_setup.sh" ]; then
    echo "UniHM is not set up in $_unihm_root: run 'make setup' there first." >&2
    unset _unihm_root
    return 1 2>/dev/null || exit 1
fi

export VIRTUAL_ENV="$_unihm_root/.venv"
export PATH="$VIRTUAL_ENV/bin:$PATH"
# Another environment's wheels may have marked their library path as done.
unset _ROS_WHEELS_BOOTSTRAP_COMPLETE
if [ -z "${ROS_DISTRO:-}" ]; then
    # The environment is itself a ROS 2 prefix, made of wheels; they carry one middleware.
    export AMENT_PREFIX_PATH="$VIRTUAL_ENV${AMENT_PREFIX_PATH:+:$AMENT_PREFIX_PATH}"
    export RMW_IMPLEMENTATION=rmw_fastrtps_cpp
fi
if [ -f "$VIRTUAL_ENV/lavapipe/icd.json" ]; then
    . "$_unihm_root/tools/vulkan_env.sh" "$VIRTUAL_ENV/lavapipe"
fi
# colcon's scripts read variables that may be unset; a caller's `set -u` is put back after them.
case $- in *u*) _unihm_nounset=1 && set +u ;; esac
if [ -n "${ZSH_VERSION:-}" ]; then
    . "$_unihm_root/install/local_setup.zsh"
else
    . "$_unihm_root/install/local_setup.bash"
fi
if [ -n "${_unihm_nounset:-}" ]; then set -u; fi
unset _unihm_root _unihm_nounset
