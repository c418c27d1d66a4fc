"""What people say around a request: greetings, reasons, politeness, false starts of a word.

"My hands are full, so could you put the sponge in the sink" asks for what stands behind the comma.
What is taken away here is either an idiom that is listed, or a statement that reports nothing,
forbids nothing and makes no condition; what is left has to be a whole request by itself, and a
word such as "it" in it has to mean the one thing that the statement named.
"""

from __future__ import annotations

import re

from unihm.perception import colors
from unihm.perception.language import grammar, lexicon
from unihm.perception.language.command import Action, Phrase
from unihm.perception.language.comments import is_comment, without_comments
from unihm.perception.language.corrections import (
    without_ruled_out,
    without_what_does_not_matter,
)
from unihm.perception.language.nouns import NOUNS
from unihm.perception.language.politeness import POLITE_IF, SOMEONE, VERBS, WHOM, stripped
from unihm.perception.language.statements import with_thing_named

_PREPOSITIONS = (
    "in", "on", "under", "underneath", "behind", "beside", "next to", "near", "between",
    "in front of", "to the left of", "to the right of", "by", "inside", "at", "close to",
)  # fmt: skip
_MARKS = frozenset({",", ".", ";", ":", "!", "?"})
_CONNECTIVES = _MARKS | {"so", "but"}
_POINTING = frozenset({"it", "one", "ones", "them"})
_AFTER_POINTING = frozenset({"up", "down", "over", "in", "on", "to", "into", "onto"})
_MODAL = frozenset(
    {"must", "should", "shall", "may", "might", "would", "could", "forbidden", "allowed", "wish"}
)
_STOPS = frozenset(
    ["stop", "halt", "freeze", "abort", "emergency", "cease", "wait", "cancel", "pause", "quit"]
)
_SOMEBODY = lexicon.PEOPLE | {"he", "she", "they", "people", "who", "nobody"}
_LINKS = frozenset(re.findall(r"\w+", """
    in on at to of from with by near next behind beside under between into onto off for and or that
    which is are not one it me you i
"""))  # fmt: skip
# In the middle of a sentence.
_HESITATION = re.compile(
    r"(?:, )?\b(?:um|uh|uhm|er|erm|hmm) (?:, )?|\b(?:(?:the|that|this|a) (?:, )?)?"
    r"(?:what is it called|what do you call (?:it|that)|what is that called|whatever it is called|"
    r"what is the word|what is the name) (?:again )?(?:, )?"
    r"|, like ,(?= )|(?:, )?\byou know (?!what|that|where|how|which|who|if|the|it)(?:, )?"
)
# "Push it um push the speaker": the verb again.
_FALSE_START = re.compile(rf"\b({VERBS}) (?:it|the|that|this) (?:, )?(?:um|uh|uhm|er|erm|hmm) "
                          r"(?:, )?(?=\1 )")  # fmt: skip
