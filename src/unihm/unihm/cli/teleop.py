"""Lead the robot by a person's hand, and record LeRobot datasets of it.

Keypoints come on a topic (geometry_msgs/PoseArray of 21 poses, as for `unihm retarget --topic`).
The hand follows the fingers; the arm follows the wrist from where both are when it begins. The node
`follower` keeps every limit: `ros2 launch unihm teleop.launch.py` starts it with the drivers, with
mocks of them by use_mock_hardware:=true, or in the simulation by scene:=table. Ctrl-C ends it, and
the robot rests.

With --record every Enter begins an episode and the next one ends it; it needs the package lerobot.

Example: unihm teleop --hand xhand --topic /keypoints --record out/teleop --task "pick up the box"
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from unihm.cli._options import ros_missing

if TYPE_CHECKING:
    from unihm.learning.datasets.lerobot import DatasetWriter
    from unihm.retargeting.leading import HandLeader
    from unihm.ros.teleop import Keypoints, Teleoperator


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm teleop``."""
    parser.add_argument("--topic", required=True, help="keypoints to follow")
    parser.add_argument("--arm", default="fr3", help="a file in config/robots (default: fr3)")
    parser.add_argument("--hand", default="xhand", help="that is mounted (default: xhand)")
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument("--scale", type=float, default=1.0, help="robot's metres per person's")
    parser.add_argument("--record", type=Path, metavar="FOLDER", help="a new LeRobot dataset")
    parser.add_argument("--task", default="", help="what is done in the episodes, in words")
    parser.add_argument("--rgb", default="", metavar="TOPIC", help="images to record")
    parser.add_argument("--rate", type=float, default=30.0, help="frames per second (default: 30)")
    parser.add_argument("--namespace", default="unihm", help="that the follower runs in")


def run(args: argparse.Namespace) -> int:
    """Lead it until Ctrl-C."""
    from unihm.config import load_section
    from unihm.errors import ErrorCode, UnihmError
    from unihm.learning.datasets.lerobot import DatasetWriter
    from unihm.retargeting.leading import HandLeader
    from unihm.retargeting.retargeter import RetargetingConfig

    try:
        from unihm.ros.teleop import Keypoints, Teleoperator
    except ImportError as error:
        raise ros_missing(error) from error
    if args.record and not args.task:
        raise UnihmError(ErrorCode.INVALID_CONFIG, "--record needs --task: what is done, in words.")
    config = load_section(args.preset, "retargeting", RetargetingConfig)
    with Teleoperator(args.arm, args.hand, args.rgb, args.namespace) as robot:
        leader = HandLeader(robot.arm, robot.hand, config, args.scale)
        keypoints = Keypoints(robot, args.topic)
        robot.wait_until_ready()
        writer = None
        if args.record:
            shape = robot.image().shape if args.rgb else None
            writer = DatasetWriter(args.record, args.task, robot.names, args.rate, shape)
        try:
            _lead(args, robot, leader, keypoints, writer)
        except KeyboardInterrupt:
            print()
        finally:
            if writer is not None:
                writer.close()
                print(f"{writer.episodes} episodes in {args.record}")
    return 0


def _lead(
    args: argparse.Namespace,
    robot: Teleoperator,
    leader: HandLeader,
    keypoints: Keypoints,
    writer: DatasetWriter | None,
) -> None:
    """Follow the keypoints, frame by frame, and write them down between two presses of Enter."""
    import select
    import sys
    import time

    import numpy as np

    from unihm.errors import UnihmError

    measured = robot.joints()
    sent, recording, told = measured, False, ""
    count = len(robot.arm.joint_names)
    next_frame = time.monotonic()
    while True:
        next_frame = max(next_frame + 1.0 / args.rate, time.monotonic())
        try:
            frame = keypoints.newest()
            if frame is None:
                state = "nobody leads"
                leader.reset()
            else:
                here = np.array([sent[name] for name in robot.names])
                q_arm, q_hand = leader.step(frame, here[:count])
                sent = robot.send(dict(zip(robot.names, np.concatenate([q_arm, q_hand]))))
                measured = robot.joints()
                if writer is not None and recording:
                    writer.add(measured, sent, robot.image() if args.rgb else None)
                state = "follows"
        except UnihmError as error:
            state = error.message
        if writer is not None:
            if select.select([sys.stdin], [], [], 0.0)[0] and sys.stdin.readline():
                recording = not recording
                if not recording:
                    writer.end_episode()
            what = "records" if recording else "Enter begins"
            state += f"; {what} episode {writer.episodes + 1}"
        if state != told:
            print(state, flush=True)
            told = state
        time.sleep(max(0.0, next_frame - time.monotonic()))
