"""Start the graph as processes: how soon is it ready, how old are images, how steady the commands?

Against the mocks of arm, hand and camera, with five goals, the last of which is carried out. With
`--one-process` only the camera's mock is a process, and perception is one other. On a machine that
does something else the figures are that machine's, not the graph's; the load at the start stands
beside them.

Example: unihm bench transport --scale 2 --rate 30 --json out/transport.json
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from pathlib import Path

from unihm.cli._options import count

READY = 15.0  # s


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--hand", default="xhand", help="that is mounted (default: %(default)s)")
    parser.add_argument(
        "--one-process", action="store_true", help="capture, planner, segmentation in one process"
    )
    parser.add_argument(
        "--scale", type=count, default=2, help="images of 320 x 240 times this (default: 2)"
    )
    parser.add_argument("--rate", type=float, default=30.0, help="images per second (default: 30)")
    parser.add_argument("--seconds", type=float, default=20.0, help="to look (default: 20)")
    parser.add_argument("--domain", type=int, default=101, help="DDS domain (default: %(default)s)")
    parser.add_argument("--logs", type=Path, default=Path("out/transport"), help="nodes' logs")
    parser.add_argument("--json", type=Path, metavar="F", help="write the figures there")


def run(args: argparse.Namespace) -> int:
    """Print them; the exit status is 1 where the graph was not ready in time or lost images."""
    from unihm.files import write_json
    from unihm.ros.transport import measure_one_process, measure_transport

    load = os.getloadavg()[0]
    camera = args.domain, args.scale, args.rate, args.seconds
    if args.one_process:
        figures = measure_one_process(args.logs, *camera)
    else:
        figures = measure_transport(args.logs, args.hand, *camera)
    ready = max(figures.ready.values(), default=0.0)
    for name, seconds in sorted(figures.ready.items(), key=lambda item: item[1]):
        print(f"{name:<20}{seconds:7.1f} s")
    if figures.ready:
        print(f"ready after {ready:.1f} s (bar: {READY:.0f} s)")
    print(f"load at the start {load:.1f}")
    for what, value in figures.camera.items():
        print(f"{what:<28}{value:9.1f}")
    print(f"{'age at the planner, ms':<28}{figures.observation_age:9.1f}")
    for topic, steady in figures.commands.items():
        print(
            f"{topic:<40}{steady.count:6} intervals: median {steady.median:.1f}, 99 % "
            f"{steady.p99:.1f}, largest {steady.largest:.1f} ms"
        )
    print(f"the last goal: {figures.outcome or 'reached'}")
    if args.json:
        write_json(args.json, {"load": load, "ready_s": ready, **dataclasses.asdict(figures)})
        print(f"Written to {args.json}.")
    return 1 if ready > READY or figures.camera["pairs_per_second"] < 0.98 * args.rate else 0
