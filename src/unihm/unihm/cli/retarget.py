"""Retarget human keypoints to a hand: recordings, or a ROS topic live.

Each npz with keypoints (T, 21, 3) gives OUT/HAND/NAME.npz with T_world_wrist, joints and the
fingertips' error. All cores work; interrupt it and run the same command again to go on.

With --topic (geometry_msgs/PoseArray of 21 poses, needs ROS 2) every message is answered on
/unihm/retarget/joints (sensor_msgs/JointState) and /unihm/retarget/wrist (PoseStamped).
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count, ros_missing


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("files", nargs="*", type=Path, help="npz files, or folders of them")
    parser.add_argument("--hand", required=True, help="name of a hand, or its file")
    parser.add_argument("--topic", help="keypoints to follow live, instead of files")
    parser.add_argument("--out", type=Path, default=Path("out/retarget"), help="where results go")
    parser.add_argument("--key", help="name of the array, where a file has several")
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument("--workers", type=count, help="processes (default: one per core)")
    parser.add_argument("--dask", metavar="ADDRESS", help="use this Dask cluster instead")


def run(args: argparse.Namespace) -> int:
    """Retarget files with a progress bar, or a topic until interrupted."""
    if args.topic:
        return _follow(args)
    from tqdm import tqdm

    from unihm.config import load_section
    from unihm.errors import ErrorCode, UnihmError
    from unihm.retargeting.recordings import retarget_recordings
    from unihm.retargeting.retargeter import RetargetingConfig

    config = load_section(args.preset, "retargeting", RetargetingConfig)
    files = [
        file
        for path in args.files
        for file in (sorted(path.rglob("*.npz")) if path.is_dir() else [path])
    ]
    if not files:
        raise UnihmError(ErrorCode.INVALID_KEYPOINTS, "There is no npz file in what was given.")
    outcomes = []
    with tqdm(total=len(files), unit="file", disable=len(files) == 1) as bar:
        for outcome in retarget_recordings(
            files, args.hand, args.out, config, args.key, args.workers, args.dask
        ):
            outcomes.append(outcome)
            bar.update(len({o.source for o in outcomes}) - bar.n)
            if outcome.error:
                bar.write(f"{outcome.source}: {outcome.error}")
            elif len(files) == 1 and not outcome.skipped:
                print(
                    f"{outcome.output}: {outcome.frames} frames, "
                    f"fingertips {outcome.tip_error_mm:.1f} mm from their targets"
                )
    failed = sum(bool(outcome.error) for outcome in outcomes)
    kept = sum(outcome.skipped for outcome in outcomes)
    print(f"{len(outcomes) - failed - kept} motions written, {kept} kept, {failed} failed.")
    return 1 if failed else 0


def _follow(args: argparse.Namespace) -> int:
    try:
        from unihm.nodes.retargeter import run_live
    except ImportError as error:
        raise ros_missing(error) from error
    run_live(args.hand, args.topic, args.preset)
    return 0
