"""Refine a hand motion against an object's point cloud, and draw before against after.

Writes the refined motion, its report (JSON) and a plot (PNG) beside the motion, or where --out
says. docs/refinement.md describes the files.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("motion", type=Path, help="motion or episode file (.npz)")
    parser.add_argument(
        "--cloud", type=Path, required=True, help=".ply .pcd .xyz .csv .npy .npz or a mesh, metres"
    )
    parser.add_argument("--hand", help="which hand, where the file does not say")
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument("--out", type=Path, help="refined motion (default: MOTION_refined.npz)")


def run(args: argparse.Namespace) -> None:
    """Refine, write and print."""
    from unihm.config import load_section
    from unihm.files import write_json
    from unihm.learning.datasets.motion_file import read_cloud, read_motion, write_motion
    from unihm.refinement import RefinementConfig, refine
    from unihm.robots import load_hand
    from unihm.visualization.refinement import plot_refinement

    motion, cloud = read_motion(args.motion, args.hand), read_cloud(args.cloud)
    hand = load_hand(motion.hand)
    config = load_section(args.preset, "refinement", RefinementConfig)
    refined, report = refine(motion, cloud, config, hand)
    out = args.out or args.motion.with_name(f"{args.motion.stem}_refined.npz")
    write_motion(out, refined)
    write_json(out.with_suffix(".json"), report.to_dict())
    plot_refinement(out.with_suffix(".png"), motion, refined, cloud, report, hand)

    before, after = report.before, report.after
    print(f"{'':26}{'before':>10}{'after':>10}")
    for name, unit, scale in (
        ("penetration_max", "mm", 1e3),
        ("penetration_mean", "mm", 1e3),
        ("velocity_max", "rad/s", 1.0),
        ("acceleration_max", "rad/s²", 1.0),
        ("jerk_max", "rad/s³", 1.0),
        ("limit_margin", "rad", 1.0),
        ("total_energy", "", 1.0),
    ):
        label = f"{name.replace('_', ' ')} {unit}".strip()
        values = (scale * getattr(measures, name) for measures in (before, after))
        print(f"{label:26}" + "".join(f"{value:10.2f}" for value in values))
    for finger in after.contact_distance:
        values = (1e3 * m.contact_distance[finger] for m in (before, after))
        note = "" if finger in report.fingers else "   (out of reach)"
        print(f"{finger + ' to surface mm':26}" + "".join(f"{v:10.2f}" for v in values) + note)
    if report.grasp is not None:
        print(f"Holding {config.mass:.2g} kg takes {report.grasp.normal_force:.1f} N of grip.")
    print(f"{report.frames} frames in {1e3 * report.seconds:.0f} ms: {out}")
