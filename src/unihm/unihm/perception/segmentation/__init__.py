"""Stage: the target's whole surface from one view (eq. 8)."""

from unihm.perception.segmentation.clicks import Click
from unihm.perception.segmentation.segmenter import Segmentation, Segmenter, SegmenterConfig

__all__ = ["Click", "Segmentation", "Segmenter", "SegmenterConfig"]
