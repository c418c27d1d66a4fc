"""From a hand motion to what the drivers are sent: IK, timing, grip, safety, verdict."""

from typing import TYPE_CHECKING

from unihm.lazy import offers

if TYPE_CHECKING:
    from unihm.control.config import ControlConfig
    from unihm.control.execution import ExecutionPlan, plan_execution, plan_move
    from unihm.control.reverse import put_back
    from unihm.control.safety import SafetyGate
    from unihm.control.verification import JointSample, Verdict, VerificationConfig, verify

__all__ = [
    "ControlConfig",
    "ExecutionPlan",
    "JointSample",
    "SafetyGate",
    "Verdict",
    "VerificationConfig",
    "plan_execution",
    "plan_move",
    "put_back",
    "verify",
]

__getattr__, __dir__ = offers(
    __name__,
    {
        "config": ("ControlConfig",),
        "execution": ("ExecutionPlan", "plan_execution", "plan_move"),
        "reverse": ("put_back",),
        "safety": ("SafetyGate",),
        "verification": ("JointSample", "Verdict", "VerificationConfig", "verify"),
    },
)
