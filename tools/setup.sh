#!/usr/bin/env bash
# Everything between a fresh machine and a working checkout; `make setup` runs it.
#
# Each step says what it does, leaves a stamp of what it was made from in .venv/stamps, and is
# skipped while that stamp is true, so that the second run takes about a second.
#
#   tools/setup.sh tests           also what only the tests need
#   tools/setup.sh lint            also the linters
#   PYTHON=python3.12 make setup   use this interpreter (3.10 to 3.14)
#   ROS_DISTRO set (a sourced ROS 2 installation): it is used instead of the ROS 2 wheels.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
ROOT=$PWD
VENV=$ROOT/.venv
STAMPS=$VENV/stamps
export PIP_DISABLE_PIP_VERSION_CHECK=1 UV_SYSTEM_CERTS=1

say() { printf '\033[1m[setup]\033[0m %s\n' "$*"; }
fail() {
    printf '[setup] %s\n' "$*" >&2
    exit 1
}

# step NAME "what it does" INPUT... -- COMMAND: run COMMAND unless the stamp matches the inputs.
step() {
    local name=$1 what=$2 inputs=() sum
    shift 2
    while [[ $1 != -- ]]; do inputs+=("$1") && shift; done
    shift
    sum=$(printf '%s\n' "${inputs[@]}" | sha256sum)
    if [[ -f $STAMPS/$name && $(<"$STAMPS/$name") == "$sum" ]]; then return; fi
    say "$what"
    local start=$SECONDS
    "$@"
    mkdir -p "$STAMPS"
    echo "$sum" >"$STAMPS/$name"
    say "  done in $((SECONDS - start)) s"
}

# ---------------------------------------------------------------- system packages

as_root() {
    if [[ $(id -u) == 0 ]]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    say "System packages: $*"
    if [[ $(id -u) != 0 ]] && ! command -v sudo >/dev/null; then
        fail "These system packages are missing, and there is no sudo here to install them." \
            "As root: apt-get install -y --no-install-recommends $*"
    fi
    as_root apt-get update -qq
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "$@" >/dev/null ||
        fail "apt-get could not install: $*. Its message is above; then run make again."
}

installed() { [[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == *" installed" ]]; }

