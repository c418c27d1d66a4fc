"""How a thing shall be taken: what the words of manner of a step ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from unihm.perception.language.command import Action
from unihm.perception.language.gate import understand

#: Words of parts that mean the same place on a thing.
PARTS = {
    **dict.fromkeys(("top", "rim", "edge", "brim", "lid", "cap", "knob"), "top"),
    **dict.fromkeys(("bottom", "base"), "bottom"),
    **dict.fromkeys(
        (
            "handle",
            "neck",
            "stem",
            "blade",
            "strap",
            "loop",
            "string",
            "cord",
            "tail",
            "stalk",
            "shaft",
            "grip",
            "hilt",
            "leg",
            "ear",
            "tab",
            "hook",
        ),
        "thin",
    ),
    "spout": "spout",
    **dict.fromkeys(("middle", "body", "waist"), "middle"),
    **dict.fromkeys(("end", "corner"), "end"),
}
_SOFT = re.compile(
    r"\b(gently|softly|lightly|delicately|loosely|carefully|cautiously|care|caution|gentle|light|"
    r"soft|little|touch|crushing|squeezing|breaking|damaging|squashing|"
    r"smashing|scratching|denting|bending|tearing|cracking|slamming)\b"
)
_FIRM = re.compile(r"\b(firmly|tightly|hard|firm|great|extra|more)\b")
_SLOW = re.compile(r"\b(slowly|carefully|cautiously)\b")
_FAST = re.compile(r"\b(quickly|fast|rapidly)\b")
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_PINCH = re.compile(r"\b(pinch|fingertips|tips|thumb)\b")
_BELOW = re.compile(r"\b(underneath|beneath|below)\b")
_TWO_HANDS = re.compile(r"\b(both|two) hands\b")


@dataclass(frozen=True)
class Manner:
    """How a thing shall be taken; what was not said is left open.

    Attributes:
        side: where the hand comes from.
        part: what it takes hold of: a value of :data:`PARTS`.
        part_words: the part as it was said, e.g. "by the handle".
        fingers: how many may touch; 0: any number.
        force: of the squeeze, 1 as usual.
        speed: likewise.
        impossible: words that ask for what one hand on one arm cannot do.
    """

    side: Literal["", "above", "side"] = ""
    part: str = ""
    part_words: str = ""
    fingers: int = 0
    force: float = 1.0
    speed: float = 1.0
    impossible: str = ""

    @property
    def words(self) -> str:
        """What the choice of a grasp must heed, for people; empty where it is free."""
        count = next((word for word, n in _COUNTS.items() if n == self.fingers), "")
        said = [
            {"": "", "above": "from above", "side": "from the side"}[self.side],
            self.part_words,
            f"with {count} finger{'s' * (self.fingers > 1)}" if self.fingers else "",
        ]
        return ", ".join(filter(None, said))


def read_manner(words: Iterable[str]) -> Manner:
    """What the words of a step's ``manner`` ask for, each as it was said."""
    manner = Manner()
    for said in words:
        part = next((p for p in PARTS if re.search(rf"\b{p}\b", said)), "")
        if said.startswith("from"):
            if _BELOW.search(said):
                manner = replace(manner, impossible=said)
            elif "handle" in said:
                manner = replace(manner, part="thin", part_words="by its handle")
            else:
                manner = replace(manner, side="side" if "side" in said else "above")
        elif said.startswith("by") and part:
            manner = replace(manner, part=PARTS[part], part_words=said)
        elif _TWO_HANDS.search(said):
            manner = replace(manner, impossible=said)
        elif said.startswith(("with ", "using ")) and "finger" in said:
            count = next((n for word, n in _COUNTS.items() if word in said.split()), 0)
            manner = replace(manner, fingers=2 if _PINCH.search(said) else count)
        elif said.startswith(("with ", "using ")) and _PINCH.search(said):
            manner = replace(manner, fingers=2)
        if _SOFT.search(said):
            manner = replace(manner, force=0.6)
        elif _FIRM.search(said):
            manner = replace(manner, force=1.3)
        if _SLOW.search(said) or "gent" in said:
            manner = replace(manner, speed=0.6)
        elif _FAST.search(said):
            manner = replace(manner, speed=1.3)
    return manner


def manner_of(instruction: str) -> Manner:
    """What the words of an instruction's first step ask for; nothing where it is refused."""
    steps = understand(instruction).steps
    if not steps or steps[0].action in (Action.PUSH, Action.PULL, Action.OPEN, Action.CLOSE):
        return Manner()
    return read_manner(steps[0].manner)
