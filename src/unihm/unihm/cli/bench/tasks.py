"""Count how often a sentence is carried out, task by task, on shapes seen in training and others.

N episodes a task: random scenes, half of them with shapes that no training has seen, or the objects
of a scene file in turn. The camera, the pipeline, the controllers and the verdict are those of the
real robot; the simulator's truth only judges. With --disturb the target is moved by 5 cm while the
arm is on its way, the camera is 1 cm and 2 degrees elsewhere than the robot believes, or the target
is slippery (friction 0.4) or heavy (0.6 kg); what is bolted down is neither. Printed beside the
rates: 95 % intervals (Wilson), where tries failed, and how often the robot's own verdict was right.
"False successes" are failures that it took for a success.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unihm.cli._options import add_simulator, config_of, count

if TYPE_CHECKING:
    from unihm.evaluation.assignments import Assignment
    from unihm.evaluation.tasks import TaskEpisode
    from unihm.visualization.video import SceneRecording


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--task", default="all", help="one of the tasks (default all)")
    parser.add_argument("--episodes", type=count, default=20, help="of each task (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="series of scenes (default 0)")
    parser.add_argument("--scene", default=None, help="scene file instead of random scenes")
    parser.add_argument("--hand", default="xhand", help="hand file (default xhand)")
    add_simulator(parser)
    parser.add_argument("--preset", default="tiny", help="configuration and weights")
    parser.add_argument("--retries", type=int, choices=(0, 1), default=1, help="further tries")
    parser.add_argument(
        "--disturb",
        nargs="?",
        const="all",
        default="",
        metavar="NAME",
        help="moved, camera, slippery or heavy; without a name all of them in turn",
    )
    parser.add_argument(
        "--film", type=Path, default=None, metavar="FOLDER", help="write films of what failed there"
    )
    parser.add_argument("--json", type=Path, default=None, help="write the results here")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    from tqdm import tqdm

    from unihm.config import load_section
    from unihm.control.config import ControlConfig
    from unihm.control.verification import VerificationConfig
    from unihm.errors import ErrorCode, UnihmError
    from unihm.evaluation.assignments import TASKS, assignments
    from unihm.evaluation.disturbances import DISTURBANCES
    from unihm.evaluation.tasks import TaskBenchmark, table
    from unihm.files import write_json
    from unihm.pipeline import Pipeline
    from unihm.sim.mujoco_world import ENGINES
    from unihm.visualization.video import SceneRecording

    if args.task not in ("all", *TASKS):
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"There is no task '{args.task}'; use all, {', '.join(TASKS)}.",
        )
    if args.disturb not in ("", "all", *DISTURBANCES):
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"There is no disturbance '{args.disturb}'; use {', '.join(DISTURBANCES)}, or none.",
        )
    benchmark = TaskBenchmark(
        Pipeline.from_pretrained(args.preset),
        args.hand,
        args.retries,
        control=load_section(args.preset, "control", ControlConfig),
        verification=load_section(args.preset, "verification", VerificationConfig),
        world=ENGINES[args.simulator],
    )
    episodes = []
    for task in list(TASKS) if args.task == "all" else [args.task]:
        planned = assignments(task, args.episodes, args.seed, args.scene, unseen=True)
        with tqdm(planned, total=args.episodes, desc=task, unit="episode") as bar:
            for number, assignment in enumerate(bar):
                loose = not assignment.scene.object(assignment.target).stands_fast
                possible = [n for n, kind in DISTURBANCES.items() if loose or not kind.needs_loose]
                names = [name for name in possible if args.disturb in ("all", name)] or [""]
                recording = SceneRecording()
                record = recording.sample if args.film else lambda world: None
                episode = benchmark.run(assignment, names[number // 2 % len(names)], record)
                episodes.append(episode)
                if args.film and not episode.attempts[-1].success:
                    bar.write(
                        f"Film     {_film(args.film, assignment, episode, recording, args.hand)}"
                    )
                mine = [e.attempts[-1].success for e in episodes if e.task == task]
                bar.set_postfix_str(f"{sum(mine)} of {len(mine)} done")
    result = {**table(episodes), "config": config_of(args)}
    print(_report(result, args.hand))
    if args.json:
        write_json(args.json, result)
        print(f"Written to {args.json}.")
    return 0


def _film(
    folder: Path,
    assignment: Assignment,
    episode: TaskEpisode,
    recording: SceneRecording,
    hand: str,
) -> Path:
    """What a person would have seen of an episode, with what was asked and why it failed."""
    from unihm.evaluation.tasks import TRACKED
    from unihm.sim.world import World
    from unihm.visualization.pictures import caption, write_video
    from unihm.visualization.video import orbit, render_video

    last = episode.attempts[-1]
    frames = (
        caption(image, f"“{assignment.instruction}”", f"{last.stage}   {seconds:4.1f} s")
        for seconds, image in render_video(
            World(assignment.scene, hand), recording, orbit, fps=TRACKED
        )
    )
    return write_video(folder / f"{assignment.task}_{assignment.seed}.mp4", frames, TRACKED)


def _report(result: dict[str, Any], hand: str) -> str:
    """The figures as lines for people."""
    lines = [f"{hand:17s} first try            with second try      failures in the end"]
    for task, groups in result["tasks"].items():
        for group in ("seen", "unseen"):
            if group not in groups:
                continue
            rates = groups[group]
            first = _rate(rates["success_rate_first_try"], rates["interval_95_first_try"])
            final = _rate(rates["success_rate"], rates["interval_95"])
            lines.append(
                f"  {task:5s} {group:6s} {rates['episodes']:3d} {first}   {final}   {_words(rates)}"
            )
    if result["disturbed"]:
        lines.append("disturbed")
    for name, rates in result["disturbed"].items():
        first = _rate(rates["success_rate_first_try"], rates["interval_95_first_try"])
        final = _rate(rates["success_rate"], rates["interval_95"])
        lines.append(f"  {name:12s} {rates['episodes']:3d} {first}   {final}   {_words(rates)}")
    lines.append("the robot's own verdict")
    for name, own in [
        *((task, groups["verifier"]) for task, groups in result["tasks"].items()),
        ("all", result["verifier"]),
    ]:
        lines.append(
            f"  {name:5s} right in {own['agreement']:.0%} of {own['judged']}; "
            f"{own['false_successes']} of {own['failed']} failures taken for a success, "
            f"{own['false_failures']} successes for a failure"
        )
    return "\n".join(lines)


def _words(rates: dict[str, Any]) -> str:
    failures = sorted(rates["failures"].items(), key=lambda item: -item[1])
    return ", ".join(f"{number} {stage}" for stage, number in failures) or "none"


def _rate(rate: float, interval: tuple[float, float]) -> str:
    low, high = interval
    return f"{rate:4.0%} ({low:3.0%} to {high:4.0%})"
