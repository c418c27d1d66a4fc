"""Make many grasps of an object, judge them, and write them with a picture.

The object stands on the table before the robot, as it lies in its file (z up, metres). Writes
OUT.npz with a row for each grasp, the best first, and OUT.png with pictures of the first ones;
docs/grasps.md says what is in them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "object", type=Path, help=".ply .pcd .xyz .csv .npy .npz or a mesh: z up, metres"
    )
    parser.add_argument("--hand", default="xhand", help="hand file (default xhand)")
    parser.add_argument(
        "--text",
        default="pick up the object",
        help='the sentence, e.g. "take the mug by the handle"',
    )
    parser.add_argument("--n", type=count, default=8, help="how many are made (default 8)")
    parser.add_argument(
        "--method",
        choices=("views", "masked", "contact"),
        default=None,
        help="what makes them: the generator's answers to views, the masked transformer, or the "
        "contact-aware autoencoder (default: as the preset says)",
    )
    parser.add_argument(
        "--edit",
        metavar="TEXT",
        help='of the masked transformer: sample once more what this names, "move only the thumb"',
    )
    parser.add_argument("--preset", default="tiny", help="configuration and weights")
    parser.add_argument(
        "--at",
        type=float,
        nargs=2,
        default=(0.5, 0.0),
        metavar=("X", "Y"),
        help="where it stands, metres from the arm's base (default 0.5 0)",
    )
    parser.add_argument("--out", type=Path, default=Path("out/grasps"), help="without extension")


def run(args: argparse.Namespace) -> int:
    """Make, print, write; 1 where none can be carried out."""
    from dataclasses import asdict, replace

    import numpy as np

    from unihm.errors import UnihmError
    from unihm.files import write_arrays
    from unihm.generator import Generator
    from unihm.grasps import GraspChooser, stand
    from unihm.grasps.masked_transformer import named_parts
    from unihm.learning.datasets.motion_file import read_cloud
    from unihm.perception.language import understand
    from unihm.pipeline import wrist_at_home
    from unihm.robots import load_hand
    from unihm.robots.arm import load_arm
    from unihm.types import Task
    from unihm.visualization.grasps import draw_grasps
    from unihm.visualization.pictures import write_picture

    understand(args.text).one_step()  # a sentence that asks for nothing has no manner
    hand = load_hand(args.hand)
    trajectory, cloud = stand(read_cloud(args.object), args.at)
    generator = Generator.load(args.preset)
    chooser = GraspChooser.load(args.preset, generator, load_arm(), args.method)
    chooser.config = replace(chooser.config, candidates=args.n)
    task = Task("", args.text, hand.name)
    if args.edit:
        found = chooser.edited(task, trajectory, cloud, named_parts(args.edit))
    else:
        found = chooser.candidates(task, trajectory, cloud, hand.open_joints, wrist_at_home(hand))
    reached = []
    print(f"{'cost':>6} {'reach':>5} {'fingers':>7} {'force N':>7} {'inside mm':>9}  view")
    for candidate in found:
        try:
            chooser.reach(candidate)
            reached.append(True)
        except UnihmError:
            reached.append(False)
        m = candidate.measures
        print(
            f"{candidate.measures.cost:6.2f} {'yes' if reached[-1] else 'no':>5} {m.fingers:7d} "
            f"{m.force:7.1f} {1e3 * m.penetration:9.1f}  {candidate.view.words}"
        )
    rows = [asdict(candidate.measures) for candidate in found]
    write_arrays(
        args.out.with_suffix(".npz"),
        {
            "points": cloud.points,
            "normals": cloud.normals,
            "T_world_object": trajectory.T_world_object,
            "phase": trajectory.phase,
            "T_object_wrist": np.array([candidate.motion.T_object_wrist for candidate in found]),
            "joints": np.array([candidate.motion.joints for candidate in found]),
            "view": np.array([candidate.view.words for candidate in found], str),
            "cost": np.array([candidate.measures.cost for candidate in found]),
            "reached": np.array(reached, bool),
            **{name: np.array([row[name] for row in rows]) for name in (rows[0] if rows else ())},
        },
    )
    if found:
        write_picture(args.out.with_suffix(".png"), draw_grasps(cloud, found, reached))
    print(f"{len(found)} grasps, {sum(reached)} within the arm's reach: {args.out}.npz, .png")
    return 0 if any(reached) else 1
