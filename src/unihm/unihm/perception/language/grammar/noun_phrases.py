"""Noun phrases: from the determiner to "closest to you" and "that is not red"."""

from __future__ import annotations

import re
from dataclasses import replace

from unihm.perception import colors
from unihm.perception.language import lexicon
from unihm.perception.language.command import Phrase, Relation
from unihm.perception.language.grammar.cursor import Cursor
from unihm.perception.language.grammar.places import PILE, join_places, table_side
from unihm.perception.language.grammar.poses import pose_of
from unihm.perception.language.grammar.words import (
    color_of,
    is_adjective,
    is_new,
    is_verb,
    may_be_noun,
    singular,
    unique,
)
from unihm.perception.language.normalize import is_known, is_plausible
from unihm.perception.language.nouns import NOUNS

_SUPERLATIVE = re.compile(
    r"(?:the )?(?:one )?(?:(?:most )?(nearest|closest|closer|nearer|near|close|farthest|"
    r"furthest|farther|further|far)"
    r"(?: away)?)(?: (?:to|from|of|by))? (?:me|you|us|the robot|robot|yourself|myself|"
    r"the (?:robot )?(?:arm|gripper|base|hand)|the camera|your gripper|"
    r"the viewer|where you are|your (?:position|location|base|self|body|hand|arm)|"
    r"my (?:position|hand|body))\b"
)
_OF_ME = re.compile(
    r"(?:to|from) (?:me|you|us|the robot|robot|yourself|myself|the arm|the camera|your (?:base|"
    r"position|self|body))\b"
)
_FARTHEST_SIDE = re.compile(
    r"(?:the )?(?:furthest|farthest|most|closest|nearest|furthermost|far|furthur)(?: (?:to|on|"
    r"from|at|over to))?(?: the| your| my|)"
    r" (left|right)(?: handside| hand)?(?: side)?(?: of (?:you|me|the table|the group))?(?= |$)"
)
_AWAY = re.compile(r"(?:the )?(closest|nearest|farthest|furthest) (?:away|off|out|in)\b(?! from)")
_TO_AN_END = re.compile(
    r"(?:the )?(?:farthest|furthest|most)(?: (?:to|towards?|at|in)(?: the)?)? (back|front|rear)\b"
)
_IN_VIEW = re.compile(r"(?:(?:that|which) )?you (?:can )?see\b(?: (?:here|there))?")
_OTHERS = re.compile(r"the other(?: (two|three))?(?: (ones?|objects?|things?))?\b")
_OF_SO_MANY = re.compile(
    r"of (?:the |these |those )?(?:two|three|four|five|six|lot|bunch|them|all)\b(?! \w)|"
    rf"(?:of|in|on|from) {PILE}"
)
_FROM_END_OF_PILE = re.compile(rf"(?:starting )?from(?: the)? (top|bottom) (?:of|in) {PILE}")
# "The bottom box of the stack", "the upper one of the two": which of a pile.
_PILED = re.compile(
    rf"(?:very )?(top|topmost|upper|uppermost|bottom|bottommost|lower|lowest) (?:\w+ )?"
    rf"(?:\w+ (?:of|in|on|from|off|off of) {PILE}|(?:\w+ )?of (?:the |these |those )?two(?: "
    rf"\w+)?$)|"
    r"(?:very )?(lowest|lowermost|bottommost|uppermost)\b(?= \w)"
)
_WHAT_IS = re.compile(
    r"(?:what|whatever) is (?=(?:on|in|at|next|behind|beside|between|to the|left of|right of) )"
)
# What carries another thing: "that has a cup on it", "that the other box stands on".
_CARRIES = re.compile(
    r"(?:(?:that|which|who) )?(?:has|have|having|with|supports|supporting|carries)\b"
)
_ON_IT = re.compile(
    r"(?:(?:lying|sitting|standing|resting|placed|stacked|balanced) )?on (?:it|top(?: of it)?)\b"
)
_IN_IT = re.compile(
    r"(?:(?:printed|painted|written|drawn|lying) )?(?:in(?:side)?|on)(?: of)? (?:it|them)\b|inside"
    r"(?= (?:and|then|please|,|halfway|open)|$)"
)
_ON_WHICH = re.compile(r"(?:that|which)\b(?= (?:the|a|an|another)\b)")
_STANDS_ON = re.compile(
    r"(?:(?:is|are) )?(?:sits?|lies?|lays?|rests?|stands?|leans?|sitting|lying|resting|standing|"
    r"placed|stacked) (?:on(?: top(?: of)?)?|upon)(?= (?:and|then|please|,)|$)"
)
_SAID_AFTER = frozenset({"big", "small", "large", "little", "tall"})
_WITH = re.compile(r"(?:with|having|has)\b")
OPPOSITES = {"large": "small", "small": "large", "tall": "short", "short": "tall"}
# Verbs that end the name of a thing: "spoon rest", unless what follows is what is done it to.
_ENDS = frozenset(
    ["rest", "punch", "slide", "press", "stand", "clip", "mix", "spread", "grip", "hook", "wrap",
     "polish", "spray", "mount", "dip", "balance", "meter", "mop", "iron", "train", "plug",
     "screw", "nail", "pin", "saw", "slip", "tip", "lock", "drill", "tape", "strip", "tap",
     "switch", "label", "button", "watch", "pack", "measure", "file", "charge", "drink",
     "roast", "guard", "pick", "wipe", "rub", "paste", "peel", "wash", "extract",
     "blend", "shake", "seal", "slice", "scoop", "cover", "light"]
)  # fmt: skip
_AFTER_VERBS = lexicon.DETERMINERS | lexicon.PRONOUNS | lexicon.ME | {"up", "down"}
_IS_THAT = re.compile(
    r"(?:that (?:is|was|has|sits|stands|lies)|a (?:little|bit|tad|touch|few|couple))\b"
)
RELATIVE = re.compile(
    r"(?:,? ?(?:that|which|who|what|and)(?: is| are| s|'s| has been| was)(?: also)?(?! not)|thats|"
    r"(?:and )?(?:it )?is(?! not)"
    r"|(?:that|which|what)(?= (?:sits|stands|lies|lays|rests|hangs|leans)\b)"
    r"|,? ?(?:that|which)(?= (?:touches|touching|has)))\b"
)
EXCLUDE = re.compile(
    r",? ?(?:but )?(?:(?:that|which) (?:is|are) (?:not|neither)|that are not|is (?:not|neither)|"
    r"not|"
    r"except(?: for)?|"
    r"but(?= the | a | an )|"
    r"other than|but not|and not|excluding|"
    r"rather than|instead of)\b"
)


