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
    for service in SERVICES.values():
        for word in map(str, service["environment"].values()):
            assert not word.startswith("/") or (ROOT / word.removeprefix("/unihm/")).is_file()


def test_each_service_is_started_by_its_own_profile() -> None:
    assert all(service["profiles"] == [name] for name, service in SERVICES.items())
    assert all(service["image"].startswith("unihm:") for service in SERVICES.values())


def test_images_are_what_the_dockerfile_builds() -> None:
    text = (ROOT / "docker/Dockerfile.ros").read_text()
    stages = set(re.findall(r"^FROM .* AS (\w+)$", text, re.MULTILINE))
    arguments = set(re.findall(r"^ARG (\w+)=", text, re.MULTILINE))
    builds = [service["build"] for service in SERVICES.values()]
    assert all(build["target"] in stages for build in builds)
    assert all(set(build["args"]) == arguments for build in builds)
    # One name for what one target makes, another for each other.
    pairs = {(service["image"], service["build"]["target"]) for service in SERVICES.values()}
    assert len(pairs) == len({image for image, _ in pairs}) == len({target for _, target in pairs})


def test_services_have_their_rights_by_limits_alone() -> None:
    for service in SERVICES.values():
        assert not {"cap_add", "privileged", "user"} & set(service)
        assert service["cap_drop"] == ["ALL"]
        assert service["ulimits"] == {"rtprio": 98, "memlock": -1}


def test_an_emergency_stop_outlives_its_container() -> None:
    text = (ROOT / "docker/Dockerfile.ros").read_text()
    (folder,) = re.findall(r"^ENV XDG_STATE_HOME=(\S+)$", text, re.MULTILINE)
    for name, words in COMMANDS.items():
        if "emergency_stop" in words or name == "robot":
            assert f"state:{folder}" in SERVICES[name]["volumes"]


def test_the_camera_is_started_as_by_the_launch_files() -> None:
    text = (ROOT / "src/unihm/unihm/ros/bringup.py").read_text()
    (known,) = re.findall(r'"realsense": VendorDriver\((.*)\),', text)
    package, file, argument, value = re.findall(r'"([^"]+)"', known)
    assert COMMANDS["camera"] == ["ros2", "launch", package, file, f"{argument}:={value}"]
    dockerfile = (ROOT / "docker/Dockerfile.ros").read_text()
    assert f'-{package.replace("_", "-")}"' in dockerfile
