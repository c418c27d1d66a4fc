"""The images of docker/ and the drivers of unihm.repos: what can be said without building any."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "docker").glob("Dockerfile*"))
USER = "unihm"
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)


@dataclass
class Stage:
    """A part of a Dockerfile, from one FROM to the next."""

    base: str
    name: str
    lines: list[tuple[str, str]] = field(default_factory=list)

    def of(self, word: str) -> list[str]:
        """The arguments of every instruction ``word``."""
        return [rest for instruction, rest in self.lines if instruction == word]


def instructions(path: Path) -> Iterator[tuple[str, str]]:
    """Each instruction with its arguments: no comments, continued lines in one."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE)
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip():
            word, _, rest = line.partition(" ")
            yield word, rest.strip()


def read(path: Path) -> tuple[dict[str, str], dict[str, Stage]]:
    """The ARGs before the first FROM, and the stages by name; the last one is also ``""``."""
    given: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for word, rest in instructions(path):
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            base = re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], base)
            last = Stage(base, name)
            stages[name] = stages[""] = last
        elif stages:
            last.lines.append((word, rest))
        else:
            name, _, default = rest.partition("=")
            given[name] = default
    return given, stages


def chain(stages: dict[str, Stage], name: str) -> list[Stage]:
    """A stage and those that it is made from, itself first."""
    found = [stages[name]]
    while found[-1].base in stages:
        found.append(stages[found[-1].base])
    return found


def packages(stages: dict[str, Stage], name: str) -> set[str]:
    """What apt-get has installed when a stage is done."""
    commands = " ; ".join(run for stage in chain(stages, name) for run in stage.of("RUN"))
    installs = re.findall(r"apt-get install ([^&;]+)", commands)
    return {word for words in installs for word in shlex.split(words) if not word.startswith("-")}


@each_file
def test_nobody_is_root_in_the_end(path: Path) -> None:
    _, stages = read(path)
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"].values()
    targets = {service["build"]["target"] for service in services}
    for name in {""} | targets & stages.keys():
        users = [stage.of("USER")[-1] for stage in chain(stages, name) if stage.of("USER")]
        assert users[0] == "$USER_ID"
    first = chain(stages, "")[-1]
    assert "USER_ID=1000" in first.of("ARG")
    # ARGs end with their stage.
    assert "USER_ID=$USER_ID" in first.of("ENV")
    assert any('useradd --uid "$USER_ID"' in run for run in first.of("RUN"))


@each_file
def test_what_it_is_made_from_has_a_version(path: Path) -> None:
    _, stages = read(path)
    for stage in stages.values():
        if stage.base not in stages:
            _, _, tag = stage.base.partition(":")
            assert tag
            assert tag != "latest"


@each_file
def test_what_is_copied_exists(path: Path) -> None:
    _, stages = read(path)
    for stage in stages.values():
        for rest in stage.of("COPY"):
            words = rest.split()
            sources = [word for word in words[:-1] if not word.startswith("--")]
            origins = [word.removeprefix("--from=") for word in words if word.startswith("--from=")]
            assert set(origins) <= stages.keys()
            assert origins or all((ROOT / source).exists() for source in sources)
            assert f"--chown={USER}" in words


@each_file
def test_apt_leaves_nothing_behind(path: Path) -> None:
    for word, rest in instructions(path):
        if word == "RUN" and "apt-get" in rest:
            parts = [" ".join(part.split()) for part in rest.split("&&")]
            assert parts[0] == "apt-get update"
            assert parts[1].startswith("apt-get install -y --no-install-recommends ")
            assert parts[2:] == ["rm -rf /var/lib/apt/lists/*"]


@each_file
def test_nothing_is_left_for_set_up_to_install_by_apt(path: Path) -> None:
    """Who calls it there is not root."""
    text = (ROOT / "tools/setup.sh").read_text()
    wanted = {"make", "mesa-vulkan-drivers"}
    wanted.update(re.findall(r"for package in ([\w. +-]+); do", text)[0].split())
    for words in re.findall(r"missing\+=\(([\w. +-]+)\)", text):
        wanted.update(words.split())
    _, stages = read(path)
    assert wanted <= packages(stages, "environment")
    compiling = {"cmake", "g++", "make", "python3-dev", "python3-venv"}
    assert wanted - compiling <= packages(stages, "")
    assert not compiling & packages(stages, "")


@each_file
def test_commands_are_shell(path: Path) -> None:
    for word, rest in instructions(path):
        if word == "RUN":
            subprocess.run(["sh", "-n", "-c", rest], check=True)


@each_file
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    hadolint = shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    done = subprocess.run([hadolint, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_drivers_are_named_with_their_release() -> None:
    repositories = yaml.safe_load((ROOT / "unihm.repos").read_text())["repositories"]
    for name, entry in repositories.items():
        assert entry["type"] == "git"
        assert entry["url"].startswith("https://github.com/")
        assert entry["url"].endswith(f"/{name}.git")
        assert re.fullmatch(r"v\d+\.\d+\.\d+", entry["version"])
