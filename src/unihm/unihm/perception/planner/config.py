"""Settings of the planner."""

from __future__ import annotations

from dataclasses import field
from typing import Annotated

from pydantic import AfterValidator

from unihm.config import Interval, NotNegative, Positive, settings
from unihm.perception.backends import known
from unihm.perception.scene import WorkspaceConfig
from unihm.perception.segmentation.backends import PREDICTORS

SCORERS = {"cliport": "unihm.perception.planner.cliport:CliportScorers"}


@settings()
class PlannerConfig:
    """How the planner looks and moves.

    Attributes:
        backend: ``cliport``, ``geometric`` (no weights) or ``module:Class`` of one's own, see
            :class:`unihm.perception.planner.selection.ScorerBackend`.
        candidates: who parts clusters that are several objects: ``geometric`` (nobody),
            ``pointsam`` or ``module:Class``, see :mod:`unihm.perception.segmentation.backends`.
        weights: preset whose networks are used.
        reach: nearest and farthest distance from the arm's base, metres, of an object's centre.
        lift: metres that an object is raised.
        clearance: metres between a carried object and whatever it passes over.
        push_distance: metres.
        workspace: where objects may be.
    """

    backend: Annotated[str, AfterValidator(known(SCORERS))] = "geometric"
    candidates: Annotated[str, AfterValidator(known(PREDICTORS))] = "geometric"
    weights: str = "tiny"
    reach: Interval = (0.25, 0.78)
    lift: Positive = 0.15
    clearance: NotNegative = 0.04
    push_distance: Positive = 0.10
    workspace: WorkspaceConfig = field(default_factory=WorkspaceConfig)
