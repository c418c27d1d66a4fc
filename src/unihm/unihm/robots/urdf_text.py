"""The one place that reads the text of a URDF: its encoding, xacro, and where its files are."""

from __future__ import annotations

import codecs
import os
import re
import threading
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_bytes

_LARGEST = 50_000_000  # bytes of a description
_DECLARATION = re.compile(r"""^\s*<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["'][^>]*\?>""")
_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
_XACRO_LOCK = threading.Lock()  # the package keeps its state in module variables


def fault(sentence: str) -> UnihmError:
    """INVALID_HAND_FILE with that sentence."""
    return UnihmError(ErrorCode.INVALID_HAND_FILE, sentence)


def split_arguments(reference: str) -> tuple[str, dict[str, str]]:
    """A file and the xacro arguments behind it, written ``file.xacro name:=value``."""
    words = reference.split()
    count = sum(":=" in word for word in words)
    if not count:
        return reference, {}
    arguments = dict(word.split(":=", 1) for word in words[-count:] if ":=" in word)
    return reference.split(words[-count], 1)[0].strip(), arguments


def read_robot(path: Path, arguments: Mapping[str, str] | None = None) -> ElementTree.Element:
    """The ``<robot>`` element of a URDF or xacro file; xacro is expanded with ``arguments``.

    Expanding evaluates the expressions in the file, as the ROS tools do.

    Raises:
        UnihmError: INVALID_HAND_FILE where the file cannot be read, decoded or expanded, is not
            XML, or is not a URDF.
    """
    try:
        data = read_bytes(path, ErrorCode.INVALID_HAND_FILE, _LARGEST)
    except UnihmError as error:
        raise fault(f"The URDF {error.message}") from error
    robot = parse_robot(_decode(data, path), str(path))
    if any("xacro" in str(element.tag) for element in robot.iter()) or path.suffix == ".xacro":
        robot = parse_robot(_expand(path, arguments or {}), str(path))
        if robot.find("link") is None:
            raise fault(
                f"{path} defines xacro macros but no link: give the file that calls them, and its "
                "arguments as name:=value behind it."
            )
    return robot


def parse_robot(text: str, where: str) -> ElementTree.Element:
    """The ``<robot>`` element of a text; raises INVALID_HAND_FILE, naming ``where``."""
    if "<!ENTITY" in text:
        raise fault(f"{where} declares XML entities, which are not read.")
    try:
        # The text is decoded already: what it says of its encoding no longer counts.
        robot = ElementTree.fromstring(_DECLARATION.sub("", text).encode())
    except (ElementTree.ParseError, ValueError, UnicodeError) as error:
        raise fault(f"{where} is not XML: {error}.") from error
    if robot.tag != "robot":
        raise fault(f"{where} is not a URDF: its outermost element is <{robot.tag}>.")
    return robot


def _decode(data: bytes, path: Path) -> str:
    """By the byte order mark, the XML declaration, or as UTF-8."""
    encoding = next((name for mark, name in _MARKS.items() if data.startswith(mark)), None)
    if encoding is None and b"\0" in data[:4]:  # UTF-16 without its mark
        encoding = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be"
    said = _DECLARATION.match(data[:200].decode("latin-1"))
    if encoding is None:
        encoding = said[1] if said else "utf-8"
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise fault(f"{path} is in an encoding that is not known: '{encoding}'.") from error
    except UnicodeError as error:
        start = getattr(error, "start", 0)
        hint = "as its XML declaration says" if said else "and no XML declaration says what it is"
        raise fault(
            f"{path}, line {data[:start].count(10) + 1}, is not text in {encoding}, {hint}."
        ) from error


