"""Pages of the documentation, done word for word."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def blocks(page: str) -> list[tuple[str, str]]:
    """Language and text of the code blocks of ``docs/<page>.md``, in order."""
    text = (ROOT / "docs" / f"{page}.md").read_text()
    return re.findall(r"^```(\w+)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def run(lines: list[str], folder: Path) -> str:
    """Run lines of bash in ``folder`` and return what they printed.

    ``python`` and ``unihm`` are this environment's; the folder's ``config`` is the configuration.
    """
    commands = folder / "bin"
    commands.mkdir(exist_ok=True)
    for name, arguments in (("unihm", "-m unihm.cli.main"), ("python", "")):
        command = commands / name
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" {arguments} "$@"\n')
        command.chmod(0o755)
    start = [
        "set -e",
        f'export PATH="{commands}:$PATH" UNIHM_CONFIG_DIR="{folder}/config" OMP_NUM_THREADS=1',
    ]
    done = subprocess.run(
        ["bash", "-c", "\n".join([*start, *lines])], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
