"""Say many instructions in a row to a robot of mocks, as processes: is one stuck, does memory grow?

The memory of a node after a tenth of the goals, when it has done everything once, is compared with
that at the end.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

WARM = 0.1  # share of the goals after which memory is first looked at


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--goals", type=int, default=1000, help="how many (default: %(default)s)")
    parser.add_argument("--hand", default="xhand", help="that is mounted (default: %(default)s)")
    parser.add_argument(
        "--say",
        action="append",
        metavar="SENTENCE",
        help="what is said, in turns; repeatable (default: pick up the red box)",
    )
    parser.add_argument("--domain", type=int, default=101, help="DDS domain (default: %(default)s)")
    parser.add_argument("--logs", type=Path, default=Path("out/soak"), help="logs of the nodes")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")


def run(args: argparse.Namespace) -> int:
    """Print how the goals ended; the exit status is 1 where one is stuck or memory grew by 5 %."""
    from collections import Counter

    from tqdm import tqdm

    from unihm.ros.drill import Drill, RobotProcesses

    sentences = args.say or ["pick up the red box"]
    reactions: Counter[str] = Counter()
    with RobotProcesses(args.logs, args.hand, args.domain) as robot:
        drill = Drill(robot, args.hand, args.domain)
        try:
            drill.settle()
            first = robot.memory()
            for number in tqdm(range(args.goals), unit="goal"):
                reactions[drill.say(sentences[number % len(sentences)])] += 1
                if number + 1 == max(1, round(WARM * args.goals)):
                    first = robot.memory()
            last = robot.memory()
        finally:
            drill.close()
        violations = drill.witness.violations
    growth = {name: last[name] / first[name] - 1.0 for name in last}
    worst = max(growth, key=lambda name: growth[name])
    for reaction, count in reactions.most_common():
        print(f"{count:>6}  {reaction}")
    print(
        f"{reactions['no answer']} of {args.goals} stuck, {len(violations)} illegal commands; "
        f"memory grew by {100 * growth[worst]:.1f} % at most ({worst}, {last[worst]:.0f} MB)."
    )
    illegal = [f"{violation.topic}: {violation.reason}" for violation in violations]
    print(*illegal, sep="\n", end="\n" if illegal else "")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        figures = {
            "goals": args.goals,
            "reactions": dict(reactions),
            "illegal_commands": len(illegal),
            "violations": illegal,
            "memory_mb": last,
            "memory_growth": growth,
        }
        args.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if reactions["no answer"] or violations or growth[worst] > 0.05 else 0
