"""A language model's client looks, plans, stops, and moves the robot only where it may."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future
from typing import Any

import anyio
import pytest
from std_msgs.msg import Header
from unihm.errors import ErrorCode
from unihm.sim.still import T_WORLD_CAMERA, K, see_boxes
from unihm.types import RgbdObservation

pytest.importorskip("mcp", reason="the package mcp is not here; see requirements/tests.txt")
from mcp import Client, StdioServerParameters
from unihm.ros.conversions import observation_to_msg
from unihm.ros.tools import RobotTools, new_server
from unihm_msgs.action import Manipulate

pytestmark = pytest.mark.ros
HARMLESS = {"look", "understand", "plan", "stop"}


class StandInCommander:
    """Answers every goal, and takes an image for those that end with one."""

    def __init__(self) -> None:
        self.node = self
        self.said: list[tuple[str, str]] = []
        self.endless = False
        self.code = ErrorCode.NONE

    def create_subscription(self, kind: Any, topic: str, callback: Any, qos: Any) -> None:
        assert topic == "observation"
        self.see = callback

    def manipulate(
        self, instruction: str, until: str = "", on_feedback: Any = None
    ) -> Future[Manipulate.Result]:
        self.said.append((instruction, until))
        if on_feedback is not None:
            on_feedback(Manipulate.Feedback(stage="planner", understood="grab the red box"))
        future: Future[Manipulate.Result] = Future()
        if not self.endless:
            words = "It is out of reach." if self.code else ""
            future.set_result(
                Manipulate.Result(task_id="t", error_code=int(self.code), error_msg=words)
            )
        if until == "capture":
            seen = RgbdObservation(*see_boxes(), K, T_WORLD_CAMERA)
            self.see(observation_to_msg(seen, Header(frame_id="camera"), "t", "world"))
        return future


def served(commander: StandInCommander, may_move: bool, work: Any) -> Any:
    """What ``work`` gets of a client of the tools."""

    async def main() -> Any:
        server = new_server(RobotTools(commander, "geometric"), may_move)  # type: ignore[arg-type]
        async with Client(server) as client:
            return await work(client)

    return anyio.run(main)


@pytest.mark.parametrize("may_move", [False, True])
def test_the_robot_moves_only_where_it_may(may_move: bool) -> None:
    commander = StandInCommander()

    async def work(client: Client) -> tuple[set[str], Any]:
        names = {tool.name for tool in (await client.list_tools()).tools}
        return names, await client.call_tool("say", {"instruction": "pick up the red box"})

    names, said = served(commander, may_move, work)
    if not may_move:
        assert names == HARMLESS
        assert said.is_error
        assert commander.said == []
        return
    assert names == {*HARMLESS, "say"}
    assert said.structured_content["code"] == "NONE"
    assert commander.said == [("pick up the red box", "")]


def test_it_looks_and_plans_and_stops() -> None:
    commander = StandInCommander()

    async def work(client: Client) -> list[Any]:
        return [
            await client.call_tool("look", {}),
            await client.call_tool("understand", {"sentence": "do not touch the red box"}),
            await client.call_tool("plan", {"instruction": "pick up the red box"}),
            await client.call_tool("stop", {}),
        ]

    look, understood, planned, stopped = served(commander, False, work)
    text, image = look.content
    assert "red" in text.text
    assert "blue" in text.text
    assert image.mime_type == "image/png"
    assert understood.structured_content["refusal"] is not None
    assert planned.structured_content["code"] == stopped.structured_content["code"] == "NONE"
    assert [until for _, until in commander.said] == ["capture", "refiner", ""]
    assert commander.said[-1][0] == "stop"


def test_a_refusal_is_told() -> None:
    commander = StandInCommander()
    commander.code = ErrorCode.UNREACHABLE

    async def work(client: Client) -> list[Any]:
        return [
            await client.call_tool("plan", {"instruction": "pick up the red box"}),
            await client.call_tool("look", {}),
        ]

    planned, look = served(commander, False, work)
    assert planned.structured_content["code"] == "UNREACHABLE"
    assert planned.structured_content["message"] == "It is out of reach."
    assert look.is_error
    assert "It is out of reach." in look.content[0].text


def test_who_does_not_wait_any_more_stops_the_robot() -> None:
    commander = StandInCommander()
    commander.endless = True

    async def work(client: Client) -> None:
        with anyio.move_on_after(1.0):
            await client.call_tool("say", {"instruction": "pick up the red box"})

    served(commander, True, work)
    assert commander.said[-1] == ("stop", "")


def test_the_command_serves_on_its_standard_streams(domain_id: int) -> None:
    async def main() -> Any:
        command = StdioServerParameters(
            command=sys.executable,
            args=["-m", "unihm.cli.main", "mcp", "--preset", "geometric"],
            env={**os.environ, "ROS_DOMAIN_ID": str(domain_id)},
        )
        async with Client(command) as client:
            tools = await client.list_tools()
            said = await client.call_tool("understand", {"sentence": "pick up the red mug"})
            return {tool.name for tool in tools.tools}, said

    names, said = anyio.run(main)
    assert names == HARMLESS
    assert said.structured_content["steps"][0]["action"] == "grab"
