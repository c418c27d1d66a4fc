#!/usr/bin/env bash
# The core's tests on NumPy 1.26, in an environment of its own (.venv-numpy1): what the project runs
# on beside ROS 2 Humble, Jazzy and Kilted. Without the tests of ROS, of the web page and of cameras.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PIP_DISABLE_PIP_VERSION_CHECK=1

tools/setup.sh # the Python to use, and the system's packages
venv=.venv-numpy1
files=(-r requirements/run.txt -r requirements/numpy1.txt -r requirements/tests.txt)
sum=$(cat requirements/{run,numpy1,tests}.txt | sha256sum)
if [[ ! -f $venv/stamp || $(<"$venv/stamp") != "$sum" ]]; then
    printf '[numpy1] Python packages with NumPy 1.26\n'
    # Not on top of the ROS wheels of the other environment, but of the same Python.
    "$(.venv/bin/python -c 'import sys; print(sys._base_executable)')" -m venv --clear "$venv"
    "$venv/bin/python" -m pip install -qq "${files[@]}"
    echo "$sum" >"$venv/stamp"
fi
"$venv/bin/python" -c 'import numpy; assert numpy.__version__.startswith("1.26."), numpy.__version__'
if [[ -f .venv/lavapipe/icd.json ]]; then . tools/vulkan_env.sh .venv/lavapipe; fi
PYTHONPATH=$PWD/src/unihm OMP_NUM_THREADS=1 "$venv/bin/python" -m pytest -n 2 --dist loadgroup \
    -m "not ros and not browser and not render" --ignore tests/workspace "$@"