def _expand(path: Path, arguments: Mapping[str, str]) -> str:
    try:
        import xacro
        from xacro import substitution_args
    except ImportError as error:
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY,
            f"{path} is xacro: pip install xacro, or expand it yourself (xacro {path.name} > "
            f"{path.name.split('.')[0]}.urdf).",
        ) from error

    def find(package: str) -> str:
        return str(find_package(package, path.absolute().parent))

    with _XACRO_LOCK:
        # The package asks ROS alone where packages are; here they may lie beside the file too.
        table: Any = substitution_args._eval_dict
        before = substitution_args._eval_find, table["find"]
        substitution_args._eval_find = table["find"] = find
        try:
            document = xacro.process_file(str(path.absolute()), mappings=dict(arguments))
            return document.toxml()
        except UnihmError:
            raise
        except (Exception, RecursionError) as error:
            reason = " ".join(str(error).split()) or type(error).__name__
            raise fault(
                f"{path} cannot be expanded by xacro: {reason}. Arguments are given behind the "
                "file's name, as name:=value."
            ) from error
        finally:
            substitution_args._eval_find, table["find"] = before


def resolve_path(reference: str, folder: Path) -> Path:
    """Find a file named relative to ``folder``, absolutely, or as ``~``, file, package or model.

    ``package://name/rest`` is looked for on ``ROS_PACKAGE_PATH``, under ``share/`` of
    ``AMENT_PREFIX_PATH`` and around ``folder`` (see :func:`find_package`); so is
    ``model://name/rest``, on Gazebo's paths. Names with backslashes, ``%20`` and the like are
    tried as they are, then as they are meant.

    Returns:
        the path, which may not exist where ``reference`` is not a URL of a package or model.
    """
    reference = re.sub(r"^file:(//(localhost(?=/))?)?(?=/|[^/])", "", reference)
    spellings = dict.fromkeys(
        (
            reference,
            urllib.parse.unquote(reference),
            reference.replace("\\", "/"),
            urllib.parse.unquote(reference).replace("\\", "/"),
        )
    )
    scheme, separator, _ = reference.partition("://")
    if separator and scheme not in ("package", "model"):
        raise fault(f"{reference}: files are read from this machine, not by '{scheme}:'.")
    if not separator:
        paths = [Path(spelling).expanduser() for spelling in spellings if "\0" not in spelling]
        found = [path if path.is_absolute() else folder / path for path in paths]
        if not found:
            raise fault(f"{reference!r} is no name of a file.")
        return next((path for path in found if _is_file(path)), found[0])
    for spelling in spellings:
        package, _, rest = spelling.partition("://")[2].partition("/")
        for root in _roots(package, folder):
            if _is_file(root / rest):
                return root / rest
    package = reference.partition("://")[2].partition("/")[0]
    raise fault(
        f"{reference}: no {scheme} '{package}' with that file; source its workspace "
        "(AMENT_PREFIX_PATH) or give the path of the file."
    )


def find_package(package: str, folder: Path) -> Path:
    """The folder of a ROS package: of the workspaces that are sourced, or around ``folder``.

    Raises:
        UnihmError: INVALID_HAND_FILE where there is none.
    """
    for root in _roots(package, folder):
        return root
    raise fault(
        f"No package '{package}' was found around {folder} or in the workspaces that are sourced "
        "(AMENT_PREFIX_PATH)."
    )


def _roots(package: str, folder: Path) -> Iterator[Path]:
    """Existing folders that may be that of ``package``, the likeliest first."""
    if not package or "\0" in package or package in (".", ".."):
        return

    def listed(variable: str) -> list[Path]:
        return [Path(p) for p in os.environ.get(variable, "").split(os.pathsep) if p]

    places = [prefix / "share" for prefix in listed("AMENT_PREFIX_PATH")]
    for variable in ("ROS_PACKAGE_PATH", "GZ_SIM_RESOURCE_PATH", "GAZEBO_MODEL_PATH"):
        places += listed(variable)
    for root in places:
        if (root / package).is_dir():
            yield root / package
    # A checkout that nobody has built: the file lies in the package, or in one beside it.
    for root in [folder, *folder.absolute().parents]:
        if root.name == package or _package_name(root) == package:
            yield root
        if (root / package).is_dir():
            yield root / package


def _package_name(folder: Path) -> str | None:
    """What the manifest in a folder says that the package is called."""
    try:
        text = (folder / "package.xml").read_text()
    except (OSError, UnicodeError):
        return None
    name = re.search(r"<name>\s*([^<\s]+)\s*</name>", text)
    return name[1] if name else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long
        return False
