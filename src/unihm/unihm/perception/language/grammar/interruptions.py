"""Words that end or correct what was said before: "stop", "no, I meant ..."."""

from __future__ import annotations

import re

_STOP = re.compile(
    r"(?:please )?(?:stop|halt|freeze|abort|cancel|pause|quit|enough|wait|whoa|emergency|"
    r"hold on|hold it(?: right there)?|(?:stop )?right there|"
    r"stand still|do not|do not move|never mind|nevermind|forget (?:it|that|about it)|leave it|"
    r"leave it "
    r"(?:alone|be|there)|that is enough|no more|cut it out|let it (?:be|alone)|no|no no|nope|"
    r"e stop|estop|"
    r"stay(?: there| still| put)?|do nothing|cease|knock it off|stop (?:it|that|this|now|moving|"
    r"everything|"
    r"right (?:there|now)|immediately|the (?:robot|arm|task|action|motion|hand))|"
    r"cancel (?:it|that|the task|everything|the action|my request)|abort (?:it|that|the task|"
    r"mission)|"
    r"(?:the )?emergency (?:stop|button)|do not (?:do|touch) (?:it|that|anything)|take it easy|"
    r"hold your (?:horses|position)|hang on|not now|stop what you are doing)(?: please| now|"
    r" robot| it)*"
)
_STOP_WORDS = frozenset({"stop", "halt", "freeze", "abort", "emergency", "cease"})
_CORRECTION = re.compile(
    r"(?:no(?: no)*(?: wait)?|wait(?: no)?|sorry|i mean|i meant|actually|or rather|correction|"
    r"scratch that|"
    r"make that|rather|oops|not that(?: one)?|wrong(?: one)?|that is wrong|that is not (?:it|"
    r"right|correct|"
    r"what i (?:meant|said|wanted))|no sorry|no actually)\b"
)


def correction_of(words: list[str]) -> list[str]:
    """What comes after "no, I meant" at the beginning; empty where nothing is corrected."""
    rest = [word for word in words if word not in ",.!;:"]
    length = len(rest)
    while rest and (found := _CORRECTION.match(" ".join(rest))) is not None:
        rest = rest[len(found.group(0).split()) :]
    return rest if len(rest) < length else []


def stops(words: list[str]) -> bool:
    """Whether a sentence tells the robot to stop; rather once too often than too seldom."""
    spoken = [w for w in words if w.isalnum()]
    line = " ".join(spoken)
    core = re.sub(r"^(?:(?:hey|ok|okay|robot|please|oh|hello|now|just|no) )+(?=\w)", "", line)
    for candidate in (
        line,
        core,
        re.sub(r"(?: robot| please| now| immediately)+$", "", core),
    ):
        if _STOP.fullmatch(candidate):
            return True
    parts = [part.split() for part in re.split(r"[.,!?;:]", " ".join(words)) if part.strip()]
    if len(parts) > 1 and all(stops(part) for part in parts):
        return True  # "hold it, that is enough now"
    ends = [
        spoken[0] if spoken else "",
        spoken[-1] if spoken else "",
        (core.split() or [""])[0],
    ]
    negated = re.search(r"\b(?:not|never) (?:\w+ )?(?:stop|halt|freeze|abort)\b", line)
    return any(word in _STOP_WORDS for word in ends) and not negated
