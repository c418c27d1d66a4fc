"""A place in a list of words, from which patterns are taken."""

from __future__ import annotations

import re


class Cursor:
    """A place in a list of words."""

    def __init__(self, words: list[str]) -> None:
        self.words = words
        self.at = 0

    @property
    def word(self) -> str:
        """The word here; empty at the end."""
        return self.words[self.at] if self.at < len(self.words) else ""

    @property
    def following(self) -> str:
        """The word after it."""
        return self.words[self.at + 1] if self.at + 1 < len(self.words) else ""

    @property
    def rest(self) -> str:
        """The word here and all after it."""
        return " ".join(self.words[self.at :])

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Take what ``pattern`` matches here, if it does with whole words."""
        found = pattern.match(self.rest)
        if found is None or not found.group(0).strip():
            return None
        tail = self.rest[found.end() :]
        if tail and not tail.startswith(" ") and not found.group(0).endswith(" "):
            return None
        self.at += len(found.group(0).split())
        return found