system_packages() {
    if ! command -v apt-get >/dev/null; then
        local tool
        for tool in c++ cmake make; do
            command -v $tool >/dev/null ||
                fail "'$tool' is missing and there is no apt-get: install a C++ compiler, CMake," \
                    "make, libusb 1.0, libGL, libEGL, libX11, GLib and the Vulkan loader yourself."
        done
        return
    fi
    local missing=() package
    for package in ca-certificates libusb-1.0-0 libgl1 libegl1 libx11-6 libgomp1 libvulkan1; do
        installed "$package" || missing+=("$package")
    done
    # OpenCV's; it was renamed (trixie, Ubuntu 24.04), and apt finds it by both names.
    installed libglib2.0-0 || installed libglib2.0-0t64 || missing+=(libglib2.0-0)
    command -v c++ >/dev/null || missing+=(g++)
    command -v cmake >/dev/null || missing+=(cmake)
    if [[ -z $(find_python) ]]; then missing+=(python3 python3-venv python3-dev); fi
    ((${#missing[@]} == 0)) || apt_install "${missing[@]}"
    # The message package is compiled against Python's headers.
    local python headers='import sysconfig as s; print(s.get_path("include"))'
    python=$(find_python)
    [[ -n $python ]] || return 0
    if [[ ! -f $("$python" -c "$headers")/Python.h ]]; then
        apt_install "$("$python" -c 'import sys; print("python%d.%d-dev" % sys.version_info[:2])')"
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    fi
}

# ---------------------------------------------------------------- Python

fits() {
    "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 14))' >/dev/null 2>&1
}

# The interpreter to use: $PYTHON, the environment's own, or the first fitting one on PATH; a ROS
# installation is bound to the system's python3.
find_python() {
    local candidate candidates=("${PYTHON:-}" "$VENV/bin/python")
    if [[ -n ${ROS_DISTRO:-} ]]; then
        candidates+=(/usr/bin/python3)
    else
        candidates+=(python3 python3.12 python3.11 python3.13 python3.14 python3.10)
    fi
    for candidate in "${candidates[@]}"; do
        [[ -n $candidate ]] || continue
        if fits "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
}

# Keeps an environment of the same Python and kind; another one is made again.
make_environment() {
    local version='import platform; print(platform.python_version())' system=false options=()
    if [[ -n ${ROS_DISTRO:-} ]]; then
        system=true
        options+=(--system-site-packages)
    fi
    if [[ -x $VENV/bin/python && $("$VENV/bin/python" -c "$version") == "$VERSION" ]] &&
        grep -q "include-system-site-packages = $system" "$VENV/pyvenv.cfg"; then
        return
    fi
    "$PYTHON_FOUND" -m venv --clear "${options[@]}" "$VENV" ||
        fail "$PYTHON_FOUND could not make an environment; install its venv module (python3-venv)."
}

# uv needs a sixth of pip's time, but knows nothing of pip's configuration, where a network may have
# its index, nor of what a ROS installation brings: there, and where uv fails, it is pip.
pip_install() {
    if [[ -z ${ROS_DISTRO:-} ]] &&
        VIRTUAL_ENV=$VENV "$VENV/bin/python" -m uv pip install -q "$@" 2>"$VENV/uv.log"; then
        return
    fi
    "$VENV/bin/python" -m pip install -qq "$@" ||
        fail "pip could not install what is named above. Is the package index reachable?"
}

# PyTorch comes first: where there is no NVIDIA GPU, without CUDA's gigabytes. uv knows PyTorch's own
# index of such builds; where that cannot be reached, pip takes what its configuration offers.
install_torch() {
    local torch files
    torch=$(grep '^torch==' requirements/run.txt)
    if "$VENV/bin/python" -m pip freeze | grep -q "^$torch"; then return; fi
    files=(-r requirements/build.txt "$torch")
    "$VENV/bin/python" -m pip install -qq "$(grep '^uv==' requirements/build.txt)" ||
        fail "pip could not install uv. Is the package index reachable?"
    if ! compgen -G "/dev/nvidia[0-9]*" >/dev/null && ! command -v nvidia-smi >/dev/null; then
        VIRTUAL_ENV=$VENV "$VENV/bin/python" -m uv pip install -q --torch-backend=cpu "${files[@]}" \
            2>"$VENV/uv.log" && return
        say "  PyTorch's index of builds without CUDA cannot be reached: the default build is taken," \
            "which may bring 3 GB of CUDA."
    fi
    "$VENV/bin/python" -m pip install -qq "${files[@]}" ||
        fail "pip could not install PyTorch and what builds the workspace."
}

install_packages() {
    local files=(-r requirements/build.txt -r requirements/run.txt -r "requirements/$NUMPY.txt")
    if [[ -z ${ROS_DISTRO:-} ]]; then files+=(-r requirements/ros.txt); fi
    install_torch
    pip_install "${files[@]}"
}

install_test_packages() {
    local files=(-r requirements/tests.txt)
    # The baseline is for NumPy 2 alone; its tests are skipped without it.
    if [[ $NUMPY == numpy2 ]]; then files+=(-r requirements/baseline.txt); fi
    pip_install "${files[@]}" -c "requirements/$NUMPY.txt"
}

install_linters() { pip_install -r requirements/lint.txt; }

# The wheels' exported CMake files name the Python of the machine that built them.
fix_cmake_paths() {
    local include site
    include=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    site=$("$VENV/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
    find "$VENV/share" -path '*/cmake/*.cmake' -exec sed -i -E \
        -e "s#/opt/python/cp[0-9]+-cp[0-9]+/include/python3\.[0-9]+#$include#g" \
        -e "s#/opt/python/cp[0-9]+-cp[0-9]+/lib/python3\.[0-9]+/site-packages#$site#g" {} +
}

# ---------------------------------------------------------------- software Vulkan

# SAPIEN draws with Vulkan; its own question (Device.can_render) is wrong about lavapipe: try.
can_render() {
    # A refused driver may crash the interpreter: the shell's word on that is not for the user.
    {
        (
            [[ ! -f $VENV/lavapipe/icd.json ]] || . tools/vulkan_env.sh "$VENV/lavapipe"
            "$VENV/bin/python" - <<'PY'
import numpy as np
import sapien

scene = sapien.Scene()
camera = scene.add_camera("camera", 16, 16, 1.0, 0.01, 10.0)
# As in sim/camera.py: without it, seconds go into a table of reflections.
camera.set_texture("BRDFLUT", sapien.render.RenderTexture(np.zeros((1, 1, 4), np.uint8), 2, "R8G8B8A8Unorm"))
scene.update_render()
camera.take_picture()
assert camera.get_picture("Color").shape == (16, 16, 4)
PY
        )
    } >"$VENV/can_render.log" 2>&1
}

# Mesa's software renderer is new enough from version 25 on: the distribution's own, or, where
# that is refused (Debian 12), the one of Debian backports, unpacked privately inside .venv.
software_vulkan() {
    if can_render; then return; fi
    if ! command -v apt-get >/dev/null; then
        say "  SAPIEN cannot draw here: install a Vulkan driver (Mesa's lavapipe 25 or newer)." \
            "Everything but the simulated camera works without."
        return
    fi
    installed mesa-vulkan-drivers || apt_install mesa-vulkan-drivers
    if can_render; then return; fi
    if [[ $(. /etc/os-release && echo "$ID$VERSION_ID") == debian12 ]]; then
        unpack_lavapipe bookworm-backports
        if can_render; then return; fi
    fi
    say "  SAPIEN cannot draw here; the reason is in .venv/can_render.log. Install a Vulkan driver:" \
        "your GPU's own, or Mesa 25 or newer (Ubuntu 22.04: ppa:kisak/kisak-mesa)." \
        "Everything but the simulated camera works without."
}

unpack_lavapipe() {
    local suite=$1 work=$VENV/lavapipe mirror deb
    # The mirror that this machine takes its packages from.
    mirror=$(apt-get indextargets --format '$(SITE)' "Codename: ${suite%-backports}" \
        "Component: main" "Created-By: Packages" | head -n 1)
    rm -rf "$work"
    mkdir -p "$work"/{lists,cache}/partial "$work"/{deb,root}
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
        "$mirror $suite main" >"$work/sources.list"
    local options=(-qq -o "Dir::State::lists=$work/lists" -o "Dir::Cache=$work/cache"
        -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
        -o APT::Sandbox::User="$(id -un)")
    apt-get "${options[@]}" update
    (cd "$work/deb" && apt-get "${options[@]}" download mesa-vulkan-drivers libdrm2 libdrm-amdgpu1)
    for deb in "$work"/deb/*.deb; do dpkg -x "$deb" "$work/root"; done
    local library
    library=$(find "$work/root" -name libvulkan_lvp.so)
    printf '{"file_format_version": "1.0.0", "ICD": {"library_path": "%s", "api_version": "1.4.0"}}\n' \
        "$library" >"$work/icd.json"
    rm -rf "$work/lists" "$work/cache" "$work/deb" "$work/sources.list"
}

# ---------------------------------------------------------------- what only the tests need

# Debian has a browser to install; Ubuntu's package of that name is none.
install_browser() {
    local name
    for name in ${CHROMIUM:-} chromium chromium-browser google-chrome; do
        if command -v "$name" >/dev/null; then return; fi
    done
    if [[ $(. /etc/os-release && echo "$ID:$(id -u)") == debian:0 ]]; then
        apt_install chromium
    else
        say "No Chromium or Chrome here: the tests of the web page are skipped. Install one for them."
    fi
}

# ---------------------------------------------------------------- workspace

colcon_build() {
    local places=(src)
    # A ROS 2 installation has these interfaces; the wheels do not.
    if [[ -z ${ROS_DISTRO:-} ]]; then places+=(src/without_ros/*/); fi
    PATH=$VENV/bin:$PATH "$VENV/bin/python" -W ignore -m colcon build --symlink-install \
        --base-paths "${places[@]}" --metas colcon.meta --event-handlers console_direct+ \
        --cmake-args "-DPython3_EXECUTABLE=$VENV/bin/python" >log/setup_build.log 2>&1
}

build_workspace() {
    if [[ -z ${ROS_DISTRO:-} ]]; then
        export AMENT_PREFIX_PATH=$VENV CMAKE_PREFIX_PATH=$VENV
    fi
    mkdir -p log
    if colcon_build; then return; fi
    # What an earlier build with other settings has left may be in the way.
    rm -rf build install
    if colcon_build; then return; fi
    tail -n 40 log/setup_build.log >&2
    fail "The workspace did not build; the whole output is in log/setup_build.log."
}

compile_once() {
    if [[ ! -f src/unihm/unihm/pipeline.py ]]; then return; fi # an image's environment comes first
    # shellcheck source=env.sh
    (. "$ROOT/env.sh" && PYTHONDONTWRITEBYTECODE='' python tools/first_start.py) \
        >log/first_start.log 2>&1 ||
        say "  It failed (log/first_start.log): whatever is started first takes longer."
}

# ---------------------------------------------------------------- the steps, in order

exec 9<tools/setup.sh
if command -v flock >/dev/null && ! flock -n 9; then
    say "Another set-up runs here; waiting for it."
    flock 9
fi

PYTHONS="Python 3.10 to 3.14"
case ${ROS_DISTRO:-} in
humble | jazzy | kilted) NUMPY=numpy1 ;; # what ROS's own Python messages are compiled for
lyrical | "") NUMPY=numpy2 ;;
*) fail "ROS 2 '$ROS_DISTRO' is not supported: source Humble, Jazzy, Kilted or Lyrical, or none" \
    "(ROS_DISTRO unset), and ROS 2 comes from wheels." ;;
