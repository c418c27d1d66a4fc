"""Human keypoints to the joints of any hand (section B.1)."""

from unihm.retargeting.retargeter import (
    Retargeter,
    RetargetingConfig,
    RetargetResult,
    retarget,
)

__all__ = ["RetargetResult", "Retargeter", "RetargetingConfig", "retarget"]
