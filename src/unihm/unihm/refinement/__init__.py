"""Make a hand motion physically plausible against a point cloud (section 3.4 and B.3)."""

from unihm.geometry import estimate_normals
from unihm.refinement.config import RefinementConfig
from unihm.refinement.refine import refine, refine_batch, warm_up
from unihm.refinement.report import RefinementReport
from unihm.refinement.surface import check_cloud
from unihm.refinement.terms import Prior, State, Term, register_term

__all__ = [
    "Prior",
    "RefinementConfig",
    "RefinementReport",
    "State",
    "Term",
    "check_cloud",
    "estimate_normals",
    "refine",
    "refine_batch",
    "register_term",
    "warm_up",
]