def merged(one: Phrase, more: Phrase) -> Phrase:
    """One thing that two phrases describe."""
    return replace(
        one,
        noun=one.noun or more.noun,
        colors=unique(one.colors + more.colors),
        not_colors=unique(one.not_colors + more.not_colors),
        not_nouns=unique(one.not_nouns + more.not_nouns),
        sizes=unique(one.sizes + more.sizes),
        shade=one.shade or more.shade,
        place=join_places(one.place, more.place),
        rank=max(one.rank, more.rank),
        relations=one.relations + more.relations,
        words=f"{one.words} {more.words}".strip(),
    )


def noun_phrase(cursor: Cursor) -> Phrase | None:
    """Read the noun phrase that begins here; None, and the cursor where it was, if none does."""
    start = cursor.at
    phrase = _Builder().read(cursor)
    if phrase is None:
        cursor.at = start
        return None
    return replace(phrase, words=" ".join(cursor.words[start : cursor.at]))


def the_others(cursor: Cursor) -> Phrase | None:
    """Such as "the other one" or "the other two boxes", by which a thing is told from them."""
    start = cursor.at
    found = cursor.match(_OTHERS)
    if found is None:
        return None
    noun = ""
    if not found.group(2) and may_be_noun(cursor.word) and not is_verb(cursor.word):
        noun = singular(cursor.word)
        cursor.at += 1
    words = " ".join(cursor.words[start : cursor.at])
    count = lexicon.NUMBERS.get(found.group(1) or "", 1)
    return Phrase(noun=noun, count=count, any_will_do=True, words=words)


