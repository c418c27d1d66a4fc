"""Open and close: which of the panels in view is meant, how it moves, and how far."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import Action, Phrase, Step, lexicon
from unihm.perception.language.command import Relation
from unihm.perception.planner.config import PlannerConfig
from unihm.perception.scene.matching import UnclearPhrase, find
from unihm.perception.scene.openings import Kind, Opening, Screw
from unihm.perception.trajectory import opening_trajectory
from unihm.types import FloatArray, ObjectTrajectory

_KINDS: dict[str, Kind] = {
    "drawer": "drawer", "drawers": "drawer",
    "door": "door", "cupboard": "door", "fridge": "door", "oven": "door", "microwave": "door",
    "refrigerator": "door", "wardrobe": "door", "closet": "door", "locker": "door",
    "lid": "lid", "cover": "lid", "case": "lid", "trunk": "lid", "casket": "lid",
}  # fmt: skip
_ALSO = ("box", "chest", "cabinet", "container", "thing", "object", "furniture", "dresser", "crate")
_TIERS = {"top": "top", "upper": "top", "middle": "middle", "bottom": "bottom", "lower": "bottom"}
_APART = 0.04  # m at least between the handles of drawers above each other
_FULL = {"drawer": 0.6, "door": 1.2, "lid": 1.1}  # shares of the depth; radians
_DEEPEST = 0.14  # m that a drawer is pulled out at the most
_SHARES = (  # what words say of it
    (r"all the way|as far as|complete|full|entire|wide", 1.0),
    (r"three quarters", 0.75),
    (r"two thirds", 2 / 3),
    (r"half|part", 0.5),
    (r"third", 1 / 3),
    (r"quarter|little|bit|slight|crack|tad", 0.25),
)
_MEASURE = re.compile(
    rf"(?:(half) an?|(\d+(?:\.\d+)?)|({'|'.join(lexicon.NUMBERS)})|an?)( and a half)? "
    rf"(percent|degrees?|{'|'.join(lexicon.UNITS)})\b"
)
_WORTH = {"drawer": 0.03, "door": 0.2, "lid": 0.2}  # metres or radians that are worth a motion


@dataclass(frozen=True)
class OpeningPlan:
    """What is done with a panel.

    Attributes:
        opening: the panel, as it is seen.
        kind: what it is taken for.
        screw: how it moves.
        amount: metres or radians along it, negative where it closes.
    """

    opening: Opening
    kind: Kind
    screw: Screw
    amount: float


def choose_opening(step: Step, openings: list[Opening], click: FloatArray | None = None) -> Opening:
    """The panel that a step means.

    Args:
        step: that opens or closes.
        openings: what was found.
        click: (3,) metres, world, where a person has pointed at it; None: nowhere.

    Raises:
        UnihmError: OBJECT_NOT_FOUND, OBJECT_AMBIGUOUS.
    """
    noun = step.target.noun.split()[-1] if step.target.noun else ""
    said = step.target.words or "the thing"
    kind = _KINDS.get(noun)
    fitting = [o for o in openings if kind is None or _may_be(o, kind)]
    if not fitting:
        there = " and ".join(sorted({f"a {o.looks_like() or 'panel'}" for o in openings}))
        seen = (
            f"I see {there} with a handle" if there else "I see no handle or lid that I could take"
        )
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND, f"I cannot {step.action.value} {said}: {seen}."
        )
    if click is not None:
        return min(fitting, key=lambda o: float(np.linalg.norm(o.part - click, axis=1).min()))
    phrase, tier = _tier_of(step.target)
    if kind is not None or noun in _ALSO or not noun:
        phrase = replace(phrase, noun="", relations=_others(phrase))
        if not phrase.says_something:
            return _the_one(_in_tier(fitting, tier), said)
    things = list({id(o.thing): o.thing for o in fitting}.values())
    thing = find(phrase, things).thing
    return _the_one(_in_tier([o for o in fitting if o.thing is thing], tier), said)


def _tier_of(target: Phrase) -> tuple[Phrase, tuple[str, int] | None]:
    """The phrase without its tier; and that, as "top", "middle" or "bottom" with a rank."""
    if target.place in ("top", "bottom"):
        return replace(target, place="", rank=1), (target.place, target.rank)
    if target.rank > 1 and not target.place and not target.sizes:  # "the third drawer"
        return replace(target, rank=1), ("top", target.rank)
    first = target.noun.split()[0] if target.noun else ""
    return target, (_TIERS[first], 1) if first in _TIERS else None


def _in_tier(openings: list[Opening], tier: tuple[str, int] | None) -> list[Opening]:
    """The one of that tier, by the height of its handle; all where tiers tell none apart.

    Raises:
        UnihmError: OBJECT_NOT_FOUND where there are not so many.
    """
    if tier is None or len(openings) < 2:
        return openings
    heights = np.array([o.T_world_handle[2, 3] for o in openings])
    order = np.argsort(-heights)
    if (np.diff(heights[order]) > -_APART).any():
        return openings  # side by side
    (where, rank), count = tier, len(openings)
    at = {"top": rank - 1, "middle": count // 2, "bottom": count - rank}[where]
    if not 0 <= at < count or (where == "middle" and count % 2 == 0):
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND, f"Of {count} that I see above each other none is that one."
        )
    return [openings[order[at]]]


def _may_be(opening: Opening, kind: Kind) -> bool:
    """Whether words and looks agree: a lid is no front, and a drawer's handle is in its middle."""
    looks = opening.looks_like()
    if kind == "lid":
        return looks == "lid" or looks is None
    return looks == kind or (looks != "lid" and not opening.is_bar)


