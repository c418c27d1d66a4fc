"""Clauses that only comment: "it keeps catching my sleeve", "or she'll eat them".

They say why it is asked, or what somebody feels, and are left out whatever their words are. What
takes the request back, changes it, asks for something else or says which thing is meant is none.
"""

from __future__ import annotations

import re

from unihm.perception import colors
from unihm.perception.language import lexicon
from unihm.perception.language.grammar.words import gerunds, participles, singular
from unihm.perception.language.nouns import NOUNS

_LINK = r"because|since|cause|cos|coz|cuz|as|or else|or|otherwise|before"
_BE = "is|are|am|was|were"
_AUXILIARY = rf"{_BE}|has|have|had|do|does|did|will|would|can|could|might"
_CLOSED = lexicon.DETERMINERS | lexicon.PRONOUNS | lexicon.CONDITIONS | {"and", "or", "of", "with"}
# "My old knees", "the baby": up to three words.
_NOUN = rf"(?:(?!(?:{_AUXILIARY}|{'|'.join(sorted(_CLOSED))})\b)[a-z]+ ){{1,3}}?"
_SUBJECT = re.compile(
    r"(?P<link>(?:(?:" + _LINK + r") )*)(?:"
    r"(?:(?P<person>i|he|she|we|they)|(?P<you>you)|(?P<thing>it|that|this)) |"
    rf"(?P<whose>my|his|her|our|their|the) (?P<noun>{_NOUN}))(?P<said>(?:(?:just|really|always|"
    rf"still|already|probably|also|so) )*(?:(?P<auxiliary>{_AUXILIARY})\b|(?P<verb>[a-z]+)).*)"
)
_FINITE = re.compile(r"\w+(?:[^s]s|ed)|hurt|ache|need|fell|broke|went|came|got|ran|lost")
# Takes the request back, changes it, or is about other things, other times or somebody's words.
_CHANGES = (
    (lexicon.CONDITIONS - {"because", "since", "otherwise"}) | lexicon.REPORTS
    | lexicon.ORDINALS.keys() | lexicon.NUMBERS.keys() | lexicon.ALL
    | (lexicon.GENERIC - {"something"})
    | lexicon.PARTS
    | frozenset(re.findall(r"\w+", """
        after instead rather only mean meant wrong mistake error changed actually sorry lied regret
        test testing drill idea enough bad fine stay stays remain remains belong belongs there here
        somewhere where like prefer should must shall may ought supposed forbidden allowed allow
        allows permit wish hope illegal limits other others another same different again next late
        cancelled canceled refuse refuses refused forbids forbid either but and then please myself
        himself herself themselves yourself nope which who
    """))
)  # fmt: skip
# Which one it is: then it is for the grammar to read, or nobody.
_DESCRIBES = (
    lexicon.PLACES.keys() | lexicon.SIZES.keys() | lexicon.COMPASS.keys() | {*colors.NAMES}
    | {*colors.SYNONYMS}
) - {"close", "back", "high", "low", "short", "long"}  # fmt: skip
_WHERE = re.compile(
    rf"\b(?:{'|'.join(sorted({*lexicon.RELATIONS} | {'from', 'to the', 'toward', 'towards'}))}) \w"
)
_POINTS = frozenset({"it", "them", "that", "this", "these", "those"})
# "I can not reach it": what nobody but the robot is asked for.
_NOT_ABLE = re.compile(
    r"can (?:not|hardly|barely) (?:(?:quite|really|even) )?"
    r"(?:reach|see|find|lift|hold|carry|move|open|manage|get|get to|do) "
)
_TAKES_BACK = re.compile(
    r"\b(?:have|has|had|got|took|found|needs?|wants?|do|does|did|will do) "
    r"(?:got )?(?:it|them|that|one|this)\b(?! (?:for|now|today|soon|tonight|so|very|badly))"
    r"|\b(?:wants?|needs?|likes?) (?!it|them|to\b)|\b(?:needs?|has|have|had) to be\b"
)
_IS_OVER = re.compile(r"\b(?:is|are|was|were) (?:over|off|out|taken|closed|done)\b")
# "It has a crack" says which one; "it has been raining" does not.
_HAS = re.compile(r"(?:has|have|had)\b(?! (?:been|got to|to)\b)")
_PARTS = re.compile(rf"( [,.;!:?] | (?=(?:{_LINK}) (?:i|he|she|we|they|you|it|that|this|my|his|her|"
                    r"our|their|the)\b))")  # fmt: skip
