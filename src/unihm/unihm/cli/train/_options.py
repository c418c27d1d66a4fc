"""What all trainings have in common: their options, and how they end."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from unihm.errors import ErrorCode, UnihmError
from unihm.paths import weights_dir

if TYPE_CHECKING:
    from unihm.learning.datasets.grasp_set import GraspSet

Config = TypeVar("Config")


def add_options(parser: argparse.ArgumentParser, section: str) -> None:
    """Declare them.

    Args:
        parser: of the command.
        section: of the preset, and name of the weights.
    """
    parser.add_argument("--preset", default="tiny", help="configuration (default: tiny)")
    parser.add_argument(
        "--set",
        dest="changes",
        metavar="KEY=VALUE",
        nargs="+",
        action="extend",
        default=[],
        help=f"instead of what the preset says, e.g. {section}.training.seed=1",
    )
    parser.add_argument(
        "--work",
        type=Path,
        help=f"data, checkpoint and log (default: out/train/{section}-PRESET)",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        help="folder of the result (default: out/weights/PRESET, or that of UNIHM_WEIGHTS_DIR)",
    )
    parser.set_defaults(section=section)


def add_grasps(parser: argparse.ArgumentParser) -> None:
    """Declare where the grasps are that a network is trained on."""
    parser.add_argument(
        "--grasps",
        type=Path,
        nargs="+",
        default=[Path("out/grasp_sets")],
        help="folders that `unihm synth grasps` wrote (default: out/grasp_sets)",
    )


def read_grasps(args: argparse.Namespace) -> tuple[list[GraspSet], list[GraspSet]]:
    """All objects of ``--grasps`` by name, to learn from and held out.

    Raises:
        UnihmError: INVALID_EPISODE where a folder has none.
    """
    from unihm.learning.datasets.grasp_set import load_grasps

    sets = [grasps for folder in args.grasps for grasps in load_grasps(folder)]
    sets.sort(key=lambda grasps: grasps.object_id)
    return [s for s in sets if not s.held_out], [s for s in sets if s.held_out]


def read_config(args: argparse.Namespace, cls: type[Config]) -> Config:
    """The preset's section with the changes of ``--set``; raises INVALID_CONFIG."""
    from unihm.config import load_section

    for change in args.changes:
        if not change.startswith(f"{args.section}."):
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"This training reads the section {args.section}, not what '{change}' changes.",
            )
    return load_section(args.preset, args.section, cls, args.changes)


def work_folder(args: argparse.Namespace) -> Path:
    """Where data, checkpoint and log lie."""
    return args.work or Path(f"out/train/{args.section}-{args.preset}")


def result_folder(args: argparse.Namespace) -> Path:
    """Where the weights are written: never over the shipped ones unless told."""
    if args.weights:
        return args.weights
    if "UNIHM_WEIGHTS_DIR" in os.environ:
        return weights_dir(args.preset)
    return Path("out/weights") / args.preset


def commands(args: argparse.Namespace) -> list[str]:
    """What remakes the result: the commands that made the data, if they are known, and this."""
    made, episodes = [], getattr(args, "episodes", None)
    for source in [episodes] if episodes else getattr(args, "grasps", []):
        for name in ("synth.json", "grasps.json", "conversion.json"):
            if (source / name).is_file():
                made.append(json.loads((source / name).read_text())["command"])
    return [*made, args.command]


def tell_figures_of_hands(
    args: argparse.Namespace, figures: Mapping[str, Mapping[str, float]]
) -> None:
    """Print what was written, and its figures on objects that were held out, by hand."""
    print(f"Wrote {result_folder(args) / args.section}.safetensors. On objects that were held out:")
    for hand, row in figures.items():
        print(f"  {hand:10s}", "  ".join(f"{key} {value:.3g}" for key, value in row.items()))
    tell_how_to_use(args)


def tell_how_to_use(args: argparse.Namespace) -> None:
    """Print what makes the result be used, where nothing does yet."""
    if "UNIHM_WEIGHTS_DIR" not in os.environ:
        print(f"To use it: export UNIHM_WEIGHTS_DIR={result_folder(args).parent.resolve()}")


def train_network(
    args: argparse.Namespace,
    cls: type[Config],
    train: Callable[[Config, Path], tuple[Any, dict[str, Any]]],
) -> None:
    """Train a network of perception, then write it and print its figures on held-out data."""
    import dataclasses

    from unihm.weights import save_weights

    config: Any = read_config(args, cls)
    model, figures = train(config, work_folder(args))
    path = result_folder(args) / f"{args.section}.safetensors"
    about = {"commands": commands(args), "config": dataclasses.asdict(config), **figures}
    save_weights(path, model, about, half=True)
    print(f"Wrote {path}. On what was held out:")
    for name, value in figures["held_out"].items():
        print(f"  {name:24s} {value}")
    tell_how_to_use(args)