def _others(phrase: Phrase) -> tuple[Relation, ...]:
    """Its relations but those to the furniture that it is a part of."""
    parts = ("of", "on", "in")
    return tuple(r for r in phrase.relations if r.name not in parts)


def _the_one(openings: list[Opening], said: str) -> Opening:
    if len(openings) > 1:
        raise UnclearPhrase(
            ErrorCode.OBJECT_AMBIGUOUS,
            f"{said[:1].upper()}{said[1:]} may be any of {len(openings)} that I see; "
            "add a colour or a place, or click on it.",
            [o.thing for o in openings],
        )
    return openings[0]


def plan_opening(step: Step, opening: Opening) -> OpeningPlan:
    """How the panel moves and how far.

    Raises:
        UnihmError: INVALID_INSTRUCTION where it is that far open already; OBJECT_NOT_FOUND where
            nothing tells which way it moves.
    """
    noun = step.target.noun.split()[-1] if step.target.noun else ""
    kind = _KINDS.get(noun) or opening.looks_like()
    if kind is None:
        raise UnihmError(
            ErrorCode.OBJECT_NOT_FOUND,
            "Nothing shows whether it is a drawer, a door or a lid; call it by that name.",
        )
    screw, now = opening.screw(kind), opening.opened(kind)
    full = _FULL[kind]
    if kind == "drawer":
        full = min(_DEEPEST, _FULL[kind] * max(0.0, opening.depth - now))
    to_handle = opening.T_world_handle[:3, 3] - screw.origin
    radius = float(np.linalg.norm(np.cross(screw.axis, to_handle))) if screw.turns else None
    share, exact, until = _how_far(step.manner, radius)
    if until is not None:
        goal = until
    elif step.action is Action.OPEN:
        goal = now + exact if exact is not None else (1.0 if share is None else share) * full
    else:
        goal = now - exact if exact is not None else now * (0.0 if share is None else 1 - share)
    amount = max(goal, 0.0) - now
    if abs(amount) < _WORTH[kind] or (amount > 0) != (step.action is Action.OPEN):
        state = "open" if step.action is Action.OPEN else "closed"
        raise UnihmError(
            ErrorCode.INVALID_INSTRUCTION, f"The {kind} is {state} already, as far as I can see."
        )
    return OpeningPlan(opening, kind, screw, amount)


def _how_far(
    manner: tuple[str, ...], radius: float | None
) -> tuple[float | None, float | None, float | None]:
    """What words of manner say: a share of the whole way, how much further, or how far in all.

    Args:
        manner: the words.
        radius: metres from the hinge to the handle, which a length is measured at; None: it slides.

    Returns:
        one of the three, the latter in metres or radians; None of all where nothing was said.

    Raises:
        UnihmError: INVALID_INSTRUCTION for an angle of what slides, or more than the whole.
    """
    for said in manner:
        measure = _MEASURE.search(said)
        if measure is not None:
            half, digits, word, more, unit = measure.groups()
            number = 0.5 if half else float(digits or lexicon.NUMBERS.get(word, 1))
            number += 0.5 if more else 0.0
            if unit == "percent":
                if number > 100.0:
                    raise UnihmError(
                        ErrorCode.INVALID_INSTRUCTION, f"'{said}' is more than all the way."
                    )
                return number / 100.0, None, None
            if unit.startswith("degree"):
                if radius is None:
                    raise UnihmError(
                        ErrorCode.INVALID_INSTRUCTION,
                        f"What slides does not turn by '{said}'; say it in cm, or 'halfway'.",
                    )
                amount = math.radians(number)
            else:
                amount = number * lexicon.UNITS[unit] / (radius or 1.0)
            absolute = re.search(r"\bto\b", said) is not None
            return (None, None, amount) if absolute else (None, amount, None)
        for pattern, share in _SHARES:
            if re.search(pattern, said):
                return share, None, None
    return None, None, None


def carry_out_opening(plan: OpeningPlan, config: PlannerConfig, words: str) -> ObjectTrajectory:
    """Trajectory of the handle along its joint.

    Raises:
        UnihmError: UNREACHABLE where the arm does not get there.
    """
    start = plan.opening.T_world_handle
    nearest, farthest = config.reach
    end = (plan.screw.motion(plan.amount) @ start)[:3, 3]
    for position in (start[:3, 3], end):
        distance = float(np.hypot(*position[:2]))
        if not nearest <= distance <= farthest:
            raise UnihmError(
                ErrorCode.UNREACHABLE,
                f"The {plan.kind}'s handle would come to {distance:.2f} m from the arm's base; "
                f"it reaches from {nearest:.2f} to {farthest:.2f} m.",
            )
    return opening_trajectory(start, plan.screw.motion, plan.amount, words)
