"""Write a scene as a world of another simulator, with its meshes beside it.

``unihm scene export kitchen --to sdf --out kitchen`` writes kitchen/scene.sdf for Gazebo;
``--to mjcf`` writes scene.xml for MuJoCo, ``--to usd`` scene.usda for Isaac Sim. Objects, masses,
friction, joints and the camera are the same; the robot is not in it (Gazebo takes that from
``robot_description``).
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("scene", help="name of a scene in config/scenes, or a YAML file")
    parser.add_argument("--to", required=True, choices=("mjcf", "sdf", "usd"), help="the format")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to (default: out/scenes/NAME)"
    )


def run(args: argparse.Namespace) -> None:
    """Write it and say where it is."""
    from unihm.sim.export import FORMATS
    from unihm.sim.scene import load_scene

    scene = load_scene(args.scene)
    folder = args.out or Path("out/scenes") / scene.name.replace(":", "_")
    path = FORMATS[args.to](scene, folder)
    print(f"{len(scene.objects)} objects written to {path}.")