_CALLED = re.compile(
    rf"^(?:(?:oh|ok|okay|hey|so|now|well|yo) (?:, )?)*{WHOM}(?: ,|(?= (?:could|can|would|will|"
    rf"please|kindly|may|{VERBS}) (?!is\b|are\b))) |(?<=you) , {WHOM} ,|"
    rf" , {WHOM} ,(?= (?:and|to|as) )| , {WHOM}(?= [.,;!?]|$)"
)
# Between two marks, unless things are counted up: "the tea, honey, and the plate".
_CALLED_BETWEEN = re.compile(rf"(?<!\byou) , {WHOM}(?= , (?!(?:and|to|as)\b))")
# Why it is done: what somebody can do then, or how a thing stays. That it stands somewhere, or may
# not touch something, says how to do it.
_NO_VERB = r"(?!(?:and|or|but|then|if|when|unless|until|you|before|after|once|while)\b)\w+"
_PURPOSE = re.compile(
    r"(?: ,)? (?:"
    rf"so(?: that)? {SOMEONE}(?: (?:all|both|also|still))* (?:can|could|may|might|will|would|do|"
    rf"does|have|has|had|got|know|knows|see|sees|get|gets|am|are|is)"
    rf"(?: {_NO_VERB}){{0,8}}"
    rf"|so(?: that)? (?:nobody|no one|everybody|everyone|he|she) \w+s(?: {_NO_VERB}){{0,6}}"
    r"|so(?: that)? (?:it|they) gets? (?:(?:some|more|enough|the) )?(?:sun|light|air|water|warmth)"
    r"|so(?: that)? (?:it|they) (?:stays?|keeps?|remains?|can (?:dry|cool|rest|drain|breathe|thaw|"
    r"charge|soak)|dries|dry|cools?|is out of (?:the|my|our) way|is not in (?:the|my|our) way)"
    r"(?: (?:down|off|out|up|warm|cold|cool|dry|fresh|safe|clean|nice|wet|hot|charged|there|put))*"
    r"|for (?:my |the |our )?(?:breakfast|lunch|dinner|supper|tea|later|school|work|dessert)"
    r")(?= [,.;!?]|$)"
)
# Where the thing is, told after the request.
_STANDS = re.compile(
    r"(?: [,.;!?])+ (?:they are|it is|that is|those are|(?:it|they) (?:should|must|ought to) "
    r"be)(?: (?:somewhere|just|right|over there|"
    rf"there|lying|sitting|standing|probably))* (?={'|'.join(_PREPOSITIONS)} )"
)
_POLITE_BETWEEN = re.compile(rf" , {POLITE_IF} (?=, )")
# "The umbrella, the black one": told in two goes.
_NO_PART = rf"(?:(?!(?:{'|'.join(sorted(lexicon.DETERMINERS | _LINKS))})\b)\w+ )"
_BLACK_ONE = re.compile(
    rf"\b(the|my|that|this|your|our|an?|one) ((?:\w+ of )?{_NO_PART}{{0,3}}?)(?=\w)(\w+)"
    rf"((?: for me|(?: ,)? please)?)(?: ,)?"
    rf" (?:the|a|an|my) ({_NO_PART}{{1,3}})ones?(?= [.,!?]| (?:not|please|and|with|from|rather "
    rf"than|"
    r"instead of)\b|$)"
)
# "The box for me, the one with the tiger": which box, and for whom.
_TOLD_AFTER = re.compile(r"( for (?:me|us)|(?: ,)? please)( , (?:the )?ones? [^,.;!?]+)")
# "The remote the one on the book": the same without a comma.
_THE_ONE = re.compile(
    r"\b(\w+) the ones? (?=(?:that|which|with|on|in|next|behind|beside|under|near|lying|standing|"
    r"closest|nearest)\b)"
)
# "Put the duck in the box, the little yellow duck": the noun again, with what tells it.
_NAMED_AGAIN = re.compile(
    rf"\b(the|my|that|this) (\w+)\b([^.;!?]*?) , (?:the|my) ({_NO_PART}{{1,3}})\2(?= [.,;!?]|$)"
)
# "The small one, not the big one" says nothing more.
_CONTRARY = re.compile(r" ,(?: and)? not the (\w+) ones?(?= [.,;!?]|$)")
# "Not the wooden one, the steel one": what is wanted says it all.
_NOT_THAT = re.compile(
    r" ,(?: and| but| no)? not the (?P<ruled>\w+(?: \w+)?) ones? "
    r"(?=, (?:but )?(?:the|a) (?!(?P=ruled) )(?:\w+ ){1,2}ones?\b)"
)
# "The glass funnel, not the plastic one": nothing is of both.
_OF_MATERIALS = re.compile(r"\b(\w+) (\w+) ,(?: and| but)? not the (\w+) ones?(?= [.,;!?]|$)")
# "The pin, the fourth from the left".
_COUNTED = re.compile(
    rf" , (?:the )?({'|'.join(lexicon.ORDINALS)})(?: one)? (?=(?:from|counting|starting) )"
)
_REPEATED = re.compile(r"\b((?:\w+ )?\w+)(?: (?:, )?\1)+\b")
# Statements that name the thing which "it" then means.
_NAMES = re.compile(
    r"(?:in front of (?:you|me) |here |over there |on the table )?there is (?P<there>(?:a|an|one|"
    r"some|the) .+)"
    r"|(?:(?:you (?:can |will |should )?|can you |do you )?see|(?:do )?you know) "
    r"(?P<seen>(?:the|that|this|a) .+)"
    r"|(?:i|we) (?:want|need|would like|am looking for|are looking for) (?P<wanted>(?:the|that|"
    r"this|a|an|my) .+?)(?: now| over there| again)*"
    r"|the (?:target |next |right )?(?P<kind>\w+)(?: (?:that |which )?(?:i|we|you) "
    r"(?:want|need|mean|am looking for|are looking for))? is (?P<named>(?:the|a|an) .+)"
    r"|(?P<subject>(?:the|that|this|my) .+?) (?:is|has|looks) (?!the |a |an |in |on |next |near |"
    r"beside |behind |under |to |at |from )\w+(?: \w+)?"
    r"|(?:(?:i (?:guess|think) )?we (?:could|can|will)|let us) (?:start|begin) with "
    r"(?P<first>(?:the|that) .+)"
    r"|(?:that|this) is (?P<shown>(?:a|an|the|my) .+)"
    r"|(?:(?:oh|sorry|oops) )?(?:i|we) (?:have )?(?:just )?(?:dropped|lost|misplaced|forgot|"
    r"forgotten) (?P<dropped>(?:the|that|my|our) (?:\w+ ){0,2}?\w+)"
    r"|(?:i|we) can not (?:quite |really )?(?:reach|get|find|see|lift|hold|open|get to) "
    r"(?P<missed>(?:the|that|this|my) .+?)(?: (?:from here|anymore|anywhere|myself))*"
    r"|(?:(?:oh|sorry|oops) )?(?P<fallen>(?:the|that|this|my|our|an?|one) (?:\w+ ){0,3}?\w+) "
    r"(?:(?:has|have|just) )*(?:fell|fallen|rolled|dropped|slipped|slid|landed|is|are|got stuck|"
    r"sits?|stands?|lies?)"
    r"(?: (?:down|over|off|out|away|there|kept|lying|standing|sitting|stuck|right|somewhere|"
    r"very|awfully|too|quite|rather|really|so|still))*"
    rf"(?: (?P<where>(?:{'|'.join(_PREPOSITIONS)}) .+))?"
)
_TOPIC = re.compile(r"(?P<thing>(?:the|that|this) (?:(?!the ).)+?)(?P<more> the .*)?")
_OWN_BODY = re.compile(
    r"(?:both )?my (?:\w+ )?(?:hands?|arms?|legs?|back|knees?|eyes?|foot|feet|wrists?|shoulders?|"
    r"fingers?|hips?|neck|head) (?:is|are|hurts?|aches?|has|have)\b"
)
_ASKING = re.compile(r" (?:could|can|would|will) you$")
# "That pen, can you hand me?"
_HAND_ME = re.compile(r"\b(hand|give|bring|pass|fetch) me(?: [.?!])*$")
_TOPIC_ALONE = re.compile(r"(?P<thing>[^,.;:]+)(?P<more>)")


