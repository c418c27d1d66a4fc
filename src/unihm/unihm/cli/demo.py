"""Say the sentences of a scene to the simulated robot, one after the other, and show what it did.

All nodes of the graph run in this process, over ROS 2, against a simulated robot and camera in
real time. The second sentence is carried out with the other hand. Left behind: a picture strip,
a film and a bag of every topic for each sentence.

Example: unihm demo --out out/demo
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unihm.cli._options import ros_missing

if TYPE_CHECKING:
    from unihm.ros.ground_truth import GroundTruthRecorder
    from unihm.sim.scene import Scene
    from unihm.sim.tasks import TaskOutcome
    from unihm.visualization.pictures import Picture, Story

FPS = 10.0
STILL = (960, 720, 0.6)  # pixels, rad: twice what the strip shows, which makes edges smooth
AFTER = 1.5  # s of simulated time after a task, in which an object that is not held falls


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm demo``."""
    parser.add_argument("--scene", default="table", help="a name in config/scenes, or a path")
    parser.add_argument(
        "--hands",
        nargs="+",
        default=["xhand", "inspire"],
        help="taken in turn, sentence by sentence",
    )
    parser.add_argument("--out", type=Path, default=Path("out/demo"), help="folder to write into")
    parser.add_argument("--no-film", action="store_true", help="leave the film out (it takes time)")


def run(args: argparse.Namespace) -> int:
    """Run the demo; 0 where every sentence was carried out."""
    from unihm.errors import ErrorCode, UnihmError
    from unihm.sim.scene import load_scene

    scene = load_scene(args.scene)
    if not scene.instructions:
        raise UnihmError(
            ErrorCode.INVALID_SCENE, f"The scene {args.scene} has no 'instructions' to say."
        )
    try:
        from rclpy.logging import LoggingSeverity, set_logger_level

        from unihm.ros.recorder import open_bag
        from unihm.visualization.pictures import picture_strip, write_picture, write_video
    except ImportError as error:
        raise ros_missing(error) from error
    bags = args.out / "bags"
    shutil.rmtree(bags, ignore_errors=True)
    args.out.mkdir(parents=True, exist_ok=True)
    stories: list[Story] = []
    frames: list[Picture] = []
    done = 0
    # What goes wrong is in the result; the nodes' greetings would bury the table.
    set_logger_level("unihm", LoggingSeverity.WARN)
    for number, instruction in enumerate(scene.instructions):
        hand = args.hands[number % len(args.hands)]
        print(f"\n[{number + 1}/{len(scene.instructions)}] {hand}: “{instruction}”")
        # Every run has a simulation of its own, whose clock begins at 0: a bag of its own too.
        with open_bag(bags / str(number + 1)) as bag:
            truth, success, outcome = _perform(scene, args.scene, instruction, hand, bag)
        done += success
        story, film = _tell(truth, scene, instruction, hand, success, outcome, args.no_film)
        stories += story
        frames += film
    if stories:
        print(f"\nPicture  {write_picture(args.out / 'strip.png', picture_strip(stories))}")
    if frames:
        print(f"Film     {write_video(args.out / 'film.mp4', frames, FPS)}")
    print(f"Bags     {bags}, one a sentence")
    print(f"{done} of {len(scene.instructions)} done.")
    return 0 if done == len(scene.instructions) else 1


def _perform(
    scene: Scene, scene_name: str, instruction: str, hand: str, bag: Any
) -> tuple[GroundTruthRecorder, bool, str]:
    """One sentence on a fresh graph; returns what happened, whether it succeeded, and why."""
    from unihm.cli.say import ProgressLine
    from unihm.ros.graph import Graph
    from unihm.ros.ground_truth import GroundTruthRecorder
    from unihm.ros.recorder import RecorderNode

    started = time.perf_counter()
    print("  loading the nodes ...", end="", flush=True)
    with Graph(hand=hand, scene=scene_name) as graph:
        truth = graph.add(GroundTruthRecorder, scene)
        graph.add(RecorderNode, bag)
        graph.commander.wait_until_ready()
        print(f" ready after {time.perf_counter() - started:.1f} s")
        graph.commander.manipulate(instruction)
        result = ProgressLine().follow(graph.commander)
        end = truth.track.times[-1] + AFTER if truth.track.times else 0.0
        while truth.track.times and truth.track.times[-1] < end:
            time.sleep(0.05)
    if result.error_code:
        success, words = False, result.error_msg
    else:
        verdict = _judge(truth, scene, instruction)
        success, words = verdict.success, verdict.reason or _praise(verdict)
    _print_table(result, words)
    return truth, success, words


