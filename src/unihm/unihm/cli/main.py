"""``unihm``: finds every command in this folder and runs the one that was asked for.

The folder tree is the command's words: ``bench/grab.py`` is ``unihm bench grab``. A command is a
module with two names, ``add_arguments(parser)`` and ``run(args) -> int | None``; its docstring is
its ``--help``, and that of a folder's ``__init__`` is the help of the group. Heavy imports belong
inside ``run``, so that ``unihm --help`` is immediate.
"""

from __future__ import annotations

import argparse
import importlib
import logging
import pkgutil
import shlex
import signal
import sys
from types import FrameType, ModuleType

import unihm.cli
from unihm.errors import UnihmError
from unihm.version import __version__


def build_parser() -> argparse.ArgumentParser:
    """Assemble the parser from the command modules of this folder."""
    parser = argparse.ArgumentParser(
        prog="unihm", description="Say what you want; the dexterous hand does it."
    )
    parser.add_argument("--version", action="version", version=f"unihm {__version__}")
    parser.add_argument("--debug", action="store_true", help="show tracebacks and debug messages")
    _add_commands(parser, unihm.cli)
    return parser


def _add_commands(parser: argparse.ArgumentParser, package: ModuleType) -> None:
    """Add the commands of a folder, and those of the folders in it as groups."""
    top = package is unihm.cli
    places = parser.add_subparsers(metavar="COMMAND" if top else "WHAT", required=True)
    for info in pkgutil.iter_modules(package.__path__):
        if (top and info.name == "main") or info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{package.__name__}.{info.name}")
        text = (module.__doc__ or "").strip()
        command = places.add_parser(
            info.name,
            help=text.splitlines()[0].rstrip("."),
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if info.ispkg:
            _add_commands(command, module)
        else:
            module.add_arguments(command)
            command.set_defaults(run=module.run)


def end_on_signals() -> None:
    """SIGINT and SIGTERM end the process by a KeyboardInterrupt that carries their number.

    Set whatever was inherited: what a shell starts in its background ignores SIGINT.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt(number)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)


def main(argv: list[str] | None = None) -> int:
    """Run a command; a failure that the project or the system knows is one sentence and status 1.

    A command that was interrupted has 128 and the signal's number: 130 or 143.

    Args:
        argv: the words after ``unihm``; None: those of the process, whose signals are then ours.
    """
    if argv is None:
        end_on_signals()
    args = build_parser().parse_args(argv)
    args.command = shlex.join(["unihm", *(sys.argv[1:] if argv is None else argv)])
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
    except OSError as error:
        if args.debug or error.errno is None:
            raise
        place = error.filename if error.filename is not None else args.command
        print(f"unihm: {place}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print("unihm: interrupted", file=sys.stderr)
        return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)


if __name__ == "__main__":
    sys.exit(main())
