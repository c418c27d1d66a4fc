"""Types of options that several commands have."""

from __future__ import annotations

import argparse


def count(text: str) -> int:
    """A whole number from 1 up."""
    return _whole(text, 1, None)


def port(text: str) -> int:
    """A TCP port; 0 takes any that is free."""
    return _whole(text, 0, 65535)


def _whole(text: str, least: int, most: int | None) -> int:
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if value < least or (most is not None and value > most):
        span = f"{least} or more" if most is None else f"{least} to {most}"
        raise argparse.ArgumentTypeError(f"must be a whole number, {span}, not '{text}'")
    return value
