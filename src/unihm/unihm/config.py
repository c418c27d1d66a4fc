"""Configuration: YAML files, read strictly into dataclasses that check themselves.

A wrong key, type, range or word is a :class:`UnihmError` that names it, whether it comes from a
preset, a scene, a hand file or a line of Python.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_type_hints

import yaml
from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass
from typing_extensions import dataclass_transform

from unihm.errors import ErrorCode, UnihmError
from unihm.files import read_bytes
from unihm.paths import config_dir

Config = TypeVar("Config")
LARGEST_YAML = 5_000_000  # bytes
MOST_VALUES = 1_000_000  # in a file


def _ascending(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] < bounds[1]:
        raise ValueError("the first number must be less than the second")
    return bounds


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Interval = Annotated[tuple[float, float], AfterValidator(_ascending)]
Count = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]

#: Every section that a preset may have; each is read by the stage that it configures.
SECTIONS = (
    "capture",
    "cliport",
    "contact_vae",
    "control",
    "generator",
    "grasps",
    "language",
    "masked_transformer",
    "part_tokenizer",
    "planner",
    "pointsam",
    "pointsam_vit_l",
    "refinement",
    "retargeting",
    "segmentation",
    "snowflake",
    "tokenizer",
    "verification",
)


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
def settings(
    code: ErrorCode = ErrorCode.INVALID_CONFIG,
) -> Callable[[type[Config]], type[Config]]:
    """Make a class a frozen dataclass that checks types and ranges when it is built.

    Types are strict: no text for a number, no 2.5 for an int; an int will do for a float. Words
    are ``Literal``, ranges ``Annotated`` (:data:`Positive` and the like). What concerns several
    fields is checked in ``__post_init__``, which raises ValueError with a sentence.

    Args:
        code: of the UnihmError that a wrong value raises.
    """
    strict = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False)

    def decorate(cls: type[Config]) -> type[Config]:
        made: Any = checked_dataclass(frozen=True, config=strict)(cls)
        check = made.__init__

        @wraps(check)
        def build(self: Any, *args: Any, **kwargs: Any) -> None:
            try:
                check(self, *args, **kwargs)
            except ValidationError as error:
                raise UnihmError(code, _sentence(made, error, made.__name__)) from error

        made.__init__ = build
        return made

    return decorate


def from_mapping(cls: type[Config], values: Mapping[str, Any], where: str = "") -> Config:
    """Build the :func:`settings` class ``cls`` of plain values, as YAML and JSON hold them.

    Raises:
        UnihmError: INVALID_CONFIG with ``where``, the key and what is wrong with it; for a key
            that there is not, with those that there are.
    """
    try:
        # As JSON, where a list may be a tuple and a mapping a dataclass, but no type another.
        return TypeAdapter(cls).validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        sentence = _sentence(cls, error, where or cls.__name__)
        raise UnihmError(ErrorCode.INVALID_CONFIG, sentence) from error
    except (TypeError, ValueError, RecursionError) as error:  # of JSON: a key that is no word
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"{where or cls.__name__} is no plain mapping: {error}."
        ) from error


def _sentence(cls: type, error: ValidationError, where: str) -> str:
    """What is wrong first, for people."""
    first = error.errors(include_url=False)[0]
    place = where
    for key in first["loc"]:
        place += f"[{key}]" if isinstance(key, int) else f".{key}"
    if first["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"{place}: no such setting.{_known(cls, first['loc'])}"
    if first["type"] in ("missing", "missing_argument"):
        return f"{place} is missing."
    if first["type"] == "value_error":
        return f"{place}: {first['ctx']['error']}."
    wish = first["msg"].removeprefix("Input should ")
    if first["type"] == "dataclass_type":
        wish = "be a mapping"
    elif first["type"] == "too_long":
        wish = f"have {first['ctx']['max_length']} values"
    return f"{place} must {wish}, not {first['input']!r}."


def _known(cls: Any, loc: tuple[int | str, ...]) -> str:
    """The settings that there are where ``loc`` names one that there is not."""
    for key in loc[:-1]:
        if isinstance(key, str):
            cls = get_type_hints(_dataclass_in(cls))[key]
    return f" Known: {', '.join(sorted(f.name for f in dataclasses.fields(_dataclass_in(cls))))}."


def _dataclass_in(kind: Any) -> Any:
    """The dataclass that a type is, or holds: that of ``tuple[Part, ...]`` or ``Part | None``."""
    if dataclasses.is_dataclass(kind):
        return kind
    return next((found for found in map(_dataclass_in, get_args(kind)) if found), None)


# Several times faster, and bounds how deep a text nests; where PyYAML has none, the other.
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Safe):
    """YAML whose words and numbers are those of YAML 1.2 (core schema).

    So ``1e-3`` is a number, ``010`` is ten, and ``1:30``, ``on`` and ``no`` are words.
    """

    def construct_integer(self, node: yaml.ScalarNode) -> int:
        """Decimal, or with 0o and 0x."""
        text = self.construct_scalar(node)
        return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag.rpartition(":")[2] not in ("int", "float", "bool")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_NUMERIC = list("-+.0123456789")
for _kind, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", _NUMERIC),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"
        r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        _NUMERIC,
    ),
):
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(f"^(?:{_pattern})$"), _first
    )
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_integer)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping safely; raises INVALID_CONFIG with the file's name when it is not one."""
    data = read_bytes(path, ErrorCode.INVALID_CONFIG, LARGEST_YAML)
    try:
        values = parse_yaml(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"{path}, line {data[: error.start].count(10) + 1}, is not text in UTF-8.",
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} is not YAML: {reason}.") from error
    if not isinstance(values, dict):
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} must hold a mapping.")
    return values


