"""What the documentation names is there: modules, functions, files and links."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
TOP = tuple(f"{path.name}/" for path in ROOT.iterdir() if path.is_dir() and path.name != "out")


def resolve(name: str) -> None:
    """Import the longest part of a dotted name that is a module, then take its attributes."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        module_name = ".".join(parts[:count])
        try:
            value = import_module(module_name)
        except ModuleNotFoundError as error:
            if error.name is None or not module_name.startswith(error.name):
                raise  # something else is missing
            continue
        for attribute in parts[count:]:
            value = getattr(value, attribute)
        return
    raise AssertionError(f"there is no {name}")


def missing_path(text: str) -> bool:
    """Whether ``text`` is written as a path of this project and leads nowhere.

    It may start at the top of the project or anywhere within the package. Of a pattern, the
    folder is looked for. Names that begin with ``my_`` are the reader's own.
    """
    if text.startswith(("/", "~", "out/", "my_")):
        return False
    if not text.startswith(TOP) and not text.endswith((".py", "/")):
        return False
    known = re.split(r"[<*{]", text)[0]
    if known != text:
        known = known.rpartition("/")[0]
    return not (ROOT / known).exists() and not any(ROOT.glob(f"src/unihm/**/{known}"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_name_exists(page: Path) -> None:
    wrong = []
    for name in sorted(set(re.findall(r"(?<![/\w])unihm(?:\.[A-Za-z_]\w*)+", page.read_text()))):
        try:
            resolve(name)
        except (AssertionError, AttributeError):
            wrong.append(name)
    assert not wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_exists(page: Path) -> None:
    text = page.read_text()
    quoted = re.findall(r"`([\w./<>*{}-]+)`", text)
    assert not [path for path in sorted(set(quoted)) if missing_path(path)]
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    assert not [link for link in links if not (page.parent / link).exists()]
