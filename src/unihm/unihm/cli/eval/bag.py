"""Plan the tasks of recordings again, without ROS, and compare every stage with the recorded one.

Any recording will do: rosbag2 (MCAP or SQLite) or ROS 1. To one of a camera alone say sentences
with --say; they are planned from its first whole pair of images. With several presets each is
compared with the first too. Two runs give the same bits.

Example: unihm eval bag out/demo/bags/* --json out/eval.json --html out/eval
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from unihm.learning.datasets.recorded_tasks import RecordedTask


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm eval bag``."""
    parser.add_argument("bags", nargs="+", type=Path, metavar="FILE", help="recordings")
    parser.add_argument("--preset", nargs="+", default=["tiny"], help="files in config/presets")
    parser.add_argument("--json", type=Path, help="write tasks, stages and differences here")
    parser.add_argument("--html", type=Path, help="folder for a page with pictures")
    parser.add_argument("--workers", type=int, help="processes (default: all cores)")
    camera = parser.add_argument_group("recordings of a camera")
    camera.add_argument("--say", nargs="+", default=[], metavar="SENTENCE", help="what to plan")
    camera.add_argument("--hand", default="xhand", help="that waits at home (default: xhand)")
    camera.add_argument("--rgb", default="", help="topic of the colour images")
    camera.add_argument("--depth", default="", help="topic of the depth images")
    camera.add_argument("--info", default="", help="topic of the colour camera's camera_info")
    camera.add_argument(
        "--camera-pose",
        nargs=7,
        type=float,
        metavar=("X", "Y", "Z", "QX", "QY", "QZ", "QW"),
        help="of the optical frame in the world, where the recording does not say",
    )


def run(args: argparse.Namespace) -> int:
    """Evaluate; 0 where every task that was planned then is planned now."""
    import json

    from unihm.errors import ErrorCode, UnihmError
    from unihm.evaluation.bags import evaluate
    from unihm.visualization.bag_report import write_report

    started = time.perf_counter()
    tasks = [task for path in args.bags for task in _tasks(args, path)]
    if not tasks:
        raise UnihmError(
            ErrorCode.INVALID_BAG,
            "No task was recorded; say what to plan from the images: --say 'pick up the red box'.",
        )
    report = evaluate(tasks, args.preset, args.html, args.workers)
    worse = 0
    for task in report["tasks"]:
        print(f"{task['task']}: “{task['instruction']}”, {task['hand']}")
        for preset, end in task["planned"].items():
            then = task["recorded"]
            worse += bool(end["message"]) and then is not None and not then["message"]
            print(f"  {preset:<10} {end['message'] or 'planned'}")
        if task["recorded"] is not None:
            print(f"  {'recorded':<10} {task['recorded']['message'] or 'planned'}")
    for row in report["differences"]:
        values = {k: v for k, v in row.items() if k not in ("task", "stage", "of", "to")}
        words = ", ".join(f"{name} {value}" for name, value in values.items())
        print(f"  {row['task']} {row['stage']}: {row['of']} to {row['to']}: {words}")
    if args.json:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n")
    if args.html:
        print(f"Page  {write_report(args.html, report)}")
    print(f"{len(tasks)} tasks in {time.perf_counter() - started:.1f} s")
    return 1 if worse else 0


def _tasks(args: argparse.Namespace, path: Path) -> list[RecordedTask]:
    """The tasks of one recording, or the sentences that are said to it."""
    from unihm.learning.datasets.bag import installed_types
    from unihm.learning.datasets.recorded_tasks import (
        CameraTopics,
        RecordedTask,
        first_observation,
        read_tasks,
    )
    from unihm.transforms import from_pose7
    from unihm.types import Task

    types = installed_types()
    if not args.say:
        tasks, notes = read_tasks(path, types)
        for note in notes:
            print(f"{path}: {note}")
        return tasks
    pose = None if args.camera_pose is None else from_pose7(args.camera_pose)
    topics = CameraTopics(args.rgb, args.depth, args.info)
    observation = first_observation(path, topics, pose, types)
    return [
        RecordedTask(path.name, Task(f"say-{number + 1}", sentence, args.hand), observation)
        for number, sentence in enumerate(args.say)
    ]
