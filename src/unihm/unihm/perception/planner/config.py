"""Settings of the planner."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from unihm.config import Interval, NotNegative, Positive, settings
from unihm.perception.scene import WorkspaceConfig


@settings()
class PlannerConfig:
    """How the planner looks and moves.

    Attributes:
        backend: ``cliport``, or ``geometric`` (no weights).
        weights: preset whose CLIPort is used.
        reach: nearest and farthest distance from the arm's base, metres, of an object's centre.
        lift: metres that an object is raised.
        clearance: metres between a carried object and whatever it passes over.
        push_distance: metres.
        workspace: where objects may be.
    """

    backend: Literal["geometric", "cliport"] = "geometric"
    weights: str = "tiny"
    reach: Interval = (0.25, 0.78)
    lift: Positive = 0.15
    clearance: NotNegative = 0.04
    push_distance: Positive = 0.10
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)
