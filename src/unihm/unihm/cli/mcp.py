"""Let a language model's client look, plan and, where allowed, act: a server of the MCP.

It speaks the Model Context Protocol on its standard input and output, and commands the graph that
runs. Enter it in the client's list of servers as

    {"mcpServers": {"unihm": {"command": "unihm", "args": ["mcp"]}}}

The tools are look, understand, plan and stop; with --allow-motion also say, which moves the robot.
Everything goes through the same gate as other people's sentences.
"""

from __future__ import annotations

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--allow-motion", action="store_true", help="offer say: the robot moves")
    parser.add_argument("--namespace", default="unihm", help="that the graph runs in")
    parser.add_argument("--preset", default="tiny", help="whose reader and planner look")


def run(args: argparse.Namespace) -> int:
    """Serve until the client ends."""
    from unihm.errors import ErrorCode, UnihmError
    from unihm.ros.commander import Commander

    try:
        from unihm.ros.tools import RobotTools, new_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("mcp", "anyio"):
            raise
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY,
            "The Model Context Protocol needs the package mcp: pip install 'mcp>=2,<3'.",
        ) from None
    with Commander(args.namespace, "mcp") as commander:
        new_server(RobotTools(commander, args.preset), args.allow_motion).run("stdio")
    return 0
