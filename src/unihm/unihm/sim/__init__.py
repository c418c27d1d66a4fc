"""The simulated robot, camera and table; nothing of the pipeline imports it.

SAPIEN is loaded when a world is first asked for: scenes and shapes can be read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unihm.lazy import offers
from unihm.sim.scene import Scene, SceneObject, load_scene, random_scene
from unihm.sim.shapes import Geometry, Part, make_shape, shape

if TYPE_CHECKING:
    from unihm.sim.free_hand import FreeHandWorld
    from unihm.sim.world import World

__all__ = [
    "FreeHandWorld",
    "Geometry",
    "Part",
    "Scene",
    "SceneObject",
    "World",
    "load_scene",
    "make_shape",
    "random_scene",
    "shape",
]

__getattr__, __dir__ = offers(__name__, {"free_hand": ("FreeHandWorld",), "world": ("World",)})
