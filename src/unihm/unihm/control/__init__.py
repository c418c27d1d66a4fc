"""From a hand motion to what the drivers are sent: IK, timing, grip, safety, verdict."""

from unihm.control.config import ControlConfig
from unihm.control.execution import ExecutionPlan, plan_execution, plan_move
from unihm.control.reverse import put_back
from unihm.control.safety import SafetyGate
from unihm.control.verification import JointSample, Verdict, VerificationConfig, verify_lift

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
    "verify_lift",
]
