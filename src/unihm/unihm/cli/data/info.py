"""Count what a folder of episodes holds: tasks, hands, objects, frames."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, help="folder of episodes, searched deeply")
    parser.add_argument("--split", default="all", choices=("all", "train", "validation"))
    parser.add_argument("--seed", type=int, default=0, help="of the split (default 0)")


def run(args: argparse.Namespace) -> None:
    """Read every episode, which checks it too."""
    from collections import Counter

    from tqdm import tqdm

    from unihm.errors import UnihmError
    from unihm.learning.datasets.episode import Episode, load_dataset

    dataset = load_dataset(args.folder, args.split, args.seed)
    bad = 0
    tasks: Counter[str] = Counter()
    hands: Counter[str] = Counter()
    sources: Counter[str] = Counter()
    objects, frames = set(), 0
    for path in tqdm(dataset.paths, unit="episode", leave=False):
        try:
            episode = Episode.load(path)
        except UnihmError as error:
            bad += 1
            tqdm.write(error.message)
            continue
        tasks[episode.trajectory.kind.name.lower()] += 1
        hands.update(episode.motions.keys())
        sources[episode.source] += 1
        objects.add(episode.object_id)
        frames += len(episode.trajectory)
    skipped = f", {bad} files that are no episodes" if bad else ""
    print(f"{len(dataset) - bad} episodes, {len(objects)} objects, {frames} frames{skipped}")
    for name, counts in (("sources", sources), ("tasks", tasks), ("hands", hands)):
        print(f"  {name}: " + ", ".join(f"{key} {count}" for key, count in counts.most_common()))
