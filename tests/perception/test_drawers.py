"""Which of several drawers above each other is meant."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import understand
from unihm.perception.planner.opening_plans import choose_opening

CHEST = SimpleNamespace()


def drawer(height: float, aside: float = 0.0) -> Any:
    """A drawer's front, as far as the choice looks at it."""
    T_world_handle = np.eye(4)
    T_world_handle[:3, 3] = [0.6, aside, height]
    return SimpleNamespace(
        thing=CHEST, T_world_handle=T_world_handle, is_bar=True, looks_like=lambda: "drawer"
    )


STACK = [drawer(0.10), drawer(0.20), drawer(0.04)]


@pytest.mark.parametrize(
    ("sentence", "height"),
    [
        ("open the top drawer", 0.20),
        ("open the upper drawer", 0.20),
        ("close the middle drawer", 0.10),
        ("open the bottom drawer", 0.04),
        ("open the second drawer from the top", 0.10),
        ("pull the second drawer from the bottom open", 0.10),
        ("open the third drawer from the top", 0.04),
        ("close the 2nd drawer", 0.10),
        ("open the third drawer", 0.04),
    ],
)
def test_tiers_are_told_by_height(sentence: str, height: float) -> None:
    (step,) = understand(sentence).steps
    assert choose_opening(step, STACK).T_world_handle[2, 3] == height


@pytest.mark.parametrize(
    ("sentence", "drawers", "code"),
    [
        ("open the drawer", STACK, ErrorCode.OBJECT_AMBIGUOUS),
        ("open the fourth drawer from the top", STACK, ErrorCode.OBJECT_NOT_FOUND),
        ("open the middle drawer", STACK[:2], ErrorCode.OBJECT_NOT_FOUND),
        ("open the top drawer", [drawer(0.1), drawer(0.1, 0.3)], ErrorCode.OBJECT_AMBIGUOUS),
    ],
)
def test_what_tiers_do_not_tell_is_refused(sentence: str, drawers: list[Any], code: int) -> None:
    (step,) = understand(sentence).steps
    with pytest.raises(UnihmError) as error:
        choose_opening(step, drawers)
    assert error.value.code == code


def test_one_drawer_alone_is_the_top_one_too() -> None:
    (step,) = understand("open the top drawer").steps
    assert choose_opening(step, STACK[:1]) is STACK[0]
