"""What kind of word a word is: verb, noun, adjective; and one of what a plural names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from unihm.perception import colors
from unihm.perception.language import lexicon
from unihm.perception.language.normalize import is_known, is_plausible
from unihm.perception.language.nouns import NOUNS


def is_verb(word: str) -> bool:
    """Whether a request may begin with it."""
    return word in lexicon.ACTIONS or word in lexicon.OTHER


@cache
def gerunds() -> dict[str, str]:
    """-ing forms of the verbs."""
    found: dict[str, str] = {}
    for verb in (*lexicon.ACTIONS, *lexicon.OTHER):
        stem = verb[:-1] if verb.endswith("e") and not verb.endswith("ee") else verb
        found[f"{stem}ing"] = verb
        if re.search(r"[^aeiou][aeiou][bdgmnprt]$", verb):
            found[f"{verb}{verb[-1]}ing"] = verb
    return found


@cache
def participles() -> dict[str, str]:
    """Past forms of the verbs of what is offered."""
    found = {
        "taken": "take", "took": "take", "given": "give", "gave": "give", "brought": "bring",
        "held": "hold", "got": "get", "gotten": "get", "laid": "lay", "slid": "slide",
        "stood": "stand", "caught": "catch", "drawn": "draw", "stuck": "stick", "chosen": "choose",
        "left": "leave", "put": "put", "set": "set", "shut": "shut",
    }  # fmt: skip
    for gerund, verb in gerunds().items():
        if is_offered(verb):
            found.setdefault(f"{gerund.removesuffix('ing')}ed", verb)
    return found


def is_offered(word: str) -> bool:
    """Whether it is a verb of what can be done."""
    return word in lexicon.ACTIONS


def unique(values: Iterable[str]) -> tuple[str, ...]:
    """Each value once, in the order in which they came."""
    return tuple(dict.fromkeys(values))


# Plural in form, one thing in hand.
_ONE = frozenset(re.findall(r"\S+", """
    scissors tongs pliers chips glasses brass lens noodles crackers cheerios keys tweezers cookies
    beans peas headphones earphones earbuds cards matches sunglasses goggles airpods fries rubiks
    strippers cutters snips nippers clippers grapes gloves mittens calipers shears pincers nuts news
    forceps jeans shorts trousers dentures callipers compasses binoculars pringles spectacles
    doritos skittles smarties oreos secateurs loppers bellows wipes scales slippers
    sneakers sandals shoes boots pyjamas pajamas leggings overalls
"""))  # fmt: skip


def singular(noun: str) -> str:
    """One of what a plural names; the word itself where it is none."""
    if noun in _ONE or noun in NOUNS or not noun.endswith("s") or len(noun) < 4:
        return noun
    if noun.endswith(("ss", "us", "is", "as")):
        return noun
    for ending, instead in (("ies", "y"), ("ves", "fe"), ("xes", "x"), ("shes", "sh"),
                            ("ches", "ch"), ("oes", "o"), ("sses", "ss")):  # fmt: skip
        if noun.endswith(ending) and len(noun) > len(ending) + 1:
            return noun[: -len(ending)] + instead
    return noun[:-1]


def color_of(word: str) -> str:
    """One of the twelve names of colours; empty where the word is none."""
    name = colors.SYNONYMS.get(word, word)
    return name if name in colors.NAMES else ""


def is_adjective(word: str) -> bool:
    """Whether it is a colour or a size."""
    return bool(color_of(word)) or word in lexicon.SIZES


@cache
def may_be_noun(word: str) -> bool:
    """Whether a word can be the name of a thing: of no closed class, and a word at all."""
    if not word.isalpha() or len(word) < 2:
        return False
    if word in lexicon.NUMBERS:
        return False
    if word in NOUNS:
        return True
    closed = (
        word in lexicon.DETERMINERS
        or word in lexicon.FILLER
        or word in lexicon.PRONOUNS
        or word in lexicon.ME
        or word in lexicon.CONDITIONS
        or word in lexicon.NEGATIONS
        or word in lexicon.MANNER
        or word in lexicon.UNITS
        or word in lexicon.STANDING
        or word in lexicon.DEGREES
        or word in lexicon.SHARES
        or word in lexicon.RELATIONS
        or word in lexicon.ALL
        or word in lexicon.HELD
        or word in lexicon.PLACES
        or word in _NO_NOUNS
        or word in lexicon.DIRECTIONS
    )
    adverb = word.endswith("ly") and word not in lexicon.NAMES_OF_THINGS | _LIKE_ADVERBS
    return not closed and not adverb and is_known(word)


@cache
def is_new(word: str) -> bool:
    """Whether it is the name of something that no list has."""
    return not is_known(word) and is_plausible(word)


# End like adverbs and are none.
_LIKE_ADVERBS = frozenset(
    {
        "supply",
        "belly",
        "assembly",
        "butterfly",
        "ply",
        "lily",
        "elderly",
        "sparkly",
        "curly",
        "wobbly",
        "woolly",
        "wiggly",
        "squiggly",
        "frilly",
        "crinkly",
        "wrinkly",
        "prickly",
        "bubbly",
        "friendly",
        "smelly",
    }
)
_NO_NOUNS = frozenset(re.findall(
    r"\S+",
    """
    and or but of to from off out with for by as than so is are was were be been am has have had do
    does did done will would could should can may might must shall i he she we they who whom whose
    which what where why how s t d ll re ve m am pm via per towards toward within about around
    through across onto into up down more most less least much many few several only even still
    already always ever too very really quite such same other else see want need like know let make
    go going gone got wants needs likes looks feels means belongs called named mine yours hers ours
    theirs him himself itself themselves today now soon tomorrow shaped colored color shape touches
    touch because though although however therefore please rm ls sudo said says say ago until
    upsidedown upright twice thrice times again minute minutes second seconds hour hours anymore
    moment directly starting counting yourself somewhere anywhere first second third fourth fifth
    sixth seventh last together side aside apart while group rest hidden obscured occluded concealed
    supporting labelled labeled marked titled reach saying using direction ready
    """,
))  # fmt: skip
