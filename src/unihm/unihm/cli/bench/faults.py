"""Let a robot of mocks, as processes, have every fault of a table, one after the other.

For each: how long until it was noticed and until the arm rested, how the goal ended, whether
anything illegal was sent to the drivers, whether every goal was answered, and whether the next one
works once the fault is mended.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from unihm.ros.drill import FaultOutcome


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--hand", default="xhand", help="that is mounted (default: %(default)s)")
    parser.add_argument(
        "--only", action="append", metavar="NAME", help="faults with this in their name; repeatable"
    )
    parser.add_argument(
        "--two-hosts",
        action="store_true",
        help="the drivers on a second host, a network namespace (as root): faults of the network",
    )
    parser.add_argument("--domain", type=int, default=101, help="DDS domain (default: %(default)s)")
    parser.add_argument("--logs", type=Path, default=Path("out/faults"), help="logs of the nodes")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")


def run(args: argparse.Namespace) -> int:
    """Print a line a fault; the exit status is 1 where anything was lost or illegal."""
    from contextlib import ExitStack

    from tqdm import tqdm

    from unihm.errors import ErrorCode, UnihmError
    from unihm.ros.drill import FAULTS, NETWORK_FAULTS, Drill, RobotProcesses, TwoHosts
    from unihm.ros.roster import MOCKS

    print(f"{'fault':<38}noticed resting command  the goal ended with")
    table = NETWORK_FAULTS if args.two_hosts else FAULTS
    wanted = [
        fault for fault in table if not args.only or any(word in fault.name for word in args.only)
    ]
    outcomes: list[FaultOutcome] = []
    with ExitStack() as stack:
        network = stack.enter_context(TwoHosts()) if args.two_hosts else None
        elsewhere = dict.fromkeys(MOCKS, network.other) if network else {}
        robot = stack.enter_context(
            RobotProcesses(args.logs, args.hand, args.domain, network=elsewhere)
        )
        drill = Drill(robot, args.hand, args.domain, network=network)
        try:
            drill.settle()
            for fault in (bar := tqdm(wanted, unit="fault")):
                bar.set_description(fault.name)
                try:
                    outcomes.append(drill.run(fault))
                except UnihmError as error:
                    if error.code != ErrorCode.MISSING_DEPENDENCY:
                        raise
                    tqdm.write(f"{fault.name:<38}skipped: {error.message}")
                    drill.settle()
                    continue
                tqdm.write(_line(outcomes[-1]))
                if args.json:
                    args.json.parent.mkdir(parents=True, exist_ok=True)
                    args.json.write_text(json.dumps(figures(outcomes), indent=1) + "\n")
        finally:
            drill.close()
    summary = figures(outcomes)
    print(
        f"{len(outcomes)} faults, {summary['illegal_commands']} illegal commands, "
        f"{summary['unanswered_goals']} goals without an answer; the next goal works after "
        f"{summary['next_goal_works']}."
    )
    failed = summary["illegal_commands"] or summary["unanswered_goals"]
    return 1 if failed or summary["next_goal_works"] < len(outcomes) else 0


def figures(outcomes: Sequence[FaultOutcome]) -> dict[str, Any]:
    """What ``--json`` writes."""
    return {
        "faults": len(outcomes),
        "illegal_commands": sum(len(outcome.illegal_commands) for outcome in outcomes),
        "unanswered_goals": sum(outcome.unanswered_goals for outcome in outcomes),
        "next_goal_works": sum(outcome.next_goal_works for outcome in outcomes),
        "noticed_after_s": {outcome.fault: outcome.noticed_after for outcome in outcomes},
        "outcomes": [dataclasses.asdict(outcome) for outcome in outcomes],
    }


def _line(outcome: FaultOutcome) -> str:
    def seconds(value: float | None) -> str:
        return "   -  " if value is None else f"{value:5.2f}s"

    marks = [
        f"{len(outcome.illegal_commands)} illegal" if outcome.illegal_commands else "",
        f"{outcome.unanswered_goals} unanswered" if outcome.unanswered_goals else "",
        "" if outcome.next_goal_works else f"next goal: {outcome.next_reaction}",
    ]
    return (
        f"{outcome.fault:<38}{seconds(outcome.noticed_after)} {seconds(outcome.resting_after)} "
        f"{seconds(outcome.commanded_after)}  "
        f"{outcome.reaction[:60]:<60} {'; '.join(filter(None, marks))}"
    )