class _Builder:
    """Collects the words of one noun phrase."""

    def __init__(self) -> None:
        self.nouns: list[str] = []
        self.colors: list[str] = []
        self.not_colors: list[str] = []
        self.not_nouns: list[str] = []
        self.sizes: list[str] = []
        self.shade = ""
        self.places: list[str] = []
        self.rank, self.count = 1, 1
        self.any = self.determined = self.generic = False
        self.relations: list[Relation] = []
        self.pronoun = ""

    def read(self, cursor: Cursor) -> Phrase | None:
        """The phrase, or None where none begins here."""
        if cursor.word == "it" or (
            cursor.word in ("them", "both") and cursor.following in ("", "and", ",", "in", "on")
        ):
            self.count = 1 if cursor.word == "it" else 0
            cursor.at += 1
            return Phrase(pronoun="it", count=self.count)
        if cursor.word in ("this", "that", "these", "those") and (
            cursor.following in ("", ",", "and", "to", "in", "on", "into", "onto", "next", "down")
        ):
            cursor.at += 1
            return Phrase(pronoun="it")
        if _THAT_BACK.match(cursor.rest):
            cursor.at += 1
            return Phrase(pronoun="it")
        if cursor.match(_WHAT_IS_HELD) is not None:
            return Phrase(pronoun="held")
        if cursor.match(_HAND_ITSELF) is not None:
            return Phrase(pronoun="hand")
        if cursor.match(_WHAT_IS) is not None:
            self.generic = self.determined = True
        else:
            self._before(cursor)
        if not self.nouns and self.determined and self._chosen and cursor.word in ("of", "from"):
            self.generic = True  # "the smaller of ...", "the second from the left"
        if self.nouns or self.generic:
            self._after(cursor)
        elif not (self.colors or self.sizes or self.places or self.not_colors) or (
            not self.determined and not self.colors and not self.sizes and not self.rank > 1
        ):
            return None
        if self.pronoun and not self.relations:
            return Phrase(pronoun=self.pronoun)
        return self.phrase()

    def phrase(self) -> Phrase:
        """What was collected."""
        return Phrase(
            noun=re.sub(r"\b([b-hj-z])shaped\b", r"\1 shaped", " ".join(self.nouns)),
            colors=unique(self.colors),
            not_colors=unique(self.not_colors),
            not_nouns=unique(self.not_nouns),
            sizes=unique(self.sizes),
            shade=self.shade,
            place=join_places(*self.places),
            rank=self.rank,
            relations=tuple(self.relations),
            count=self.count,
            any_will_do=self.any,
        )

    def _before(self, cursor: Cursor) -> None:
        """Determiners, adjectives and the noun."""
        while cursor.word:
            word, following = cursor.word, cursor.following
            if self.nouns and word in ("shaped", "colored"):
                pass
            elif word in lexicon.DETERMINERS and not self.nouns and not self.generic:
                if self.determined and self._adjectives():
                    return
                self.any |= word in lexicon.ANY
                self.determined = True
            elif (word == "both" and following in ("the", "a", "an", "this", "that")) or (
                word in lexicon.OPINIONS and not self.nouns and self._noun_follows(cursor)
            ):
                pass
            elif word in lexicon.ALL and not self.nouns:
                self.count = 2 if word == "both" else 0
                self.determined = True
                if word == "everything":
                    self.generic = True
            elif (
                word in lexicon.NUMBERS
                and not self.nouns
                and not self.generic
                and (
                    word != "one"
                    or (following in ("of", "more") and not self._chosen)
                    or (not self.determined and following)
                )
            ):
                count = lexicon.NUMBERS[word]
                if word == "one":
                    self.any = True
                elif word in ("couple", "pair") and following == "of":
                    self.any, self.count = False, count
                elif not self.any or count > 1:
                    self.count = count
                self.determined = True
            elif word.isdigit() and not self.nouns and int(word) > 1:
                self.count = int(word)
                self.determined = True
            elif (
                (
                    word == "of"
                    and self.determined
                    and not (self.nouns or self.generic or self._chosen)
                )
                or word in ("colored", "shaped", "color", "solid", "whole", "sized")
                or (word == "side" and may_be_noun(following) and following not in lexicon.TABLES)
                or (word == "most" and following in (*lexicon.PLACES, *lexicon.SIZES))
            ):
                pass
            elif word in lexicon.HELD and (self.determined or not self.nouns) and following:
                self.pronoun = "held"
            elif word in ("not", "non") and not self.nouns and following in colors.NAMES:
                cursor.at += 1
                self.not_colors.append(color_of(cursor.word))
            elif (word == "and" and self.colors and not self.nouns and color_of(following)) or (
                word == "," and self._adjectives() and is_adjective(following) and not self.nouns
            ):
                pass
            elif (word in lexicon.TIERS and _tiered(cursor)) or (
                word == "side" and following in lexicon.TABLES
            ):
                self.nouns.append(word)
            elif self._piled(cursor) or self._adjective(cursor):
                pass
            elif word in lexicon.GENERIC and not self.nouns:
                self.generic = True
                self.any |= word in ("something", "anything")
                if word.endswith("s") and self.count == 1:
                    self.count = 0
                cursor.at += 1
                return
            elif word in lexicon.GENERIC and len(self.nouns) > 0:
                cursor.at += 1
                break
            elif self._noun(cursor):
                if self._noun_ends(cursor):
                    cursor.at += 1
                    break
            else:
                break
            cursor.at += 1
        self._settle()

    @property
    def _chosen(self) -> bool:
        """Whether one of several was named: "the smaller"."""
        return bool(self.sizes or self.places or self.shade or self.rank > 1)

    def _adjectives(self) -> bool:
        return bool(self.colors or self.sizes or self.places)

    def _piled(self, cursor: Cursor) -> bool:
        """Such as "bottom", where it is told of what."""
        found = None if self.nouns else _PILED.match(cursor.rest)
        if found is None:
            return False
        tier = found.group(1) or found.group(2)
        self.places.append("top" if tier.startswith(("top", "up")) else "bottom")
        cursor.at += cursor.word == "very"
        return True

    def _adjective(self, cursor: Cursor) -> bool:
        """Take a colour, size, rank or place before the noun."""
        word, following = cursor.word, cursor.following
        if word in ("left", "right") and self.nouns and lexicon.TIERS.issuperset(self.nouns):
            self.places.append(word)  # "the top left drawer"
            return self._noun_follows(cursor)
        if self.nouns:
            # "The solitary orange block": a colour all the same, where a noun comes after it.
            follows = self._noun_follows(cursor)
            if (color_of(word) and word not in NOUNS) or (word == "orange" and follows):
                if word in lexicon.FRUIT and not follows:  # "the droopy rose"
                    return False
                self.colors.append(color_of(word))
                return True  # "the pencil yellow" too, as many say it whose tongue has it so
            if word in _SAID_AFTER and not follows:
                self.sizes.append(lexicon.SIZES[word])
                return True
            return False
        if word in lexicon.FRUIT and not self._noun_follows(cursor):
            return False
        if word in lexicon.INGREDIENTS and following in lexicon.VESSELS:
            return False  # "the cream pitcher"
        if word == "first" and following == "aid":
            return False
        if following in lexicon.FOODS and (
            word in lexicon.FRUIT or following in ("pepper", "wine", "tea")
        ):
            return False
        if word in _SHADES_OF_SEVERAL and self.determined:
            self.shade = _SHADES_OF_SEVERAL[word]
            return True
        if word in _SHADES and color_of(following):
            self.shade = _SHADES[word] or self.shade
            return True
        if color_of(word):
            self.colors.append(color_of(word))
        elif word in lexicon.ORDINALS and not self.nouns:
            self.rank = lexicon.ORDINALS[word]
        elif word in lexicon.SIZES:
            self.sizes.append(lexicon.SIZES[word])
        elif word in lexicon.PLACES and (
            self.determined or word.endswith(("most", "est")) or self._noun_follows(cursor)
        ):
            if not self._noun_follows(cursor) and not self.determined:
                return False
            if word in lexicon.TIERS and word != "middle":
                if lexicon.HUNG.isdisjoint(cursor.words[cursor.at + 1 : cursor.at + 3]):
                    return False  # of a pile, or of the table as on a map: nobody knows
                self.places.append("top" if word in ("top", "upper") else "bottom")
                return True
            self.places.append(lexicon.PLACES[word])
            if word == "far" and following in ("left", "right"):
                self.places.pop()
            if following in ("hand", "handside") and cursor.at + 2 < len(cursor.words):
                cursor.at += 1
        else:
            return False
        return True

    def _noun_follows(self, cursor: Cursor) -> bool:
        """Whether a noun comes after the word here."""
        following = cursor.words[cursor.at + 1 :]
        for word, next_word in zip(following, [*following[1:], ""]):
            if word == "and" and color_of(next_word) and next_word not in lexicon.FRUIT:
                continue  # "the orange and white box"
            if word in lexicon.GENERIC or word in ("colored", "shaped", "color"):
                return True
            if (
                color_of(word)
                or word in lexicon.SIZES
                or word in lexicon.ORDINALS
                or word == "hand"
            ):
                continue
            if word in lexicon.PLACES:
                continue
            return (may_be_noun(word) or is_new(word)) and not (is_verb(word) and word not in NOUNS)
        return False

    def _noun(self, cursor: Cursor) -> bool:
        word = cursor.word
        before_noun = may_be_noun(cursor.following)
        if self.nouns and word == "flat" and not before_noun:  # "lay the card flat on the mat"
            return False
        related = _IS_THAT.match(cursor.rest.partition(" ")[2])  # "the tape measure that is ..."
        acts = cursor.following in _AFTER_VERBS and not related
        ends = self.nouns and word in _ENDS and not acts
        if ends or (before_noun and word[0].isdigit() and is_plausible(word)):
            self.nouns.append(word)
            return True
        if word == "first" and cursor.following == "aid":
            self.nouns.append(word)
            return True
        of_somebody = cursor.at > 0 and cursor.words[cursor.at - 1] in _WHOSE
        if not may_be_noun(word) and not (of_somebody and word in _FEET):
            named = self.nouns and is_known(self.nouns[-1])
            begins = self.determined or self._adjectives() or before_noun
            if named or not begins or not is_new(word):
                return False
        begins = self.determined or self._adjectives() or before_noun
        if is_verb(word) and word not in NOUNS and (self.nouns or not begins):
            return False
        self.nouns.append(word)
        return True

    def _noun_ends(self, cursor: Cursor) -> bool:
        return len(self.nouns) >= 4

    def _settle(self) -> None:
        """A plural without a number means all of them."""
        if not self.nouns:
            return
        one = singular(self.nouns[-1])
        if one != self.nouns[-1]:
            self.nouns[-1] = one
            if self.count == 1 and not self.any:
                self.count = 0

    def _after(self, cursor: Cursor) -> None:
        """What follows the noun and can belong to nothing else."""
        while cursor.word:
            start = cursor.at
            if cursor.word in ("shaped", "colored", "color", "shape") and self.nouns:
                cursor.at += 1
                if cursor.word in lexicon.GENERIC:
                    cursor.at += 1
                continue
            is_table = self.nouns[-1:] and self.nouns[-1] in lexicon.TABLES
            pose = "" if is_table else pose_of(cursor)
            if pose:
                self.sizes.append(pose)
                continue
            if not is_table and self._carries(cursor):
                continue
            if cursor.match(_IN_VIEW) is not None:
                continue
            relative = cursor.match(RELATIVE)
            while cursor.word in lexicon.STANDING or (cursor.word in ("the", "a") and relative):
                cursor.at += 1
            while cursor.word in lexicon.DEGREES and relative:
                cursor.at += 1
            if self._superlative(cursor) or self._ranked_side(cursor):
                continue
            if self._part(cursor):
                continue
            if self.generic and not self.nouns and is_adjective(cursor.word):
                if color_of(cursor.word):
                    self.colors.append(color_of(cursor.word))
                else:
                    self.sizes.append(lexicon.SIZES[cursor.word])
                cursor.at += 1
                continue
            if relative and color_of(cursor.word) and cursor.following in (
                "", "and", ",", "on", "in", "to", "into", "next", "one", *lexicon.GENERIC
            ):  # fmt: skip
                self.colors.append(color_of(cursor.word))
                cursor.at += 1
                if cursor.word in lexicon.GENERIC:
                    cursor.at += 1
                continue
            if relative and self._excluded(cursor):
                continue
            cursor.at = start
            if self._excluded(cursor) or self._part_of(cursor):
                continue
            cursor.at = start
            return

    def _superlative(self, cursor: Cursor) -> bool:
        """Such as "closest to you", "second furthest from me", "the third to the right"."""
        start = cursor.at
        if {"near", "far"} & set(self.places) and cursor.match(_OF_ME) is not None:
            return True
        rank = lexicon.ORDINALS.get(cursor.word, 0)
        if rank:
            cursor.at += 1
        if cursor.word in lexicon.GENERIC and rank:
            cursor.at += 1
        farthest = cursor.match(_FARTHEST_SIDE)
        found = None if farthest else cursor.match(_SUPERLATIVE)
        if farthest is not None:
            self.places.append(farthest.group(1))
        elif found is not None:
            self.places.append({"near": "near", **lexicon.PLACES}[found.group(1)])
        elif (away := cursor.match(_AWAY) or cursor.match(_TO_AN_END)) is not None:
            self.places.append(lexicon.PLACES[away.group(1)])
        elif (rank and cursor.word in lexicon.PLACES and cursor.following in ("", ".", "on")) or (
            cursor.word in ("closest", "nearest", "farthest", "furthest") and not cursor.following
        ):
            self.places.append(lexicon.PLACES[cursor.word])
            cursor.at += 1
        elif rank and (side := table_side(cursor)) is not None:
            self.places.append(side[0])
        elif rank:
            if cursor.at == start + 1 and cursor.word == "":
                self.rank = rank
                return True
            cursor.at = start
            return False
        else:
            cursor.at = start
            return False
        if rank:
            self.rank = rank
        return True

    def _ranked_side(self, cursor: Cursor) -> bool:
        """Such as "from the left" after "the second box"."""
        start = cursor.at
        counted = self.rank == 1 or self.places  # "the third from the left to the front edge"
        if cursor.word not in ("from", "starting") and counted:
            return False
        if cursor.word == "counting":
            cursor.at += 1
        pile = cursor.match(_FROM_END_OF_PILE)
        if pile is not None:
            self.places.append(pile.group(1))
            return True
        side = table_side(cursor)
        if side is None:
            cursor.at = start
            return False
        tiers = {"top", "bottom"} & set(cursor.words[start : cursor.at])
        tiered = self.nouns[-1:] and self.nouns[-1] in lexicon.TIERED
        piled = self.nouns[-1:] and self.nouns[-1] in lexicon.FLAT
        self.places.append(tiers.pop() if tiers and (tiered or piled) else side[0])
        return True

    def _excluded(self, cursor: Cursor) -> bool:
        """Such as "that is not red"."""
        start = cursor.at
        excludes = cursor.match(EXCLUDE)
        if excludes is None:
            return False
        if excludes.group(0).endswith("but") and self.count == 1 and not self.any:
            cursor.at = start
            return False  # "the cup, but the plastic one" does not rule that one out
        named = cursor.word in ("a", "an", "the")
        cursor.at += named
        if color_of(cursor.word) and (cursor.word not in NOUNS or not named):
            self.not_colors.append(color_of(cursor.word))
            cursor.at += 1
            if cursor.word in lexicon.GENERIC or cursor.word == (self.nouns or [""])[-1]:
                cursor.at += 1
            elif self.generic and not self.nouns and singular(cursor.word) in NOUNS:
                self.nouns.append(singular(cursor.word))  # "the blue one instead of the red cup"
                cursor.at += 1
            if cursor.word in ("or", "nor") and color_of(cursor.following):
                self.not_colors.append(color_of(cursor.following))
                cursor.at += 2
            return True
        if cursor.word in lexicon.SIZES:
            opposite = OPPOSITES.get(lexicon.SIZES[cursor.word])
            if opposite is None or cursor.following not in (*lexicon.GENERIC, *self.nouns[-1:]):
                cursor.at = start
                return False
            self.sizes.append(opposite)
            cursor.at += 2
            return True
        if may_be_noun(cursor.word) and not is_verb(cursor.word):
            self.not_nouns.append(cursor.word)
            cursor.at += 1
            # "Not the opened one"; what is of glass is not of plastic, and that need not be said.
            told = lexicon.MATERIALS & {*self.nouns} and self.not_nouns[-1] in lexicon.MATERIALS
            cursor.at += cursor.word == "one" and not told
            return True
        cursor.at = start
        return False

    def _part(self, cursor: Cursor) -> bool:
        """Such as "with the red lid": a part, told by its colour."""
        start = cursor.at
        if cursor.match(_WITH) is not None:
            before = cursor.at
            while cursor.word in lexicon.DETERMINERS or cursor.word in _SHADES:
                cursor.at += 1
            shown: list[str] = []
            while color_of(cursor.word) or (cursor.word == "and" and shown):
                shown.append(color_of(cursor.word))
                cursor.at += 1
            part = singular(cursor.word)
            if shown and {part, cursor.word} & (lexicon.PARTS | lexicon.BODY):
                cursor.at += 1
                words = " ".join(cursor.words[before : cursor.at])
                named = Phrase(noun=part, colors=unique(filter(None, shown)), words=words)
                self.relations.append(Relation("with", (named,)))
                return True
            cursor.at = before
            return self._unseen_part(cursor, start)
        cursor.at = start
        return False

    def _unseen_part(self, cursor: Cursor, start: int) -> bool:
        """Such as "with the roses" or "with my letters in it": nobody can look whether it is so."""
        begins = cursor.at
        part = noun_phrase(cursor)
        if part is not None and part.noun and not part.relations:
            last = part.noun.split()[-1]
            named = {last, singular(last), f"{last}s"}
            shown = bool(named & lexicon.SHOWN) or (
                bool(named & lexicon.BODY) and part.count in (0, 1)
            )
            material = lexicon.MATERIALS & set(cursor.words[begins : cursor.at])
            shown |= bool(named & lexicon.PARTS and material)  # "with the rubber grip"
            held = part.count == 0 or last in lexicon.MASSES or bool(re.search("[^s]s$", last))
            shown |= held and self._holds(singular(last), cursor.words[:start])
            if cursor.match(_IN_IT) is not None or (shown and cursor.word != "of"):
                said = " ".join(cursor.words[begins : cursor.at])
                part = replace(part, count=1, colors=(), any_will_do=False, words=said)
                self.relations.append(Relation("with", (part,)))
                return True
        cursor.at = start
        return False

    def _holds(self, content: str, before: list[str]) -> bool:
        """Whether "with resistors" says what is in a tray: it is closed with nails otherwise."""
        kinds = {*NOUNS.get(self.nouns[-1], ())} if self.nouns else set()
        vessel = bool({"tray", "bowl", "box", "cup", "bottle"} & kinds) or self.nouns[-1:] == [
            "tray"
        ]
        vessel |= bool({*self.nouns[-1:]} & lexicon.HOLLOW)
        vessel |= self.generic and not self.nouns  # "the bag with the nuts, the one with the bolts"
        opened = {"open", "close", "shut"} & {*before}
        kept = bool({*self.nouns[-1:]} & (lexicon.STACKED | lexicon.HUNG))  # "with the knives"
        return vessel and content not in lexicon.TOOLS and (kept or not opened)

    def _carries(self, cursor: Cursor) -> bool:
        """Such as "that has another box on it": what is under that."""
        start = cursor.at
        which = cursor.match(_ON_WHICH) is not None
        if which or cursor.match(_CARRIES) is not None:
            supports = cursor.words[cursor.at - 1].startswith(("support", "carr"))
            thing = the_others(cursor) or noun_phrase(cursor)
            known = thing is not None and _is_thing(thing)
            known = known and not (thing is not None and thing.count == 0 and self._is_printed())
            end = _STANDS_ON if which else _ON_IT
            if thing is not None and known and (supports or cursor.match(end) is not None):
                self.relations.append(
                    Relation("under", (replace(thing, count=1, any_will_do=True),))
                )
                return True
        cursor.at = start
        return False

    def _is_printed(self) -> bool:
        """Whether several things "on it" are rather pictures: a tray carries ducks, and a bib none.

        What has several shapes or none that a depth camera knows is not what things are put on.
        """
        kinds = NOUNS.get(self.nouns[-1], ()) if self.nouns else ("flat",)
        return not {"flat", "tray", "box"} & set(kinds)

    def _part_of(self, cursor: Cursor) -> bool:
        """Such as "the drawer of the cabinet", "a bag of chips"."""
        if cursor.word != "of" or not (self.nouns or self.generic):
            return False
        start = cursor.at
        if (not self.nouns or self.places) and cursor.match(_OF_SO_MANY) is not None:
            return True
        cursor.at += 1
        if cursor.word in ("water", "order"):  # a verb where no bottle is before it
            other: Phrase | None = Phrase(noun=cursor.word, words=cursor.word)
            cursor.at += 1
        else:
            other = noun_phrase(cursor)
        if other is None:
            cursor.at = start
            return False
        if not self.nouns:
            # "The smaller of the two boxes": one of these; "a piece of fruit".
            piece = cursor.words[start - 1] == "piece" and self.generic
            if (other.count == 1 and not piece) or not other.noun:
                cursor.at = start
                return False
            self.nouns = other.noun.split()
            self.colors += other.colors
            self.sizes += other.sizes
            self.places += other.place.split()
            self.relations += other.relations
        elif self.nouns[-1] in _MEASURES and not other.relations:
            self.nouns = [*other.noun.split(), self.nouns[-1]]
            self.colors += other.colors
        else:
            self.relations.append(Relation("of", (other,)))
        return True


