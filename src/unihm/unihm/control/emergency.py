"""The emergency stop's latch: engaged until it is reset, whatever restarts in between."""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from unihm.errors import ErrorCode, UnihmError
from unihm.paths import state_dir


@dataclass(frozen=True)
class Latch:
    """Whether the stop is engaged.

    Attributes:
        engaged: nothing may move.
        reason: one sentence; empty unless engaged.
        since: s since 1970 of the last change.
    """

    engaged: bool = False
    reason: str = ""
    since: float = 0.0


class EmergencyStop:
    """The latch and its file, which is read once and written at every change.

    A file that is there and cannot be read counts as engaged: it is not known that nobody stopped
    the robot.

    Args:
        path: of the file; its folder is made when it is needed.

    Attributes:
        latch: as it is now.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.latch = self._read()

    def engage(self, reason: str) -> None:
        """Engage, and keep the first reason where it is engaged already.

        Raises:
            UnihmError: INTERNAL where the file cannot be written; it is engaged all the same, for
                as long as this process lives.
        """
        if not self.latch.engaged:
            self._change(Latch(True, reason.strip() or "Somebody asked for it.", time.time()))

    def reset(self) -> None:
        """Let the robot move again, when it is next asked to.

        Raises:
            UnihmError: INTERNAL where the file cannot be written; it stays engaged then.
        """
        before = self.latch
        try:
            self._change(Latch(False, "", time.time()))
        except UnihmError:
            self.latch = before
            raise

    def check(self) -> None:
        """Pass while it is not engaged.

        Raises:
            UnihmError: SAFETY_STOP while it is.
        """
        if self.latch.engaged:
            raise refusal(self.latch.reason)

    def _change(self, latch: Latch) -> None:
        self.latch = latch
        partial = self.path.with_suffix(".part")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w") as file:
                json.dump(asdict(latch), file)
                file.flush()
                os.fsync(file.fileno())  # a power cut is among what the stop is for
            partial.replace(self.path)
        except OSError as error:
            raise UnihmError(
                ErrorCode.INTERNAL, f"The emergency stop cannot be kept in {self.path}: {error}."
            ) from error

    def _read(self) -> Latch:
        try:
            text = self.path.read_text()
        except FileNotFoundError:
            return Latch()
        except (OSError, UnicodeDecodeError) as error:
            return Latch(True, f"The file {self.path} cannot be read: {error}.")
        try:
            values = json.loads(text)
            latch = Latch(values["engaged"], values["reason"], values["since"])
            if latch.engaged is True or latch.engaged is False:
                return latch
        except (ValueError, KeyError, TypeError):
            pass
        return Latch(True, f"The file {self.path} is damaged.")


def refusal(reason: str) -> UnihmError:
    """What everything is answered with while the stop is engaged."""
    return UnihmError(
        ErrorCode.SAFETY_STOP,
        f"The emergency stop is engaged ({reason.rstrip('.')}); reset it first.",
    )


def default_file() -> Path:
    """``emergency_stop.json`` in the user's folder for states."""
    return state_dir() / "emergency_stop.json"
