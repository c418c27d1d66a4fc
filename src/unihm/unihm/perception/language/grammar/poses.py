"""How a thing stands or lies: "on its side", "upside down"."""

from __future__ import annotations

import re

from unihm.perception.language.grammar.cursor import Cursor

# By how a thing stands or lies.
_POSES = {
    "inverted": re.compile(
        r"(?:(?:that|which) )?(?:is )?(?:(?:with )?(?:its|the) (?:open|hollow)?(?: ?(?:opening|"
        r"mouth|side|end|rim))? )?(?:facing|pointing|turned) down(?:wards?)?\b"
    ),
    "standing": re.compile(
        r"(?:(?:that|which) )?(?:is )?(?:standing|stands|placed|put)"
        r" (?:up(?:right)?|on (?:its|the) (?:edge|end)|upright)\b"
    ),
    "lying": re.compile(
        r"(?:(?:that|which) )?(?:is |is been |has been )?(?:(?:lying|laid|lies|laying|placed)"
        r"(?: down)? (?:flat|on (?:its|the|one) side)|lying down|"
        r"(?:tipped|fallen|knocked|turned) over)\b|"
        r"(?:(?:that|which) )?is on its side\b"
    ),
}


def pose_of(cursor: Cursor) -> str:
    """How a thing stands or lies, such as "lying on its side"; empty where that is not said."""
    for pose, pattern in _POSES.items():
        if cursor.match(pattern) is not None:
            return pose
    return ""