def _judge(truth: GroundTruthRecorder, scene: Scene, instruction: str) -> TaskOutcome:
    """What the simulator says, outside the graph."""
    from unihm.perception.language import Action, understand
    from unihm.sim.tasks import judge_close, judge_grab, judge_open, judge_place

    target, container = _objects_meant(scene, instruction)
    (step, *_) = understand(instruction).accepted()
    if step.action is Action.CLOSE:
        return judge_close(truth.track, scene, target)
    if step.action is Action.OPEN:
        halfway = "half" in " ".join(step.manner)
        return judge_open(truth.track, scene, target, *((0.2, 0.75) if halfway else ()))
    if container:
        return judge_place(truth.track, scene, target, "in", container)
    return judge_grab(truth.track, target)


def _objects_meant(scene: Scene, instruction: str) -> tuple[str, str]:
    """The object of a scene's own sentence, and what it is to be put into (or nothing)."""
    from unihm.errors import ErrorCode, UnihmError
    from unihm.evaluation.opening_scenes import OPENS

    words = instruction.lower()
    named = [obj for obj in scene.objects if obj.name.split()[-1] in words]
    exact = [obj for obj in named if obj.name in words]
    opens = [
        obj
        for obj in scene.objects
        if obj.opens and any(part in words for part in OPENS[obj.mechanism.works_like])
    ]
    meant = exact or named or opens
    if not meant:
        raise UnihmError(
            ErrorCode.INVALID_SCENE,
            f"'{instruction}' names no object of the scene {scene.name} as the scene calls it.",
        )
    target = meant[0].name
    containers = [obj.name for obj in named if obj.fixed and obj.name != target]
    return target, containers[0] if containers else ""


def _praise(verdict: TaskOutcome) -> str:
    if "opening" in verdict.measurements:
        return f"{100 * verdict.measurements['opening']:.0f} % open"
    rise = verdict.measurements.get("rise")
    return "placed" if rise is None else f"held {100 * rise:.0f} cm up"


def _print_table(result: Any, words: str) -> None:
    """Seconds of every stage, and how it ended."""
    from unihm.ros.progress import STEPS

    measured = {m.name: m for m in result.measurements}
    print(f"  {'stage':<14}{'seconds':>9}")
    for stage in STEPS:
        if f"{stage}/duration" in measured:
            print(f"  {stage:<14}{measured[f'{stage}/duration'].value:9.3f}")
    for name, measurement in measured.items():
        if not name.endswith("/duration"):
            print(f"  {name:<30}{measurement.value:9.3f} {measurement.unit}")
    tries = f", {result.attempts} tries" if result.attempts > 1 else ""
    print(f"  outcome: {words}{tries}")


def _tell(
    truth: GroundTruthRecorder,
    scene: Scene,
    instruction: str,
    hand: str,
    success: bool,
    outcome: str,
    no_film: bool,
) -> tuple[list[Story], list[Picture]]:
    """The row of the strip and the part of the film; empty where nothing was planned."""
    import numpy as np
    from tqdm import tqdm

    from unihm.sim.world import World
    from unihm.visualization.pictures import Story, caption
    from unihm.visualization.video import close_up, half_length, orbit, render_video, show

    if not truth.saw_a_plan or not truth.recording.moments:
        return [], []
    world = World(scene, hand)
    motion, recording = truth.motion, truth.recording
    target, _ = _objects_meant(scene, instruction)
    if scene.object(target).opens:
        openings = np.array([opening[target] for opening in truth.track.openings])
        moved = np.flatnonzero(np.abs(openings - openings[0]) > 0.03)
    else:
        moved = np.flatnonzero(truth.track.rise(target) > 0.005)
    moving = truth.track.times[moved[0]] if len(moved) else np.inf
    show(world, recording.at(moving))
    view = close_up(motion.trajectory.T_world_object[0][:3, 3])
    grasp_view = world.render_view(view, *STILL)
    show(world, recording.moments[-1])
    result_view = world.render_view(half_length(world.object_poses()[target][:3, 3]), *STILL)
    story = Story(
        instruction,
        hand,
        truth.observation,
        motion.trajectory,
        truth.cloud,
        motion,
        grasp_view,
        result_view,
        success,
        outcome,
    )

    def frames() -> Iterator[Picture]:
        total = int(recording.duration * FPS) + 1
        pictures = render_video(world, recording, orbit, fps=FPS)
        for seconds, image in tqdm(
            pictures, total=total, desc="  filming", file=sys.stdout, leave=False, disable=None
        ):
            yield caption(image, f"“{instruction}”", f"{hand}   {seconds:4.1f} s")

    return [story], [] if no_film else list(frames())
