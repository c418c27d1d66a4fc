"""`make setup` and `source env.sh`: quick the second time, sentences where something is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NODES = ROOT / "src" / "unihm" / "unihm" / "nodes"
is_set_up = pytest.mark.skipif(
    not (ROOT / ".venv" / "stamps" / "workspace").is_file(), reason="run `make setup` first"
)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("VIRTUAL_ENV", "AMENT_PREFIX_PATH")}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**clean, **environment}
    )


@is_set_up
def test_second_setup_is_quick_and_silent() -> None:
    before = os.times()
    done = run(str(ROOT / "tools" / "setup.sh"))
    after = os.times()
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    # Processor time: the clock on the wall also shows what else the machine is doing.
    used = sum(after[2:4]) - sum(before[2:4])
    assert used < 2.0


@is_set_up
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_sourcing_makes_unihm_work_from_anywhere(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    words = f"cd {tmp_path} && source {ROOT}/env.sh && unihm --version && echo $ROS_DOMAIN_ID"
    done = run(shell, "-c", words, ROS_DOMAIN_ID="17")
    assert done.returncode == 0, done.stderr
    assert re.match(r"unihm \d+\.\d+\.\d+\n17\n", done.stdout)


def test_sourcing_before_setup_says_what_to_do(tmp_path: Path) -> None:
    shutil.copy(ROOT / "env.sh", tmp_path)
    done = run("bash", "-c", f"source {tmp_path}/env.sh; echo still here")
    assert "make setup" in done.stderr
    assert done.stdout == "still here\n"


def test_a_machine_without_a_fitting_python_is_told_so(tmp_path: Path) -> None:
    """On a PATH with nothing but the basic tools and no apt-get."""
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("bash", "dirname", "id", "c++", "cmake", "make", "env"):
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed")
        (commands / name).symlink_to(found)
    done = run(str(tmp_path / "tools" / "setup.sh"), PATH=str(commands))
    assert done.returncode == 1
    assert "Python 3.10 to 3.14" in done.stderr


def test_a_machine_without_compiler_and_apt_is_told_so(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("bash", "dirname", "env"):
        (commands / name).symlink_to(str(shutil.which(name)))
    done = run(str(tmp_path / "tools" / "setup.sh"), PATH=str(commands))
    assert done.returncode == 1
    assert "C++ compiler" in done.stderr


def test_another_ros_release_is_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    done = run(str(tmp_path / "tools" / "setup.sh"), ROS_DISTRO="foxy")
    assert done.returncode == 1
    assert "'foxy' is not supported: source Humble, Jazzy, Kilted or Lyrical" in done.stderr
    assert done.stdout == ""


def test_another_python_is_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "tools", tmp_path / "tools")
    old = tmp_path / "python3.8"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    done = run(str(tmp_path / "tools" / "setup.sh"), PYTHON=str(old))
    assert done.returncode == 1
    assert "python3.8 cannot be used: UniHM needs Python 3.10 to 3.14" in done.stderr


@pytest.mark.parametrize("package", ["unihm", "unihm_msgs"])
def test_package_xml_agrees_with_the_rest(package: str) -> None:
    tree = ElementTree.parse(ROOT / "src" / package / "package.xml")
    assert tree.findtext("name") == package
    assert tree.findtext("license") == "Apache-2.0"
    version = tree.findtext("version")
    if package == "unihm":
        assert f'version="{version}"' in (ROOT / "src" / package / "setup.py").read_text()
        depended = {element.text for element in tree.iter("exec_depend")}
        text = "\n".join(p.read_text() for p in (ROOT / "src/unihm/unihm").glob("*/*.py"))
        imported = set(re.findall(r"^(?:from|import) (\w+_msgs|rclpy)\b", text, re.MULTILINE))
        assert imported <= depended
    else:
        depended = {element.text for element in tree.iter("depend")}
        text = (ROOT / "src" / package / "CMakeLists.txt").read_text()
        found = set(re.findall(r"find_package\((\w+) REQUIRED\)", text))
        assert found - {"ament_cmake", "rosidl_default_generators"} == depended


def node_names() -> set[str]:
    text = (ROOT / "src/unihm/unihm/ros/roster.py").read_text()
    return set(re.findall(r'"(\w+)": "\w+Node"', text))


def test_every_node_is_a_module_of_its_name() -> None:
    assert {path.stem for path in NODES.glob("[!_]*.py")} == node_names()


@is_set_up
def test_every_node_has_its_executable() -> None:
    folder = ROOT / "install" / "unihm" / "lib" / "unihm"
    assert {path.name for path in folder.iterdir() if os.access(path, os.X_OK)} == {
        *node_names(),
        "nodes",
    }
    assert os.access(ROOT / "install" / "unihm" / "bin" / "unihm", os.X_OK)
