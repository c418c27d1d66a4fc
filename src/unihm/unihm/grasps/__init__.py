"""Many grasps of one object, judged before they are tried; the best one is carried out."""

from unihm.grasps.chooser import Candidate, GraspChooser
from unihm.grasps.config import GraspConfig
from unihm.grasps.measures import GraspMeasures
from unihm.grasps.standing import stand
from unihm.grasps.views import GraspView, grasp_views

__all__ = [
    "Candidate",
    "GraspChooser",
    "GraspConfig",
    "GraspMeasures",
    "GraspView",
    "grasp_views",
    "stand",
]
