"""Say what stands on a recorded table and which of it a sentence means; nothing moves.

``unihm look frame.npz "the red mug"`` takes a frame (npz with rgb, depth in metres, K and, if it is
known, T_world_camera); without a pose the table in the picture is the floor of a world frame of
its own. ``unihm look color.png --depth depth.png --camera camera.yaml "..."`` takes images: depth
in millimetres, and the camera's matrix ``K``, nine numbers by rows. The answer is drawn on the
picture.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("picture", type=Path, help="npz, or a colour image with --depth, --camera")
    parser.add_argument(
        "sentence", nargs="?", default="", help='"the red mug", or a whole instruction'
    )
    parser.add_argument("--depth", type=Path, help="16-bit PNG, millimetres")
    parser.add_argument("--camera", type=Path, help="YAML with K")
    parser.add_argument("--preset", default="tiny", help="whose planner (default: %(default)s)")
    parser.add_argument(
        "-o", "--out", type=Path, default=Path("out/look.png"), help="(default: %(default)s)"
    )


def run(args: argparse.Namespace) -> int:
    """Print what is seen and meant and draw it; 1 where the sentence is refused."""
    from PIL import Image

    from unihm.files import writing
    from unihm.perception.camera.frame_file import read_frame
    from unihm.perception.planner import Planner, PlanningError
    from unihm.perception.scene.leveling import level
    from unihm.visualization.overlays import draw_objects

    observation, posed = read_frame(args.picture, args.depth, args.camera)
    planner = Planner.load(args.preset)
    if not posed:
        observation = level(observation, planner.config.workspace)
    scene, chosen, answer, sure = None, None, "", ""
    if args.sentence:
        try:
            reading = planner.read(observation, args.sentence)
            scene, chosen = reading.scene, reading.selection.target
            if reading.selection.confidence is not None:
                sure = f" ({100 * reading.selection.confidence:.0f} % sure)"
        except PlanningError as error:
            scene, answer = error.scene, f"{error.message} [{error.code.name}]"
    scene = scene or planner.see(observation)
    print(f"{len(scene.objects)} objects:")
    for number, thing in enumerate(scene.objects, start=1):
        x, y, z = thing.center
        sides = " x ".join(f"{100 * side:.0f}" for side in thing.extents)
        print(f"  {number}. {thing.words}, {sides} cm, at ({x:.2f}, {y:.2f}, {z:.2f}) m")
        if thing is chosen:
            answer = f"'{args.sentence}' means {number}, the {thing.words}{sure}."
    if answer:
        print(answer)
    with writing(args.out) as file:
        Image.fromarray(draw_objects(observation.rgb, scene, chosen)).save(file, format="png")
    print(f"wrote {args.out}")
    return 1 if args.sentence and chosen is None else 0