# "Give that back to me": nothing stands at the back.
_THAT_BACK = re.compile(
    r"(?:this|that|these|those) (?:back|over|up|away|out|off)"
    r"(?= (?:to|in|on|into|onto|and|from|here|there|now|for|next|please|,)(?: |$)|$)"
)
# Units of length, unless they are somebody's.
_FEET = frozenset({"foot", "feet"})
_WHOSE = frozenset({"my", "your", "his", "her", "their", "the"})
# "Dark green" is a green, and not black; of two greens it is the darker one.
_SHADES = {
    **dict.fromkeys(("dark", "deep"), "dark"),
    **dict.fromkeys(("light", "pale", "pastel"), "light"),
    **dict.fromkeys(("bright", "neon", "hot", "metallic"), ""),
}
_SHADES_OF_SEVERAL = {
    **dict.fromkeys(("darker", "darkest"), "dark"),
    **dict.fromkeys(("brighter", "brightest", "paler", "palest"), "light"),
}
_WHAT_IS_HELD = re.compile(
    r"(?:what|whatever) (?:is in your (?:hand|gripper)|you (?:are holding|hold|have))\b"
)
_HAND_ITSELF = re.compile(r"(?:your|the) (?:gripper|fist|fingers|claw)\b|your hands?\b")
_MEASURES = frozenset({
    "bag", "can", "bottle", "cup", "glass", "box", "carton", "bowl", "piece", "pack", "jar",
    "packet", "tube", "slice", "loaf", "bar", "roll", "tin", "kind",
})  # fmt: skip


def _is_thing(phrase: Phrase) -> bool:
    """Whether it can stand on another, which what is printed on that cannot."""
    last = phrase.noun.split()[-1] if phrase.noun else ""
    return not last or (last in NOUNS and last not in lexicon.PARTS)


def _tiered(cursor: Cursor) -> bool:
    """Whether the word here names a tier: "the top drawer"."""
    return any(w in lexicon.TIERED for w in cursor.words[cursor.at + 1 : cursor.at + 3])