def parse_yaml(text: str) -> Any:
    """The value of a YAML text.

    Raises:
        yaml.YAMLError: where it is none.
        ValueError: for a date that there is not, or aliases that unfold without end.
    """
    value = yaml.load(text, Loader=_Loader)
    if _unfolded(value, {}) > MOST_VALUES:
        raise ValueError("its aliases unfold to far too much")
    return value


def _unfolded(value: Any, known: dict[int, float]) -> float:
    """How many values there are with every alias written out; infinite where one holds itself."""
    if not isinstance(value, (dict, list)):
        return 1
    if id(value) not in known:
        known[id(value)] = float("inf")  # while it is being counted
        inner = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_unfolded(item, known) for item in inner)
    return known[id(value)]


def load_section(
    preset: str, section: str, cls: type[Config], changes: Iterable[str] = ()
) -> Config:
    """Configuration of one stage in ``config/presets/<preset>.yaml``; absent means defaults.

    Args:
        preset: name of the file.
        section: one of :data:`SECTIONS`.
        cls: what it is read into.
        changes: ``section.key=value`` each, with the value in YAML; those of this section replace
            what the preset says.

    Raises:
        UnihmError: INVALID_CONFIG for a preset that there is not, an unknown section in it, or a
            wrong value in the section that is read.
    """
    path = config_dir() / "presets" / f"{preset}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"No preset '{preset}'. There are: {names}.")
    values = read_yaml(path)
    for change in changes:
        _change(values, change)
    unknown = sorted(set(map(str, values)) - set(SECTIONS))
    if unknown:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"{preset}: no such section: {', '.join(unknown)}. Known: {', '.join(SECTIONS)}.",
        )
    return from_mapping(cls, values.get(section) or {}, f"{preset}.{section}")


def _change(values: dict[str, Any], change: str) -> None:
    """Put ``section.key=value`` into a preset's values."""
    words, sign, text = change.partition("=")
    *parts, key = words.split(".")
    if not (sign and parts and all(parts) and key):
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"'{change}' is not of the form section.key=value."
        )
    for part in parts:
        inner = values.get(part) or {}
        if not isinstance(inner, dict):
            raise UnihmError(ErrorCode.INVALID_CONFIG, f"'{part}' of '{change}' has no settings.")
        values[part] = inner
        values = inner
    try:
        values[key] = parse_yaml(text)
    except (yaml.YAMLError, ValueError) as error:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"The value of '{change}' is not YAML: {error}."
        ) from error