def without_asides(words: list[str]) -> list[str]:
    """The words of the request alone; the same words where nothing can be left out.

    Args:
        words: as of :func:`unihm.perception.language.normalize.words_of`.
    """
    line = _FALSE_START.sub("", f"{' '.join(words)} ")
    line = _HESITATION.sub("", line).strip()
    line = _REPEATED.sub(r"\1", line)
    if not _STOPS.isdisjoint(words):
        return line.split() or words
    line = with_thing_named(without_what_does_not_matter(without_ruled_out(line)))
    line = _POLITE_BETWEEN.sub(" ", line)
    line = _CALLED.sub("", _CALLED_BETWEEN.sub("", line))
    line = _PURPOSE.sub("", line)
    line = _COUNTED.sub(r" \1 ", _OF_MATERIALS.sub(_of_one_material, _NOT_THAT.sub(" ", line)))
    line = _TOLD_AFTER.sub(r"\2\1", line)
    line = grammar.THE_ONE.sub(" ", line)
    line = _THE_ONE.sub(_with_the_one, line)
    line = _CONTRARY.sub(_unless_contrary, _NAMED_AGAIN.sub(r"\1 \4\2\3", line))
    line = _BLACK_ONE.sub(_in_one_go, line)
    line = without_comments(stripped(without_comments(line)))
    line = _with_place(stripped(line))
    rest = _after_statement(line.split())
    return stripped(" ".join(rest)).split() if rest else line.split() or words


def _in_one_go(found: re.Match[str]) -> str:
    """Such as "the black umbrella" of "the umbrella, the black one".

    Without a comma only of a thing that is asked for.
    """
    determiner, before, noun, after, told = found.groups()
    if _contradicts(before.split(), told.split()):  # "the top drawer, er, the bottom one"
        return found.group(0)
    if " , " not in found.group(0) and not (_is_named(noun) and _asks(found.string)):
        return found.group(0)
    return f"{determiner} {told}{before}{noun}{after}"


