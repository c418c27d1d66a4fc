"""Point-SAM: masks from clicks on a point cloud."""

from unihm.perception.segmentation.pointsam.config import PointSamConfig
from unihm.perception.segmentation.pointsam.model import PointSam
from unihm.perception.segmentation.pointsam.predictor import ClickMask, PointSamPredictor

__all__ = ["ClickMask", "PointSam", "PointSamConfig", "PointSamPredictor"]
