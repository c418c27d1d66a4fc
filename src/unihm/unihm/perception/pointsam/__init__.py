"""Point-SAM: masks from clicks on a point cloud."""

from unihm.perception.pointsam.config import PointSamConfig
from unihm.perception.pointsam.model import PointSam
from unihm.perception.pointsam.predictor import ClickMask, PointSamPredictor

__all__ = ["ClickMask", "PointSam", "PointSamConfig", "PointSamPredictor"]
