"""Every reader of files stands hostile ones: a result, or a UnihmError."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.fuzz import FuzzReader, fuzz, make_input, readers

NAMES = (
    "urdf", "xacro", "hand file", "arm file", "scene", "preset", "mesh", "cloud", "keypoints",
    "keypoints npy", "motion", "episode", "intrinsics", "calibration", "poses", "weights", "pickle",
)  # fmt: skip


def test_no_reader_is_left_out() -> None:
    assert set(NAMES) == set(readers())


@pytest.mark.parametrize("name", NAMES)
def test_a_reader_stands_hostile_files(name: str) -> None:
    outcome = fuzz(readers()[name], 0, 8)
    assert outcome.crashes == []
    assert outcome.inputs == 8


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(NAMES), st.integers(0, 2**40))
def test_readers_stand_whatever_is_drawn(name: str, number: int) -> None:
    assert fuzz(readers()[name], number, 1).crashes == []


def test_inputs_are_the_same_every_time_and_differ() -> None:
    reader = readers()["urdf"]
    assert make_input(reader, 5) == make_input(reader, 5)
    assert len({make_input(reader, number)[1] for number in range(30)}) > 20


def test_a_reader_that_crashes_is_found() -> None:
    def careless(path: Path) -> object:
        text = path.read_text(errors="replace")
        if "7" not in text:
            raise UnihmError(ErrorCode.INVALID_CONFIG, "no seven")
        return 1 / text.count("e")

    outcome = fuzz(FuzzReader("careless", {"a.txt": b"7e7"}, careless), 0, 60)
    assert outcome.crashes
    assert all("ZeroDivisionError" in what for _, what in outcome.crashes)
    assert outcome.refused
