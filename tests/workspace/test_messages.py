"""The messages say the same as the Python types that they carry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from unihm.errors import ErrorCode
from unihm.types import Phase, TaskKind

PACKAGE = Path(__file__).parents[2] / "src" / "unihm_msgs"
PARTS = (
    "CommandStep",
    "Measurement",
    "ManipulateOptions",
)  # fields of other messages, never sent alone
OF_NO_TASK = ("EmergencyStop",)


def constants(text: str, prefix: str = "") -> dict[str, int]:
    """NAME=value lines of an interface file."""
    found = re.findall(rf"^u?int\d+ {prefix}([A-Z_]+)=(\d+)", text, re.MULTILINE)
    return {name: int(value) for name, value in found}


def test_error_codes_of_the_action_are_those_of_python() -> None:
    text = (PACKAGE / "action" / "Manipulate.action").read_text()
    assert constants(text) == {code.name: code.value for code in ErrorCode}


def test_built_action_has_the_error_codes() -> None:
    action = pytest.importorskip("unihm_msgs.action", reason="source env.sh first")
    for code in ErrorCode:
        assert getattr(action.Manipulate.Result, code.name) == code


def test_phases_and_kinds_are_those_of_python() -> None:
    text = (PACKAGE / "msg" / "ObjectTrajectory.msg").read_text()
    assert constants(text, "PHASE_") == {phase.name: phase.value for phase in Phase}
    assert constants(text, "KIND_") == {kind.name: kind.value for kind in TaskKind}


@pytest.mark.parametrize(
    "path", sorted((PACKAGE / "msg").glob("*.msg")), ids=lambda path: path.stem
)
def test_every_message_is_listed_and_has_header_and_task(path: Path) -> None:
    assert f'"msg/{path.name}"' in (PACKAGE / "CMakeLists.txt").read_text()
    if path.stem in PARTS:
        return
    fields = re.findall(r"^(\S+) +(\w+)", path.read_text(), re.MULTILINE)
    if path.stem in OF_NO_TASK:
        assert ("std_msgs/Header", "header") in fields
        return
    assert fields.index(("std_msgs/Header", "header")) + 1 == fields.index(("string", "task_id"))
