"""Stage: instruction and image to the trajectory of the named object (eq. 7)."""

from unihm.perception.planner.config import PlannerConfig
from unihm.perception.planner.planner import Plan, Planner, PlanningError, Reading
from unihm.perception.planner.selection import (
    GeometricScorer,
    ReferenceScorer,
    ScorerBackend,
    Selection,
)

__all__ = [
    "GeometricScorer",
    "Plan",
    "Planner",
    "PlannerConfig",
    "PlanningError",
    "Reading",
    "ReferenceScorer",
    "ScorerBackend",
    "Selection",
]
