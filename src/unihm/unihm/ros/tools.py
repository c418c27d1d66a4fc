"""What a language model's client may ask of a running graph: tools of the Model Context Protocol.

The package ``mcp`` is optional: ``pip install 'mcp>=2,<3'``.
"""

from __future__ import annotations

import io
import threading
import time
from collections import deque
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, Image
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from PIL import Image as Picture
from unihm_msgs.action import Manipulate
from unihm_msgs.msg import RgbdObservation

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import LanguageReader, describe
from unihm.perception.planner import Planner
from unihm.ros.commander import PLANNED, Commander
from unihm.ros.conversions import observation_from_msg
from unihm.ros.qos import RELIABLE
from unihm.version import __version__
from unihm.visualization.overlays import draw_objects

_ANY = "pick up the object"  # any request will do for a task that ends with its image
_LATE = 5.0  # s that an image may come behind the end of its task
_POLL = 0.1  # s

INSTRUCTIONS = """A robot arm with a hand before a table. Ask `look` what stands there before you \
name a thing, and `plan` whether it can be done. One sentence asks for one thing, such as "pick up \
the red mug" or "put the banana on the plate". Where the answer's code is not NONE, its message \
says what went wrong; nothing but that may be assumed."""
READ_ONLY = " You cannot move the robot: its owner has not allowed it (unihm mcp --allow-motion)."


class RobotTools:
    """The tools, each a method; its docstring is what the client reads.

    Args:
        commander: of the graph.
        preset: whose reader and planner say what is understood and what is seen.
    """

    def __init__(self, commander: Commander, preset: str = "tiny") -> None:
        self._commander, self._preset = commander, preset
        self._reader = LanguageReader.load(preset)
        self._planner: Planner | None = None
        self._looking = threading.Lock()
        self._seen: RgbdObservation | None = None
        commander.node.create_subscription(
            RgbdObservation, "observation", self._on_observation, RELIABLE
        )

    def understand(self, sentence: str) -> dict[str, Any]:
        """Say what a sentence would be understood as, or why it would be refused. Nothing moves."""
        command = self._reader.understand(sentence)
        return {"meaning": describe(command), **command.to_json()}

    def look(self) -> list[str | Image]:
        """See what stands on the table: each object in words, and the picture. Nothing moves."""
        with self._looking:
            result = self._commander.manipulate(_ANY, until="capture").result()
            if result.error_code:
                raise ToolError(result.error_msg)
            try:
                observation = observation_from_msg(self._observation(result.task_id))
                self._planner = self._planner or Planner.load(self._preset)
                scene = self._planner.see(observation)
            except UnihmError as error:
                raise ToolError(error.message) from error
        lines = [
            f"{number}. {thing.words}, at ({', '.join(f'{x:.2f}' for x in thing.center)}) m"
            for number, thing in enumerate(scene.objects, start=1)
        ]
        file = io.BytesIO()
        Picture.fromarray(draw_objects(observation.rgb, scene)).save(file, format="png")
        return ["\n".join(lines) or "No object is seen.", Image(data=file.getvalue(), format="png")]

    def plan(self, instruction: str) -> dict[str, Any]:
        """Plan what a sentence asks for, from the image to the hand's motion. Nothing moves."""
        return _told(self._commander.manipulate(instruction, until=PLANNED).result())

    def stop(self) -> dict[str, Any]:
        """Stop whatever the robot does; it goes on holding what it holds."""
        return _told(self._commander.manipulate("stop").result())

    async def say(self, instruction: str, ctx: Context) -> dict[str, Any]:
        """Have the robot do what a sentence asks for, and wait for the end. THE ROBOT MOVES.

        It ends what the robot does at the moment. Cancelling the request stops the robot.
        """
        heard: deque[Manipulate.Feedback] = deque(maxlen=1)
        future = self._commander.manipulate(instruction, on_feedback=heard.append)
        try:
            while not future.done():
                await anyio.sleep(_POLL)
                if heard:
                    feedback = heard.pop()
                    words = f"{feedback.understood} ({feedback.stage})"
                    await ctx.report_progress(feedback.progress, 1.0, words)
        finally:
            if not future.done():  # nobody waits for it any more; the last goal may be another's
                self._commander.manipulate("stop")
        return _told(future.result())

    def _on_observation(self, observation: RgbdObservation) -> None:
        self._seen = observation

    def _observation(self, task_id: str) -> RgbdObservation:
        end = time.monotonic() + _LATE
        while (seen := self._seen) is None or seen.task_id != task_id:
            if time.monotonic() > end:
                raise UnihmError(ErrorCode.CAMERA_TIMEOUT, "The task's image did not come.")
            time.sleep(0.02)
        return seen


def new_server(tools: RobotTools, may_move: bool) -> MCPServer:
    """A server of the tools, to be run; without ``may_move`` there is none that moves the robot."""
    server = MCPServer(
        "unihm",
        instructions=INSTRUCTIONS + ("" if may_move else READ_ONLY),
        version=__version__,
        log_level="WARNING",
    )
    harmless = ToolAnnotations(read_only_hint=True)
    server.add_tool(tools.look, annotations=harmless, structured_output=False)
    for tool in (tools.understand, tools.plan):
        server.add_tool(tool, annotations=harmless)
    server.add_tool(tools.stop, annotations=ToolAnnotations(destructive_hint=False))
    if may_move:
        moving = ToolAnnotations(read_only_hint=False, destructive_hint=True)
        server.add_tool(tools.say, annotations=moving)
    return server


def _told(result: Manipulate.Result) -> dict[str, Any]:
    return {
        "code": ErrorCode(result.error_code).name,
        "message": result.error_msg,
        "measurements": {m.name: round(m.value, 4) for m in result.measurements},
    }
