"""Measure grasps by MaskDexGrasp's protocol, and whether they are as the words ask for.

On complete clouds of meshes (`--meshes FOLDER`, metres, z up) or of unseen procedural shapes: all
candidates of the chooser are made, the first `--n` tried floating in the air under gravity from six
sides. A success is stable from one side at least (moves by less than 2 cm in 1 s) and no deeper
than 5 mm in the object; `success` is that of the candidate that would be carried out. Q1 is the
radius of the largest ball of wrenches that contacts (links within 1 cm) resist, friction 0.8,
torques at 3 cm; entropies are those of the joint angles in 100 bins, in nats.

For the manner, unseen objects with named parts are asked for in eight manners each, and what is
chosen is lifted from the table by a hand without an arm; the words are compared with the contacts
and the direction that were measured. `manner_shuffled` is the share of the other seven manners
that the same grasps obey.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from unihm.cli._options import config_of, count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--meshes", type=Path, default=None, help="folder of meshes, or one mesh")
    parser.add_argument(
        "--objects", type=count, default=27, help="unseen procedural objects, without --meshes"
    )
    parser.add_argument(
        "--asked", type=int, default=30, help="objects asked for in words; 0: none (default 30)"
    )
    parser.add_argument("--n", type=count, default=8, help="candidates tried of each (default 8)")
    parser.add_argument("--seed", type=int, default=0, help="series of objects (default 0)")
    parser.add_argument(
        "--hands", nargs="+", default=["xhand", "inspire", "allegro"], help="hand files"
    )
    parser.add_argument(
        "--method",
        choices=("views", "masked", "contact"),
        default=None,
        help="what makes the candidates (default: as the preset says)",
    )
    parser.add_argument("--preset", default="tiny", help="configuration and weights")
    parser.add_argument("--json", type=Path, default=None, help="write the results here")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import numpy as np
    from tqdm import tqdm

    from unihm.evaluation.grasps.benchmark import grasp_object, summarise_hand, summarise_manner
    from unihm.evaluation.grasps.manner import as_rows, ask
    from unihm.evaluation.grasps.objects import mesh_objects, part_objects, unseen_objects
    from unihm.files import write_json
    from unihm.generator import Generator
    from unihm.grasps import GraspChooser
    from unihm.robots import load_hand
    from unihm.robots.arm import load_arm

    for hand in args.hands:
        load_hand(hand)
    if args.meshes:
        items = mesh_objects(args.meshes)
    else:
        items = unseen_objects(args.objects, args.seed)
    generator = Generator.load(args.preset)
    chooser = GraspChooser.load(args.preset, generator, load_arm(), args.method)
    chooser.warm_up()
    hands: dict[str, Any] = {}
    rows: dict[str, Any] = {}
    for hand in args.hands:
        rows[hand] = [grasp_object(chooser, i, hand, args.n) for i in tqdm(items, desc=hand)]
        hands[hand] = summarise_hand(hand, rows[hand])
        print(_line(hand, hands[hand]), flush=True)
    asked = []
    for number, item in enumerate(tqdm(part_objects(args.asked, args.seed), desc="in words")):
        asked += ask(chooser, item, args.hands[number % len(args.hands)])
    summary: dict[str, Any] = {
        key: round(float(np.mean([figures[key] for figures in hands.values()])), 4)
        for key in ("success", "q1", "penetration_mm", "entropy_mean", "ms_20_candidates")
    }
    summary |= summarise_manner(asked)
    summary |= {
        "hands": hands,
        "objects": rows,
        "asked": as_rows(asked),
        "config": config_of(args),
    }
    print(_manner(summary))
    if args.json:
        write_json(args.json, summary)
        print(f"Written to {args.json}.")
    return 0


def _line(hand: str, f: dict[str, Any]) -> str:
    low, high = f["success_95"]
    return (
        f"{hand}: success {f['success']:.1%} ({low:.0%} to {high:.0%}) of {f['objects']} objects, "
        f"{f['refused']} without a candidate; all six sides {f['stable_all_sides']:.1%}; "
        f"Q1 {f['q1']:.3f}; penetration {f['penetration_mm']:.1f} mm\n"
        f"  all {f['candidates']} candidates: success {f['candidates_success']:.1%}, "
        f"Q1 {f['candidates_q1']:.3f}, penetration {f['candidates_penetration_mm']:.1f} mm, "
        f"entropy {f.get('entropy_mean', 0.0):.2f} +- {f.get('entropy_std', 0.0):.2f}; "
        f"{f['ms_20_candidates']:.0f} ms for 20"
    )


def _manner(f: dict[str, Any]) -> str:
    low, high = f["manner_obeyed_95"]
    lines = [
        f"asked in words: {f['manner_asked']}, refused {f['manner_refused']}, lifted "
        f"{f['manner_lifted']}; of these obeyed {f['manner_obeyed']:.1%} ({low:.0%} to {high:.0%}),"
        f" shuffled words {f['manner_shuffled']:.1%}"
    ]
    for words, row in f["by_words"].items():
        lines.append(
            f"  {words:20s} asked {row['asked']:3d}  refused {row['refused']:3d}  "
            f"lifted {row['lifted']:3d}  obeyed {row['obeyed']:3d}"
        )
    return "\n".join(lines)
