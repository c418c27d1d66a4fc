"""ament_python package: the library, its nodes, launch files and configuration."""

from pathlib import Path

from setuptools import find_packages, setup

# Where `ros2 run` looks for a node: one script, installed under the name of each.
NODE = '''#!/usr/bin/env python3
"""Starts the node that this file is called by."""

import sys
from pathlib import Path

if __name__ == "__main__":
    try:
        from unihm.ros.run import run_node

        sys.exit(run_node(Path(sys.argv[0]).name))
    except KeyboardInterrupt:  # while it was being imported
        pass
'''

# What launch starts: several of them at once.
NODES = '''#!/usr/bin/env python3
"""Starts the nodes that it is told, each as a process of its own."""

import sys

if __name__ == "__main__":
    try:
        from unihm.ros.processes import run_nodes

        sys.exit(run_nodes())
    except KeyboardInterrupt:  # while it was being imported
        pass
'''


def node_scripts() -> list[str]:
    """Scripts named as the modules of ``unihm.nodes``, and ``nodes``, written for the build."""
    folder = Path("scripts")
    folder.mkdir(exist_ok=True)
    names = (path.stem for path in Path("unihm/nodes").glob("[!_]*.py"))
    scripts = {"nodes": NODES, **dict.fromkeys(names, NODE)}
    for path in folder.iterdir():
        if path.name not in scripts:
            path.unlink()
    for name, text in scripts.items():
        path = folder / name
        if not path.is_file() or path.read_text() != text:
            path.write_text(text)
            path.chmod(0o755)
    return [str(folder / name) for name in sorted(scripts)]


def shared_files(folder: str) -> list[tuple[str, list[str]]]:
    """The files of a folder, to be installed into ``share/unihm/<folder>``."""
    places: dict[str, list[str]] = {}
    for path in sorted(Path(folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            places.setdefault(str(Path("share/unihm") / path.parent), []).append(str(path))
    return list(places.items())


setup(
    name="unihm",
    version="0.1.0",
    packages=find_packages(include=["unihm", "unihm.*"]),
    package_data={"unihm": ["weights/**/*", "py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/unihm"]),
        ("share/unihm", ["package.xml"]),
        ("lib/unihm", node_scripts()),
        *shared_files("launch"),
        *shared_files("config"),
        *shared_files("rviz"),
    ],
    zip_safe=False,
    entry_points={"console_scripts": ["unihm = unihm.cli.main:main"]},
)