def _contradicts(before: list[str], told: list[str]) -> bool:
    """Whether both say which one it is, in words of one kind."""
    kinds = (lexicon.PLACES, lexicon.TIERS, lexicon.ORDINALS, {*colors.NAMES, *colors.SYNONYMS})
    return any(
        {word for word in before if word in kind} != set()
        and {word for word in told if word in kind} - set(before) != set()
        for kind in kinds
    )


def _with_the_one(found: re.Match[str]) -> str:
    """Without "the one" behind the name of a thing: which one comes after it."""
    return f"{found.group(1)} " if _is_named(found.group(1)) else found.group(0)


def _unless_contrary(found: re.Match[str]) -> str:
    """Without "not the big one" where what was said before is small."""
    opposite = grammar.OPPOSITES.get(lexicon.SIZES.get(found.group(1), ""))
    before = {lexicon.SIZES.get(word) for word in found.string[: found.start()].split()}
    return "" if opposite is not None and opposite in before else found.group(0)


def _of_one_material(found: re.Match[str]) -> str:
    """Without "not the plastic one" where what was said before is of glass."""
    material, noun, other = found.groups()
    apart = {material, other} <= lexicon.MATERIALS and material != other
    return f"{material} {noun}" if apart else found.group(0)


def _is_named(noun: str) -> bool:
    return grammar.singular(noun) in NOUNS or noun in lexicon.NAMES_OF_THINGS


def _asks(line: str) -> bool:
    return any(word in lexicon.ACTIONS for word in line.split())


def _with_place(line: str) -> str:
    """With "it is behind the lamp" after a request for one thing as that thing's place."""
    found = _STANDS.search(line)
    if found is None:
        return line
    clause = grammar.read_clause(line[: found.start()].split())
    takes = clause.action in (Action.GRAB, Action.HAND_OVER) and len(clause.targets) == 1
    if not takes or clause.unknown or clause.relations or clause.source or clause.toward:
        return line
    return f"{line[: found.start()]} that is {line[found.end() :].strip()}"


def _after_statement(words: list[str]) -> list[str]:
    """What follows a harmless statement, with the thing that it named; empty where none does."""
    for at, word in enumerate(words):
        if word in _CONNECTIVES and 0 < at < len(words) - 1:
            said, rest = words[:at], words[at + 1 :]
            while rest and rest[0] in _CONNECTIVES | {"and"}:
                rest = rest[1:]
            if not rest:
                return []
            rest = stripped(" ".join(rest)).split()
            named = _with_names(rest, said)
            if _topic(" ".join(said)) is not None and not _asks(" ".join(said)):
                return named if named != rest else []  # "the mug. take the plate" are two
            return named if _is_harmless(said, word == "so") else []
    return _after_topic(words)


def _after_topic(words: list[str]) -> list[str]:
    """Such as "the tomato the red one grab it": the thing first, then what to do with it."""
    for at, word in enumerate(words[:-1]):
        if at > 1 and word in lexicon.ACTIONS:
            polite = at - 2 if _ASKING.search(" ".join(words[:at])) else at
            topic, request = " ".join(words[:polite]), words[at:]
            found = _topic(topic)
            if found is None:
                continue
            if " ".join(request).endswith(topic):
                return request
            if "it" not in request:
                continue
            request = _with_names(words[at:], words[:at])
            return [*request, ".", *found["more"].split()] if found["more"] else request
    return []


def _is_harmless(said: list[str], leads: bool) -> bool:
    """Whether a statement changes nothing of the request that comes after it.

    Args:
        said: its words.
        leads: a "so" follows: it gives the reason.
    """
    line = " ".join(said)
    if is_comment(line) and not line.startswith(("before", "or", "otherwise")):
        return True
    if re.match(
        r"(?:i|we) can (?:not|never|hardly|barely) (?:quite |really )?(?:reach|get|find|see|"
        r"lift|hold|open|get to|manage|do) ",
        line,
    ):
        said = said[3:]
    named = _NAMES.fullmatch(line)
    never = lexicon.NEGATIONS | lexicon.CONDITIONS | lexicon.REPORTS | _MODAL
    if named and named["first"]:
        never = never - {"could"}
    verbs = lexicon.OTHER | set(lexicon.ACTIONS)
    if named and named["seen"]:
        verbs = verbs - {"see"}
    # What a thing is like is no action: "the bowl is empty".
    acts = named["subject"].split() if named and named["subject"] else said
    acting = [w for w in acts if w in verbs and w not in NOUNS]
    if acting or never & set(said) or (not leads and _SOMEBODY & set(said)):
        return False
    return bool(
        re.match(
            r"(?:i|we|it|this|that|there|here|my|our|your|the|a|an|one|these|those|now that|"
            r"(?:in front|over there|on the)(?=.* (?:is|are) )|you (?:can |will )?(?:see|need|"
            r"know)|"
            r"can you see|do you see|see|today|"
            r"lunch|dinner|breakfast)\b",
            line,
        )
    )


