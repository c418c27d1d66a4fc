"""What the nodes share; the only package beside ``nodes`` that imports ROS.

``Commander`` sends instructions to a running graph, ``Graph`` is a whole one in this process.
"""

from typing import Any

__all__ = ["Commander", "Graph"]


def __getattr__(name: str) -> Any:
    """Import on demand: the graph brings every message, a commander needs few."""
    if name == "Commander":
        from unihm.ros.commander import Commander

        return Commander
    if name == "Graph":
        from unihm.ros.graph import Graph

        return Graph
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