_ACTING = lexicon.ACTIONS.keys() - {"hand", "left"}
# By themselves these are done to nothing: "before I leave".
_DONE_ALONE = frozenset({"leave", "rest", "sit", "stand", "return", "settle"})


def without_comments(line: str) -> str:
    """The line without comments behind a request or between two.

    Args:
        line: of :func:`unihm.perception.language.normalize.words_of`, with blanks between words.
    """
    pieces = _PARTS.split(line.strip())
    texts, marks = pieces[::2], pieces[1::2]
    asked = set(texts[0].split())
    kept = texts[0]
    for at, text in enumerate(texts[1:], 1):
        comments = not lexicon.ACTIONS.keys().isdisjoint(kept.split()) and is_comment(text, asked)
        if not comments or marks[at : at + 1] == [" ? "]:
            kept += marks[at - 1] + text
            asked |= set(text.split())
    return kept


def is_comment(text: str, asked: set[str] | frozenset[str] = frozenset()) -> bool:
    """Whether a clause changes nothing of a request beside it.

    Args:
        text: the clause, without the mark that ends it.
        asked: the words of the request.
    """
    text = re.sub(r"(?: [.,;!:])+$", "", text)
    text = re.sub(r"(?<! is) (?:in|around) here$", "", text)  # "it is cold in here"
    found = _SUBJECT.fullmatch(text)
    if found is None or not _is_finite(found):
        return False
    words = text[found.end("link") :].split()
    about_it = found["person"] in (None, "they") and found["whose"] in (None, "the")
    if _CHANGES & set(words) or _DESCRIBES & set(words):
        return False
    if found["person"] in ("i", "we") and _NOT_ABLE.match(found["said"]):
        return True
    if _acts(found, words):
        return False
    if _WHERE.search(f"{text[found.end('link') :]} ") and (about_it or _POINTS & set(words)):
        return False
    if _IS_OVER.search(text) or (about_it and _HAS.match(found["said"])):
        return False
    if about_it and not found["whose"] and found["auxiliary"] and _names_a_thing(words):
        return False  # "it is a mug": which one
    if lexicon.NEGATIONS & set(words):
        return _only_unable(found, words, asked)
    return not (found["person"] in ("i", "we") and _TAKES_BACK.search(text))


def _is_finite(found: re.Match[str]) -> bool:
    """Whether there is a verb behind the subject."""
    if found["auxiliary"]:
        return found["said"] != found["auxiliary"]  # "as it is" says how
    verb = found["verb"]
    if found["whose"]:  # "the striped towels" are more things
        ends = found["whose"] == "the" and found["said"] == verb
        return _FINITE.fullmatch(verb) is not None and singular(verb) not in NOUNS and not ends
    if found["thing"] in ("that", "this"):  # "that cup"
        return _FINITE.fullmatch(verb) is not None and singular(verb) not in NOUNS
    return verb not in lexicon.RELATIONS and verb not in lexicon.DETERMINERS


def _acts(found: re.Match[str], words: list[str]) -> bool:
    """Whether something is to be done that is offered, or by whom it is asked."""
    if found["whose"]:  # "my hand is full": the subject is no verb
        words = found["said"].split()
    doing = set(_ACTING)
    if found["you"] or found["person"] in ("i", "we"):
        doing |= gerunds().keys() | participles().keys()
        if found["auxiliary"] in ("would", "could"):
            return True
    if found["you"]:
        warned = found["link"].startswith(("or", "otherwise", "before"))
        doing |= set() if warned else lexicon.OTHER
        if found["auxiliary"] in ("can", "do", "did"):
            return True
    to_what = lexicon.DETERMINERS | lexicon.PRONOUNS | {"with", "some"}
    return any(
        word in doing and (word not in _DONE_ALONE or following in to_what)
        for word, following in zip(words, [*words[1:], ""])
    )


def _names_a_thing(words: list[str]) -> bool:
    return any(singular(word) in NOUNS or word in lexicon.NAMES_OF_THINGS for word in words)


def _only_unable(found: re.Match[str], words: list[str], asked: set[str] | frozenset[str]) -> bool:
    """Whether "not" is said of somebody's strength and means nothing that was asked for."""
    somebody = found["person"] or (found["whose"] and not _names_a_thing(words))
    wishes = {"want", "need", "like", "let", "care", "agree", "approve"} & set(words)
    if "let me" in found["said"]:
        wishes -= {"let"}
    said = set(words) - {"i", "we", "my", "the", "me", "to", "a", "is", "are", "not"}
    return bool(somebody) and not wishes and not (_POINTS | asked) & said
