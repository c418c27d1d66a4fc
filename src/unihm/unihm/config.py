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
from unihm.paths import config_dir

Config = TypeVar("Config")


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
    "control",
    "generator",
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


class _Loader(yaml.SafeLoader):
    """YAML whose floats are those of YAML 1.2: ``1e-3`` is a number."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping safely; raises INVALID_CONFIG with the file's name when it is not one."""
    try:
        values = parse_yaml(path.read_text())
    except FileNotFoundError as error:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} does not exist.") from error
    except yaml.YAMLError as error:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} is not YAML: {error}.") from error
    if not isinstance(values, dict):
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} must hold a mapping.")
    return values


def parse_yaml(text: str) -> Any:
    """The value of a YAML text."""
    return yaml.load(text, Loader=_Loader)


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
    except yaml.YAMLError as error:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG, f"The value of '{change}' is not YAML: {error}."
        ) from error
