"""``unihm``: finds every command in this folder and runs the one that was asked for.

A command is a module here with three names: ``COMMAND``, its words (``"bench grab"``);
``add_arguments(parser)``; and ``run(args) -> int | None``. Its docstring is its ``--help``.
Heavy imports belong inside ``run``, so that ``unihm --help`` is immediate.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import pkgutil
import sys
from typing import Any

import unihm.cli
from unihm import __version__
from unihm.errors import UnihmError

GROUPS = {
    "bench": "measure, against a baseline in the same run",
    "data": "convert or count episodes",
    "hand": "look at or check a hand file",
    "train": "train the weights of a stage",
}


def build_parser() -> argparse.ArgumentParser:
    """Assemble the parser from the command modules of this folder."""
    parser = argparse.ArgumentParser(
        prog="unihm", description="Say what you want; the dexterous hand does it."
    )
    parser.add_argument("--version", action="version", version=f"unihm {__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks and debug messages")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    groups: dict[str, Any] = {}
    for info in pkgutil.iter_modules(unihm.cli.__path__):
        module = importlib.import_module(f"unihm.cli.{info.name}")
        words = getattr(module, "COMMAND", "").split()
        if not words:
            continue
        place = commands
        if len(words) == 2:
            if words[0] not in groups:
                group = commands.add_parser(words[0], help=GROUPS[words[0]])
                groups[words[0]] = group.add_subparsers(metavar="WHAT", required=True)
            place = groups[words[0]]
        text = (module.__doc__ or "").strip()
        command = place.add_parser(
            words[-1],
            help=text.splitlines()[0].rstrip("."),
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a command; a failure that the project knows is one sentence and exit status 1."""
    args = build_parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.debug else logging.INFO, format="%(levelname)s %(message)s"
    )
    try:
        return args.run(args) or 0
    except UnihmError as error:
        if args.debug:
            raise
        print(f"unihm: {error.message} [{error.code.name}]", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("unihm: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