esac
if [[ -n ${PYTHON:-} ]] && ! fits "$PYTHON"; then
    fail "PYTHON=$PYTHON cannot be used: UniHM needs $PYTHONS."
fi
system_packages
PYTHON_FOUND=$(find_python)
[[ -n $PYTHON_FOUND ]] || fail "No $PYTHONS was found; install one, or name it: PYTHON=..."
VERSION=$("$PYTHON_FOUND" -c 'import platform; print(platform.python_version())')
if [[ -n ${ROS_DISTRO:-} ]]; then ROS="the ROS 2 $ROS_DISTRO installation"; else ROS="ROS 2 from wheels"; fi

step environment "Python $VERSION environment in .venv, with $ROS" "$VERSION" "$ROS" -- \
    make_environment
step packages "Python packages (the first time: a few minutes)" "$ROS" \
    "$(cat requirements/{build,run,ros,$NUMPY}.txt)" -- install_packages
if [[ -z ${ROS_DISTRO:-} ]]; then
    step cmake "CMake files of the ROS 2 wheels" "$(cat requirements/ros.txt)" -- fix_cmake_paths
fi
step vulkan "Rendering: a Vulkan driver for SAPIEN" "$(grep sapien requirements/run.txt)" -- \
    software_vulkan
step workspace "Workspace: unihm_msgs and unihm (colcon build)" "$ROOT" "$ROS" \
    "$(cat colcon.meta src/{unihm_msgs,without_ros/*}/*.* src/{unihm_msgs,without_ros/*}/*/* \
        src/unihm/{setup.py,package.xml})" \
    "$(find launch config src/unihm/unihm/nodes -type f ! -name '*.pyc' | sort)" -- build_workspace
step compiled "What Python and numba compile at a first start" "$ROOT" "$ROS" \
    "$(find src/unihm/unihm -name pipeline.py)" \
    "$(cat requirements/{run,ros,$NUMPY}.txt tools/first_start.py)" -- compile_once
case ${1:-} in
tests)
    step tests "Packages that the tests need" "$NUMPY" "$(cat requirements/{tests,baseline}.txt)" -- \
        install_test_packages
    install_browser
    ;;
lint) step lint "Linters" "$(cat requirements/lint.txt)" -- install_linters ;;
esac
