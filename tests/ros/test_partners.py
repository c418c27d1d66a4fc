"""Who falls silent in a motion, or says that it cannot do its part, stops it by name."""

from __future__ import annotations

import pytest
from crowd import Crowd
from unihm.errors import ErrorCode, UnihmError
from unihm.ros.base import UnihmNode
from unihm.ros.partners import Partners
from unihm_msgs.msg import Heartbeat

pytestmark = pytest.mark.ros


def why_not(partners: Partners) -> str:
    """The reason for which the motion may not go on; empty where it may."""
    partners.look()
    try:
        partners.check()
    except UnihmError as error:
        return error.message if error.code is ErrorCode.SAFETY_STOP else repr(error)
    return ""


def test_who_was_never_heard_is_not_gone(crowd: Crowd) -> None:
    partners = Partners(crowd.add(UnihmNode, "coordinator"))
    planner = crowd.add(UnihmNode, "planner")
    planner.fault = None

    def is_heard() -> bool:
        partners.begin()
        return "planner" in partners.watched

    def gone() -> list[str]:
        partners.look()
        return partners.gone(("planner", "refiner"))

    assert crowd.until(is_heard)
    assert gone() == []
    crowd.remove(planner)
    assert crowd.until(lambda: gone() == ["planner"])


def test_a_partner_that_dies_is_named_and_one_that_is_ill_too(crowd: Crowd) -> None:
    partners = Partners(crowd.add(UnihmNode, "arm_controller"))
    hand, capture = (crowd.add(UnihmNode, name) for name in ("hand_controller", "capture"))
    for node in (hand, capture):
        node.fault = None
    needed = ("hand_controller", "capture")

    def are_alive() -> bool:
        partners.look()
        partners.begin()
        return not set(needed) - partners.watched

    assert crowd.until(are_alive)
    assert crowd.until(lambda: why_not(partners) == "")
    capture.fault = UnihmError(ErrorCode.CAMERA_TIMEOUT, "The camera is silent.")
    assert crowd.until(lambda: why_not(partners) == "capture: The camera is silent.")
    capture.fault = None
    assert crowd.until(lambda: why_not(partners) == "")
    crowd.remove(hand)
    assert crowd.until(lambda: "hand_controller" in why_not(partners))
    with pytest.raises(UnihmError, match="Nothing is heard of hand_controller, without which"):
        partners.wait_for(needed, 0.1)


def test_who_begins_anew_within_the_silence_is_noticed(crowd: Crowd) -> None:
    partners = Partners(crowd.add(UnihmNode, "coordinator"))

    def hear(life: int) -> None:
        partners._receive(Heartbeat(node="arm_controller", life=life))

    hear(1)
    partners.begin()
    hear(1)
    assert partners.restarted(["arm_controller", "planner"]) == []
    hear(2)
    assert partners.restarted(["arm_controller", "planner"]) == ["arm_controller"]
    assert "arm_controller has been started again" in why_not(partners)
    partners.begin()
    assert partners.restarted(["arm_controller"]) == []
