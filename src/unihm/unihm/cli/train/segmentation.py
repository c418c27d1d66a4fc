"""Train Point-SAM on rendered heaps of procedural objects.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument("--scenes", type=int, help="scenes to render (default: the preset's)")
    parser.add_argument("--steps", type=int, help="batches to train (default: the preset's)")
    parser.add_argument("--seed", type=int, help="of everything (default: the preset's)")
    parser.add_argument(
        "--work", type=Path, help="scenes, checkpoint and log (default: out/train/pointsam-PRESET)"
    )
    parser.add_argument("--weights", type=Path, help="result (default: the preset's own weights)")


def run(args: argparse.Namespace) -> None:
    """Render, train, then write the weights."""
    import dataclasses

    from unihm.config import load_section, overridden
    from unihm.learning.training.pointsam import train_segmentation
    from unihm.paths import weights_dir
    from unihm.perception.segmentation.pointsam import PointSamConfig
    from unihm.weights import save_weights

    config = load_section(args.preset, "pointsam", PointSamConfig)
    training = overridden(config.training, scenes=args.scenes, steps=args.steps, seed=args.seed)
    config = dataclasses.replace(config, training=training)
    work = args.work or Path(f"out/train/pointsam-{args.preset}")
    model, figures = train_segmentation(config, work)
    command = (
        f"unihm train segmentation --preset {args.preset} --scenes {training.scenes} "
        f"--steps {training.steps} --seed {training.seed}"
    )
    path = (args.weights or weights_dir(args.preset)) / "pointsam.safetensors"
    save_weights(path, model, {"command": command, **figures})
    print(f"{path}: {figures['held_out']}")
