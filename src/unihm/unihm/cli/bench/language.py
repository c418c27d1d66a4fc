"""Measure how well sentences are understood, and that no prohibition is carried out.

The sentences are a list with ``id`` and ``text``, and ``expect`` (the signature of the right
command, ``refuse`` or ``stop``) unless a file of annotations has it by id. Where ids are numbers, a
third of them, those whose number leaves 2 when divided by 3, is reported by itself: the rules were
not made with it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--file", type=Path, required=True, metavar="F", help="the sentences")
    parser.add_argument(
        "--annotations",
        type=Path,
        default=Path("tests/perception/language_annotations.yaml"),
        help="what they ask for, by id (default: %(default)s, of the project's folder)",
    )
    parser.add_argument(
        "--prohibitions", type=int, default=1000, help="generated ones (default: %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--preset", default="tiny", help="whose reader (default: %(default)s)")
    parser.add_argument(
        "--reader", choices=("rules", "learned"), help="instead of the one that the preset says"
    )
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures there")


def run(args: argparse.Namespace) -> int:
    """Print a table; 1 where a prohibition would be carried out."""
    from unihm.errors import ErrorCode, UnihmError
    from unihm.evaluation.language import annotate, measure, prohibitions, read_sentences
    from unihm.perception.language import LanguageReader

    sentences = read_sentences(args.file)
    if not all(s.expected for s in sentences) and args.annotations.is_file():
        sentences = annotate(sentences, args.annotations)
    sentences = [s for s in sentences if s.expected]
    if not sentences:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"No sentence of {args.file} has an annotation; give --annotations, or 'expect' in it.",
        )
    backend = [f"language.backend={args.reader}"] if args.reader else []
    read = LanguageReader.load(args.preset, backend).understand
    read("thirsty take the cup")  # loads words and weights
    numbered = [s for s in sentences if s.key.isdigit()]
    held_out = [s for s in numbered if int(s.key) % 3 == 2]
    seen = [s for s in sentences if s not in held_out]
    figures = {
        name: measure(part, read).figures()
        for name, part in (("seen", seen), ("held out", held_out), ("all", sentences))
        if part and (held_out or name == "all")
    }
    print(f"{'':<10}{'n':>5}{'right':>8}{'accepted*':>11}{'misread':>9}{'refused*':>10}{'ms':>7}")
    for name, row in figures.items():
        print(
            f"{name:<10}{row['sentences']:>5}{row['right']:>8.1%}"
            f"{row['accepted_though_to_be_refused']:>11.1%}"
            f"{row['misunderstood_and_accepted']:>9.1%}{row['wrongly_refused']:>10.1%}"
            f"{1000 * row['seconds']['p50']:>7.1f}"
        )
    print("* accepted though it must be refused; refused though it can be done")
    forbidden = prohibitions(args.prohibitions, args.seed)
    broken = [s for s in forbidden if read(s).refusal is None]
    print(f"{len(broken)} of {len(forbidden)} generated prohibitions would be carried out.")
    for sentence in broken[:10]:
        print(f"  {sentence}")
    if args.json:
        content = {**figures, "prohibitions": len(forbidden), "carried_out": broken}
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(json.dumps(content, indent=1) + "\n")
        print(f"Written to {args.json}.")
    return 1 if broken else 0
