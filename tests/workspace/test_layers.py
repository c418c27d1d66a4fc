"""Nothing in the core knows about ROS, and imports run one way."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "src" / "unihm" / "unihm"
ROS = ("rclpy", "launch", "launch_ros", "tf2_ros", "ament_index_python")
# Each layer may import itself, those before it, and the modules at the top of the package.
LAYERS = (
    ("hands",),
    ("tokenizer", "refinement", "perception", "generator"),
    ("pipeline",),
    ("control", "sim"),
    ("data", "evaluation"),
    ("nodes", "cli"),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
CORE = sorted(path for path in PACKAGE.rglob("*.py") if "nodes" not in path.parts)


def imported(tree: ast.AST) -> set[str]:
    """Dotted names of all modules that are imported anywhere in a file."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def is_ros(name: str) -> bool:
    top = name.split(".")[0]
    return top in ROS or top.endswith("_msgs") or top.endswith("_interfaces")


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_core_does_not_import_ros(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.parent.name == "cli":  # a command may, inside the function that needs it
        tree = ast.Module([node for node in tree.body if not isinstance(node, ast.FunctionDef)], [])
    assert not [name for name in imported(tree) if is_ros(name)]


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    own = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if own not in RANK or path.stem == "training":  # training reads episodes
        return
    others = {
        name.split(".")[1]
        for name in imported(ast.parse(path.read_text()))
        if name.startswith("unihm.") and name.split(".")[1] in RANK
    }
    assert not [other for other in others if RANK[other] > RANK[own]]
