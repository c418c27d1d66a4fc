"""docs/extending.md, done word for word."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pages
import pytest
from unihm.paths import config_dir


@pytest.mark.slow
def test_the_page_adds_an_object_a_term_and_back_ends(tmp_path: Path) -> None:
    shutil.copytree(config_dir(), tmp_path / "config")
    lines = []
    for number, (language, text) in enumerate(pages.blocks("extending")):
        named = re.match(r"# (\S+\.(?:py|yaml))\n", text)
        if language == "bash":
            lines.append(text)
        elif named:
            (tmp_path / named[1]).write_text(text)
        else:
            (tmp_path / f"step_{number}.py").write_text(text)
            lines.append(f"python step_{number}.py")
    printed = pages.run(lines, tmp_path)
    assert re.search(r"the skittle stands at \[0\.(5|49)", printed)
    assert "short side 0.0" in printed
    assert "confidence 0.8" in printed
    assert "wrist_height" in printed
