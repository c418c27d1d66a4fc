"""The fault drill: the graph and a mock robot as processes, and what happens when they fail."""

from unihm.ros.drill.drill import Drill, FaultOutcome
from unihm.ros.drill.network import TwoHosts
from unihm.ros.drill.observer import CommandObserver
from unihm.ros.drill.processes import RobotProcesses
from unihm.ros.drill.table import FAULTS, NETWORK_FAULTS, Fault

__all__ = [
    "FAULTS",
    "NETWORK_FAULTS",
    "CommandObserver",
    "Drill",
    "Fault",
    "FaultOutcome",
    "RobotProcesses",
    "TwoHosts",
]
