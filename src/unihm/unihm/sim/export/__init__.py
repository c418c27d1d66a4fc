"""Scenes for other simulators: the same objects, masses, friction, joints and camera.

A format is a module with one function, ``write(scene, folder) -> Path``, in :data:`FORMATS`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from unihm.sim.export import mjcf, sdf, usd
from unihm.sim.scene import Scene

FORMATS: dict[str, Callable[[Scene, Path], Path]] = {
    "mjcf": mjcf.write,
    "sdf": sdf.write,
    "usd": usd.write,
}
"""By name: writes a scene's file and its meshes into a folder, and returns the file."""
