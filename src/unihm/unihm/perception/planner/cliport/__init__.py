"""CLIPort: where to pick and where to place, as maps over the table seen from above."""

from unihm.perception.planner.cliport.config import CliportConfig, PlannerTraining
from unihm.perception.planner.cliport.heightmap import Heightmap, make_heightmap
from unihm.perception.planner.cliport.predictor import Affordances, CliportPredictor, PickMap
from unihm.perception.planner.cliport.scorer import (
    AffordanceScorer,
    CliportScorers,
    PickAffordance,
)

__all__ = [
    "AffordanceScorer",
    "Affordances",
    "CliportConfig",
    "CliportPredictor",
    "CliportScorers",
    "Heightmap",
    "PickAffordance",
    "PickMap",
    "PlannerTraining",
    "make_heightmap",
]
