"""Train CLIPort, the planner, on rendered tables, or fine-tune it on recorded episodes.

Interrupt it with Ctrl-C and run the same command again: it goes on from the last checkpoint.
Fine-tuning on your own scenes: `--episodes DIR --init tiny --weights DIR`; then point
UNIHM_WEIGHTS_DIR at what was written, or copy it over the preset's own weights.
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument("--scenes", type=int, help="tables to render (default: the preset's)")
    parser.add_argument(
        "--kind-steps", type=int, help="batches that teach kinds of things (default: the preset's)"
    )
    parser.add_argument("--steps", type=int, help="batches to train (default: the preset's)")
    parser.add_argument("--seed", type=int, help="of everything (default: the preset's)")
    parser.add_argument("--no-depth", action="store_true", help="the variant that sees no depth")
    parser.add_argument(
        "--episodes", type=Path, help="train on these recorded episodes (a folder of .npz)"
    )
    parser.add_argument("--init", help="start from the weights of this preset")
    parser.add_argument(
        "--work", type=Path, help="tables, checkpoint and log (default: out/train/cliport-PRESET)"
    )
    parser.add_argument("--weights", type=Path, help="result (default: the preset's own weights)")


def run(args: argparse.Namespace) -> None:
    """Train, then write the weights and a table of the held-out figures."""
    import dataclasses

    from unihm.config import load_section, overridden
    from unihm.learning.training.cliport import train_planner
    from unihm.learning.training.cliport_episodes import load_tables
    from unihm.paths import weights_dir
    from unihm.perception.planner.cliport import CliportConfig
    from unihm.weights import read_state, save_weights

    config = load_section(args.preset, "cliport", CliportConfig)
    training = overridden(
        config.training,
        scenes=args.scenes,
        kind_steps=args.kind_steps,
        steps=args.steps,
        seed=args.seed,
    )
    config = dataclasses.replace(
        config, training=training, depth=config.depth and not args.no_depth
    )
    work = args.work or Path(f"out/train/cliport-{args.preset}")
    samples = load_tables(args.episodes, config) if args.episodes else None
    start = read_state(weights_dir(args.init) / "cliport.safetensors") if args.init else None
    model, figures = train_planner(config, work, samples, start)
    options = [f"--steps {training.steps} --seed {training.seed}"]
    options += [] if args.init else [f"--kind-steps {training.kind_steps}"]
    options += [f"--episodes {args.episodes.name}"] if args.episodes else []
    options += [] if args.episodes else [f"--scenes {training.scenes}"]
    options += [f"--init {args.init}"] if args.init else []
    options += ["--no-depth"] if args.no_depth else []
    command = f"unihm train planner --preset {args.preset} {' '.join(options)}"
    path = (args.weights or weights_dir(args.preset)) / "cliport.safetensors"
    save_weights(path, model, {"command": command, "depth": config.depth, **figures})
    print(f"{path}: {figures['tables']} tables, {figures['held_out_tables']} held out")
    for name, value in figures["held_out"].items():
        print(f"  {name:24s} {value}")
