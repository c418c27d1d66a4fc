"""Hostile messages: what is drawn is the same every time, and a careless callback is found."""

from __future__ import annotations

import random

import pytest
from geometry_msgs.msg import PoseArray
from unihm.ros.fuzz import AnyMessage, fuzz_nodes
from unihm_msgs import msg

pytestmark = pytest.mark.ros
NAMES = (("a", "b"), ("x",))


def test_messages_are_the_same_every_time_and_differ() -> None:
    one, other = (AnyMessage(random.Random("seed"), NAMES) for _ in range(2))
    drawn = [str(one.draw(msg.HandMotion)) for _ in range(20)]
    assert drawn == [str(other.draw(msg.HandMotion)) for _ in range(20)]
    assert len(set(drawn)) == 20


def test_nodes_stand_hostile_messages(module_domain_id: int) -> None:
    (outcome,) = fuzz_nodes(120, domain_id=module_domain_id, listeners=("retargeter",))
    assert outcome.inputs == 120
    assert outcome.crashes == []
    assert outcome.refused


def test_a_careless_callback_is_found(
    module_domain_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unihm.nodes.retargeter import RetargeterNode

    def careless(node: RetargeterNode, arrival: object) -> None:
        if isinstance(arrival.message, PoseArray):  # type: ignore[attr-defined]
            raise ZeroDivisionError

    monkeypatch.setattr(RetargeterNode, "_admit", careless)
    (outcome,) = fuzz_nodes(40, domain_id=module_domain_id, listeners=("retargeter",))
    assert outcome.crashes
    assert all("ZeroDivisionError" in what for _, what in outcome.crashes)
