"""Does once what would otherwise delay the first start of the nodes: all that is compiled.

Python keeps what it compiles of a module, and numba of a function. Where an environment forbids the
former (PYTHONDONTWRITEBYTECODE, as many containers do), every start would take twice as long.
"""

from __future__ import annotations

import importlib
import pkgutil
from contextlib import suppress

import unihm
from unihm.control.config import ControlConfig
from unihm.control.planning import MotionPlanner
from unihm.pipeline import Pipeline
from unihm.refinement import warm_up
from unihm.robots import load_hand
from unihm.robots.arm import load_arm

for module in pkgutil.walk_packages(unihm.__path__, "unihm."):
    with suppress(ImportError):  # of launch, which not everybody has
        importlib.import_module(module.name)
Pipeline.from_pretrained("tiny").warm_up()
MotionPlanner(load_arm(), load_hand("xhand"), ControlConfig()).warm_up()
warm_up()
