"""The services of docker/compose.yaml name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from unihm.ros.roster import ALL, NODES

ROOT = Path(__file__).parents[2]
SERVICES = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
# Compose's own: ${NAME:-default}
COMMANDS = {
    name: re.sub(r"\$\{\w+:-(\w+)\}", r"\1", service["command"]).split()
    for name, service in SERVICES.items()
}


def test_the_parts_are_the_whole_graph_each_node_once() -> None:
    nodes = [
        word
        for words in COMMANDS.values()
        if "nodes" in words
        for word in words[words.index("nodes") + 1 : words.index("--ros-args")]
    ]
    assert sorted(nodes) == sorted({*NODES, "robot_state", "markers"} - {"simulation"})
    assert set(nodes) <= set(ALL)


def test_files_that_are_named_exist() -> None:
    for words in COMMANDS.values():
        for word in words:
            if word.endswith(".launch.py"):
                assert (ROOT / "src/unihm/launch" / word).is_file()
            elif word.startswith("/unihm/"):
                assert (ROOT / word.removeprefix("/unihm/")).is_file()


def test_each_service_is_started_by_its_own_profile() -> None:
    assert all(service["profiles"] == [name] for name, service in SERVICES.items())
    assert all(service["image"].startswith("unihm:") for service in SERVICES.values())
