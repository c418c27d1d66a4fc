"""Say what a sentence is understood as, or why it is refused; nothing moves.

``unihm understand "put the red cup on the plate"``; docs/language.md lists what can be said and
the keys of the JSON.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("sentence", nargs="*", help="the words")
    parser.add_argument(
        "--file",
        type=Path,
        metavar="F",
        help="many sentences: one a line, or a YAML list of texts or of maps with 'text'",
    )
    parser.add_argument("--preset", default="tiny", help="whose reader (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write it there; '-': print it")


def run(args: argparse.Namespace) -> int:
    """Print every sentence's reading; 1 where the only sentence is refused."""
    from unihm.errors import ErrorCode, UnihmError
    from unihm.evaluation.language import Sentence, read_sentences
    from unihm.perception.language import LanguageReader, describe

    sentences = [Sentence("", " ".join(args.sentence))] if args.sentence else []
    if args.file is not None:
        sentences += read_sentences(args.file)
    if not sentences:
        raise UnihmError(ErrorCode.INVALID_INSTRUCTION, "Say a sentence, or give a --file of them.")
    reader = LanguageReader.load(args.preset)
    commands = [(s.key, reader.understand(s.text)) for s in sentences]
    entries = [{**({"id": key} if key else {}), **c.to_json()} for key, c in commands]
    text = json.dumps(entries if args.file else entries[0], indent=1, ensure_ascii=False)
    if args.json is not None and str(args.json) == "-":
        print(text)
    else:
        for key, command in commands:
            if args.file is not None:
                print(f"{key:>4}  {command.sentence[:120]!r}")
            print(f"{'      ' if args.file else ''}{command.kind.value}: {describe(command)}")
    if args.json is not None and str(args.json) != "-":
        args.json.parent.mkdir(parents=True, exist_ok=True)
        args.json.write_text(text + "\n")
    return 1 if len(commands) == 1 and commands[0][1].refusal is not None else 0