def _with_names(rest: list[str], said: list[str]) -> list[str]:
    """The request with the thing in place of "it"; empty where it is not known what that is."""
    told = re.sub(r"\b(?:that|this) one\b", "it", " ".join(rest))
    rest = _HAND_ME.sub(r"\1 it to me", told).split()
    pointing = [at for at, word in enumerate(rest) if _points(word, rest[at + 1 : at + 2])]
    if not pointing:
        sought = re.search(r"\blooking for (?:it|them)\b", " ".join(said))
        if is_comment(" ".join(said)):
            return rest
        wishes = {"want", "need", "like", *(() if sought else ("looking",))} & set(said)
        return [] if wishes else rest  # two requests, or one that is explained?
    thing = _named(" ".join(said))
    at = pointing[0]
    if rest[at] == "it" and len(pointing) == 1 and _acts_on_a_thing(rest[:at]):
        # "So take the fork and give it to me": the fork.
        return rest if thing is None or _OWN_BODY.match(" ".join(said)) else []
    if thing is None or len(pointing) > 1 or rest[at] in ("one", "ones"):
        return []  # "the blue one": of which things is not known
    return [*rest[:at], *thing.split(), *rest[at + 1 :]]


def _acts_on_a_thing(words: list[str]) -> bool:
    """Whether something is asked for by its name before a word such as "it"."""
    verb, *rest = words or [""]
    named = grammar.noun_phrase(grammar.Cursor(rest))
    return verb in lexicon.ACTIONS and named is not None and bool(named.noun) and "and" in rest


def _points(word: str, following: list[str]) -> bool:
    """Whether a word stands for a thing; "that cup" names it, "that one" does not."""
    if word in ("that", "this", "these", "those"):
        return not following or following[0] in _AFTER_POINTING
    return word in _POINTING


def _named(said: str) -> str | None:
    """The one thing that a statement is about, as words with an article."""
    found = _NAMES.fullmatch(said)
    if found is None:
        found = _topic(said)
        return None if found is None else _described(found["thing"])
    if found["fallen"]:
        where = f" that is {found['where']}" if found["where"] else ""
        words = re.sub(r"^(?:my|our|that|this|an?|one) ", "the ", found["fallen"]) + where
        return None if _thing(words) is None else words
    words = next(value for key, value in found.groupdict().items() if value and key != "kind")
    if found["named"] and found["kind"] not in ("target", "object", "thing", "goal", "one"):
        words = re.sub(r"\bone\b", found["kind"], words, count=1)
    words = re.sub(r"^(?:a|an|one|some|my|that|this) ", "the ", words)
    return None if _thing(words) is None else words


def _topic(said: str) -> re.Match[str] | None:
    """What is named alone before something is asked of it; None where it is no one thing."""
    for pattern in (_TOPIC_ALONE, _TOPIC):
        found = pattern.fullmatch(said)
        thing = None if found is None else _thing(found["thing"])
        if thing is not None and not thing.noun.endswith("ed"):  # "my pillow slipped"
            return found
    return None


def _described(thing: str) -> str:
    """A thing with its article, and its place as a clause: "the plate that is on the left"."""
    words = thing.split()
    thing = thing if words[0] in lexicon.DETERMINERS else f"the {thing}"
    if "that" in words[1:]:
        return thing
    return re.sub(rf" (?=(?:{'|'.join(_PREPOSITIONS)}|to the) )", " that is ", thing, count=1)


def _thing(words: str) -> Phrase | None:
    """The phrase that all the words are; None where they are anything else."""
    clause = grammar.read_clause(words.split())
    alone = clause.mood in (grammar.Mood.THING, grammar.Mood.UNREAD) and len(clause.targets) == 1
    return clause.targets[0] if alone and not clause.unknown and clause.targets[0].noun else None
