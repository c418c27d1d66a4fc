"""Presets: one YAML file that configures every stage, read strictly into dataclasses."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml

from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir

Config = TypeVar("Config")


def from_mapping(cls: type[Config], values: dict[str, Any], where: str = "") -> Config:
    """Build the dataclass ``cls`` from ``values``; nested dataclasses are built too.

    Raises:
        UnihmError: INVALID_CONFIG for a key that ``cls`` does not have, naming those it has.
    """
    where = where or cls.__name__
    hints = get_type_hints(cls)
    known = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"{where}: no such setting: {', '.join(unknown)}. Known: {', '.join(sorted(known))}.",
        )
    built = {}
    for key, value in values.items():
        if dataclasses.is_dataclass(hints[key]) and isinstance(value, dict):
            value = from_mapping(hints[key], value, f"{where}.{key}")  # type: ignore[arg-type]
        elif isinstance(value, list):
            value = tuple(value)
        built[key] = value
    try:
        return cls(**built)
    except (TypeError, ValueError) as error:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{where}: {error}.") from error


def overridden(config: Config, **values: Any) -> Config:
    """A dataclass with those ``values`` that are not None in place of its own."""
    given = {key: value for key, value in values.items() if value is not None}
    return dataclasses.replace(config, **given)  # type: ignore[type-var]


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML mapping safely; raises INVALID_CONFIG with the file's name when it is not one."""
    try:
        values = yaml.safe_load(path.read_text())
    except FileNotFoundError as error:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} does not exist.") from error
    except yaml.YAMLError as error:
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} is not YAML: {error}.") from error
    if not isinstance(values, dict):
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} must hold a mapping.")
    return values


def load_section(preset: str, section: str, cls: type[Config]) -> Config:
    """Configuration of one stage in ``config/presets/<preset>.yaml``; absent means defaults."""
    path = config_dir() / "presets" / f"{preset}.yaml"
    if not path.is_file():
        names = ", ".join(sorted(p.stem for p in path.parent.glob("*.yaml")))
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"No preset '{preset}'. There are: {names}.")
    return from_mapping(cls, read_yaml(path).get(section, {}), f"{preset}.{section}")
