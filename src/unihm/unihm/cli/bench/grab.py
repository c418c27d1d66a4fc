"""Count how often a sentence about one of three objects ends with that object in the air.

N random scenes of three objects (or the objects of a scene file in turn), each with a sentence in
varied words. The camera, the pipeline, the controllers and the check of the lift are those of the
real robot; the simulator's truth only judges: the named object at least 10 cm up, still 1 s later,
nothing else lifted. The rate is printed with and without a second try, with its 95 % interval.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unihm.cli._options import add_simulator, config_of, count


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--episodes", type=count, default=20, help="how many (default 20)")
    parser.add_argument("--seed", type=int, default=0, help="series of scenes (default 0)")
    parser.add_argument("--scene", default=None, help="scene file instead of random scenes")
    parser.add_argument("--hand", default="xhand", help="hand file (default xhand)")
    add_simulator(parser)
    parser.add_argument("--preset", default="tiny", help="configuration and weights")
    parser.add_argument(
        "--tokens",
        choices=("learned", "random"),
        default="learned",
        help="random: replace the generator's tokens, to show what it contributes",
    )
    parser.add_argument("--retries", type=int, choices=(0, 1), default=1, help="further tries")
    parser.add_argument(
        "--refiner",
        choices=("on", "paper", "off"),
        default="on",
        help="paper: as its formulas are printed (preset paper); off: the decoded motion as it is",
    )
    parser.add_argument(
        "--mistakes",
        type=float,
        default=0.0,
        metavar="SIZE",
        help="spoil the generated motion; 1: 6 mm, 0.04 rad, joints 0.06 rad (default 0)",
    )
    parser.add_argument("--json", type=Path, default=None, help="write the results here")


def run(args: argparse.Namespace) -> int:
    """Run the command."""
    import numpy as np
    from tqdm import tqdm

    from unihm.config import load_section
    from unihm.control.config import ControlConfig
    from unihm.control.verification import VerificationConfig
    from unihm.evaluation.ablation import Ablation
    from unihm.evaluation.assignments import assignments
    from unihm.evaluation.tasks import TaskBenchmark, summarise
    from unihm.files import write_json
    from unihm.pipeline import Pipeline
    from unihm.refinement import RefinementConfig
    from unihm.robots import load_hand
    from unihm.sim.mujoco_world import ENGINES

    pipeline = Pipeline.from_pretrained(args.preset)
    ablation = Ablation(
        load_hand(args.hand),
        pipeline.tokenizer,
        random_tokens=args.tokens == "random",
        mistakes=args.mistakes,
        mistakes_rng=np.random.default_rng(args.seed),
    )
    if args.refiner == "off":
        pipeline.refinement = None
    elif args.refiner == "paper":
        pipeline.refinement = load_section("paper", "refinement", RefinementConfig)
    benchmark = TaskBenchmark(
        pipeline,
        args.hand,
        args.retries,
        ablation.hook,
        load_section(args.preset, "control", ControlConfig),
        load_section(args.preset, "verification", VerificationConfig),
        ENGINES[args.simulator],
    )
    episodes = []
    planned = assignments("grab", args.episodes, args.seed, args.scene)
    with tqdm(planned, total=args.episodes, desc="episodes", unit="episode") as bar:
        for assignment in bar:
            episodes.append(benchmark.run(assignment))
            good = sum(episode.attempts[-1].success for episode in episodes)
            bar.set_postfix_str(f"{good} of {len(episodes)} lifted")
    summary = {**summarise(episodes), "config": config_of(args)}
    print(_report(summary, args))
    if args.json:
        write_json(args.json, summary)
        print(f"Written to {args.json}.")
    return 0


def _report(summary: dict, args: argparse.Namespace) -> str:
    """The figures as lines for people."""
    low, high = summary["interval_95"]
    low_1, high_1 = summary["interval_95_first_try"]
    lines = [
        f"{args.hand}, {summary['episodes']} episodes in {args.simulator}, {args.tokens} tokens, "
        f"refiner {args.refiner}, mistakes {args.mistakes:g}",
        f"  first try        {summary['success_rate_first_try']:6.1%}  "
        f"(95 % interval {low_1:.0%} to {high_1:.0%})",
    ]
    if args.retries:
        lines.append(
            f"  with second try  {summary['success_rate']:6.1%}  "
            f"(95 % interval {low:.0%} to {high:.0%})"
        )
    for title, key in (("first try", "failures_first_try"), ("in the end", "failures")):
        failures = sorted(summary[key].items(), key=lambda item: -item[1])
        text = ", ".join(f"{count} {stage}" for stage, count in failures) or "none"
        lines.append(f"  failures, {title}: {text}")
    own = summary["verifier"]
    lines.append(
        f"  own judgement of {own['judged']} lifts: {own['false_successes']} wrongly held, "
        f"{own['false_failures']} wrongly failed"
    )
    lines.append("  seconds, warm (median, 95th percentile):")
    for stage, seconds in summary["seconds"].items():
        lines.append(f"    {stage:14s} {seconds['p50']:6.3f} {seconds['p95']:6.3f}")
    return "\n".join(lines)
