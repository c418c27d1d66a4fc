"""ament_python package: the library, its nodes, and the shared launch and config folders."""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path("../..")


def shared_files(folder: str) -> list[tuple[str, list[str]]]:
    """The files of a top-level folder, to be installed into ``share/unihm/<folder>``."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / folder).rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = Path("share/unihm") / path.parent.relative_to(ROOT)
            places.setdefault(str(target), []).append(str(path))
    return list(places.items())


setup(
    name="unihm",
    version="0.1.0",
    packages=find_packages(include=["unihm", "unihm.*"]),
    package_data={"unihm": ["weights/**/*", "py.typed"]},
    data_files=[
        ("share/ament_index/resource_index/packages", ["resource/unihm"]),
        ("share/unihm", ["package.xml"]),
        # One script under the name of each node, where `ros2 run` and launch look for it.
        ("lib/unihm", sorted(str(path) for path in Path("scripts").iterdir())),
        *shared_files("launch"),
        *shared_files("config"),
    ],
    zip_safe=False,
    entry_points={"console_scripts": ["unihm = unihm.cli.main:main"]},
)
