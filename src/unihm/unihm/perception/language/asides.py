"""What people say around a request: greetings, reasons, politeness, false starts of a word.

"My hands are full, so could you put the sponge in the sink" asks for what stands behind the comma.
What is taken away here is either an idiom that is listed, or a statement that reports nothing,
forbids nothing and makes no condition; what is left has to be a whole request by itself, and a
word such as "it" in it has to mean the one thing that the statement named.
"""

from __future__ import annotations

import re

from unihm.perception.language import grammar, lexicon
from unihm.perception.language.command import Phrase
from unihm.perception.language.nouns import NOUNS

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
_HAND = r"(?:arm|hand|gripper|fingers)"
_MOMENT = r"(?:a|the|one) (?:moment|minute|second|sec|chance|time)"
_POLITE_IF = (
    rf"(?:if you (?:do not mind|would not mind|please|could|can|would|like|want|(?:have|get) "
    rf"{_MOMENT}|have time)(?! (?:to|it|that|the|a)\b)"
    r"|if (?:it|that) is (?:ok|okay|fine|possible|alright|all right|no trouble)(?: (?:with|by|for) "
    r"you)?"
    r"|if (?:it|that) is not (?:too much|any|a|too)(?: big)? (?:trouble|bother|hassle|problem|ask)"
    r"(?: (?:for you|at all))*|if you would(?= ,)|if i may"
    rf"|when(?:ever)? you (?:are ready|can|like|(?:have|get) {_MOMENT}|have time)"
    r"|as soon as you (?:can|are ready)|while you are at it)"
)
_FEELING = (
    r"(?:(?:i|we) (?:am|are)|it is)(?: (?:so|very|really|quite|a bit|a little|kind of|sort of|"
    r"getting|pretty|just|too|in))* (?:thirsty|hungry|tired|cold|hot|busy|late|ready|bored|"
    r"starving|done|finished|urgent|important|waiting|a hurry)(?: (?:now|already|today))?"
)

# Why something is done with care; how it is done does not change by it.
_FRAIL = (
    r"(?:fragile|delicate|breakable|old|antique|precious|valuable|expensive|hot|heavy|full|sharp|"
    r"slippery|wet|dirty)"
)
# Greetings, hesitations and the like, at the beginning.
_INTERJECTION = re.compile(
    r"(?:um|uh|uhm|er|erm|hmm|oh|ah|ok|okay|right|alright|all right|well|so|and|but|hey(?: there)?"
    r"|hi(?: there)?|hello(?: there)?|of course|certainly|absolutely|"
    r"good (?:morning|afternoon|evening|day)|morning|yeah|yes|yep|"
    r"sure|now(?: then)?|then|next(?: one)?(?: up)?|please|robot(?: arm)?|mister robot|buddy|mate|"
    r"pal|dear|my friend|young (?:man|lady)|sir|madam|mister|sweetheart|come on|"
    r"go on(?: then)?|listen(?: up)?|look here|let us see|let me see|"
    r"excuse me|pardon me|you know(?: what)?|guess what|anyway|good job|well done|"
    r"nice(?: one| work| job)?|very good|excellent|lovely|wonderful|super|honestly|ha|haha|"
    r"phew|goodness(?: me)?|gosh|wow|"
    r"great|perfect|cool|thanks|thank you|like|just|i mean|,|\.|!)"
    r"(?: |$)"
)
# Ways to begin a request that say nothing of it.
_OPENER = re.compile(
    r"(?:(?:i am |we are )?sorry to (?:bother|trouble|disturb) you(?: again)?(?: (?:but|,))*"
    r"|i (?:was|am) (?:just )?wondering(?: if| whether| ,)?(?= (?:you )?(?:could|can|would)\b)"
    r"|time to \w+(?: up)?(?: now)?(?= [.,;])|go(?: ahead| on| over)? and"
    r"|(?:i (?:think|guess) )?(?:it is )?time (?:for you )?to(?= )"
    r"|do not (?:forget|hesitate|fail) to(?= )|no (?:rush|hurry|pressure|worries)"
    r"|time for (?:\w+ )?(?:breakfast|lunch|dinner|tea|coffee)"
    r"|(?:the|your) (?:next|first|last|only) (?:thing|task|job|step|goal)(?: for you)? is to"
    r"|your (?:job|task|goal|mission)(?: here| now| today)* is(?: to|(?: (?:simple|easy|clear))"
    r"(?: [:,.])?)"
    r"|what (?:i|we) (?:want|need|would like) you to do(?: now| next)* is(?: to)?"
    r"|(?:might|may|can|could) i (?:please )?(?:ask|trouble|bother) you to|let us see you(?= \w)"
    r"|have the robot|i (?:would like|want|need) for you to"
    r"|do (?:me|us) (?:a|one) (?:favor|favour|kindness)(?: (?:and|please|,|:))*"
    r"|(?:(?:would|could|can|will) you )?(?:please )?be (?:a |an |so )(?:\w+ )?(?:dear|robot|"
    r"friend|sweetheart|angel|star|pal|buddy|kind)(?: (?:and|to|as to))+"
    r"|(?:i think |maybe |perhaps )(?:you|we) (?:should|could|can)(?: now)?"
    r"|(?:reach|lean|stretch)(?: (?:forward|over|out|down|across|in))+ and"
    rf"|(?:extend|lower|stretch out|stretch|use) your {_HAND}(?: (?:down|over|forward|out|"
    r"across))* and"
    r"|(?:looking|when you look) (?:at|over|around) (?:the|this|your) (?:table|scene|board|desk|"
    r"workspace)(?: in front of you)?"
    r"|from where you (?:are |stand|sit|standing|sitting)+"
    r"|(?:i|we) (?:have )?(?:thought|been thinking) about it(?: (?:and|so|,))*"
    r"|i need (?:a hand|some help|help|your help)(?: here| with something)?"
    r"|this (?:is|may be|will be) (?:a (?:bit|little) )?(?:tricky|difficult|hard|easy)(?: but)?"
    rf"|{_POLITE_IF}|{_FEELING})(?: (?:,|\.|so|but))*(?: |$)"
)
# The same at the end.
_CLOSING = re.compile(
    r"(?: (?:,|\.|!|and|so))*(?: (?:please and thank you|pretty please|"
    r"(?:thanks|thank you|cheers|ta)"
    r"(?: (?:so|very|ever so) much| a (?:lot|bunch|million)| again| in advance)?"
    r"(?: (?:robot|mate|buddy|dear|my friend))?"
    r"|you are (?:the best|great|awesome|amazing|wonderful|(?:so|very) kind|"
    r"a (?:star|legend|lifesaver|dear|hero|genius))"
    r"|already|okay|ok|alright|yeah|hurry(?: up)?|come on"
    r"|(?:would|will|could|can) you(?: please)?"
    rf"|{_POLITE_IF}|{_FEELING}"
    r"|i have (?:got|caught) it(?: now)?|(?:my )?(?:love|darling|honey|sweetie|hon|boss|champ)"
    r"|so(?: that)? (?:i|we|she|he|they|my \w+|the \w+|everybody|everyone) can "
    r"(?:see|reach|use|read|get to|have|take|open) (?:it|them|this|that)(?: better| too| easily)?"
    r"|i am (?:done|finished|through) (?:eating|drinking|reading|writing|cooking|with (?:it|that))"
    r"|(?:there|that) is a (?:good|nice) (?:fellow|lad|boy|girl|chap|robot|man)"
    rf"|it is (?:(?:very|really|so|quite|rather|pretty|a bit|an?) )*{_FRAIL}"
    r"(?: (?:one|china|glass|porcelain|thing))?"
    r"|i (?:need|want) it(?: (?:now|soon|later|today|right away))?))(?: [.,!?])*$"
)
# In the middle of a sentence.
_HESITATION = re.compile(
    r"(?:, )?\b(?:um|uh|uhm|er|erm|hmm) (?:, )?|\b(?:the )?(?:what is it called|"
    r"what do you call it|what is that called|whatever it is called) "
)
_POLITE_BETWEEN = re.compile(rf" , {_POLITE_IF} (?=, )")
# "The umbrella, the black one": told in two goes.
_NO_PART = rf"(?:(?!(?:{'|'.join(sorted(lexicon.DETERMINERS | _LINKS))})\b)\w+ )"
_BLACK_ONE = re.compile(
    rf"\b(the|my|that|this|your|our|an?) ({_NO_PART}{{0,3}}?)(?=\w)(\w+)((?: for me| please)?) , "
    rf"(?:the|a|an|my) ({_NO_PART}{{1,3}})ones?(?= [.,!?]| not\b| please\b|$)"
)
_REPEATED = re.compile(r"\b((?:\w+ )?\w+)(?: (?:, )?\1)+\b")
# Statements that name the thing which "it" then means.
_NAMES = re.compile(
    r"(?:in front of (?:you|me) |here |over there |on the table )?there is (?P<there>(?:a|an|one|"
    r"some|the) .+)"
    r"|(?:you (?:can |will |should )?|can you |do you )?see (?P<seen>(?:the|that|this|a) .+)"
    r"|(?:i|we) (?:want|need|would like|am looking for|are looking for) (?P<wanted>(?:the|that|"
    r"this|a|an|my) .+?)(?: now| over there| again)*"
    r"|the (?P<kind>\w+)(?: (?:that |which )?(?:i|we|you) (?:want|need|mean|am looking for|"
    r"are looking for))? is (?P<named>(?:the|a|an) .+)"
    r"|(?P<subject>(?:the|that|this|my) .+?) (?:is|has|looks) (?!the |a |an |in |on |next |near |"
    r"beside |behind |under |to |at |from )\w+(?: \w+)?"
    r"|(?:i (?:guess|think) )?we (?:could|can|will) (?:start|begin) with (?P<first>(?:the|that) .+)"
    r"|(?:that|this) is (?P<shown>(?:a|an|the|my) .+)"
    r"|(?:i|we) can not (?:reach|get|find|see|lift|hold|open|get to) (?P<missed>(?:the|that|this|"
    r"my) .+?)(?: (?:from here|anymore|anywhere|myself))*"
)
_TOPIC = re.compile(r"(?P<thing>(?:the|that|this) (?:(?!the ).)+?)(?P<more> the .*)?")


def without_asides(words: list[str]) -> list[str]:
    """The words of the request alone; the same words where nothing can be left out.

    Args:
        words: as of :func:`unihm.perception.language.normalize.words_of`.
    """
    if not _STOPS.isdisjoint(words):
        return words
    line = _HESITATION.sub("", f"{' '.join(words)} ").strip()
    line = _REPEATED.sub(r"\1", line)
    line = _POLITE_BETWEEN.sub(" ", line)
    line = grammar.THE_ONE.sub(" ", line)
    line = _BLACK_ONE.sub(r"\1 \5\2\3\4", line)
    line = _stripped(line)
    rest = _after_statement(line.split())
    return _stripped(" ".join(rest)).split() if rest else line.split() or words


def _stripped(line: str) -> str:
    """Without what is said before and behind a request; never without everything."""
    while True:
        before = line
        for pattern in (_OPENER, _INTERJECTION):
            found = pattern.match(line)
            if found and line[found.end() :].strip():
                line = line[found.end() :].strip()
        found = _CLOSING.search(line)
        if found and line[: found.start()].strip():
            line = line[: found.start()].strip()
        if line == before:
            return line


def _after_statement(words: list[str]) -> list[str]:
    """What follows a harmless statement, with the thing that it named; empty where none does."""
    for at, word in enumerate(words):
        if word in _CONNECTIVES and 0 < at < len(words) - 1:
            said, rest = words[:at], words[at + 1 :]
            while rest and rest[0] in _CONNECTIVES | {"and"}:
                rest = rest[1:]
            if not rest or not _is_harmless(said, word == "so"):
                return []
            rest = _stripped(" ".join(rest)).split()
            return _with_names(rest, said)
    return _after_topic(words)


def _after_topic(words: list[str]) -> list[str]:
    """Such as "the tomato the red one grab it": the thing first, then what to do with it."""
    for at, word in enumerate(words[:-1]):
        if at > 1 and word in lexicon.ACTIONS:
            topic, request = " ".join(words[:at]), words[at:]
            found = _TOPIC.fullmatch(topic)
            if found is None or _thing(found["thing"]) is None:
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
    if re.match(
        r"(?:i|we) can (?:not|never|hardly|barely) (?:reach|get|find|see|lift|hold|open|get to|"
        r"manage|do) ",
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
            r"(?:i|we|it|this|that|there|here|my|our|your|the|a|an|these|those|now that|"
            r"(?:in front|over there|on the)(?=.* (?:is|are) )|you (?:can |will )?(?:see|need)|"
            r"can you see|do you see|see|today|"
            r"lunch|dinner|breakfast)\b",
            line,
        )
    )


def _with_names(rest: list[str], said: list[str]) -> list[str]:
    """The request with the thing in place of "it"; empty where it is not known what that is."""
    rest = re.sub(r"\b(?:that|this) one\b", "it", " ".join(rest)).split()
    pointing = [at for at, word in enumerate(rest) if _points(word, rest[at + 1 : at + 2])]
    if not pointing:
        wishes = {"want", "need", "like", "looking"} & set(said)
        return [] if wishes else rest  # two requests, or one that is explained?
    thing = _named(" ".join(said))
    at = pointing[0]
    if thing is None or len(pointing) > 1 or rest[at] in ("one", "ones"):
        return []  # "the blue one": of which things is not known
    return [*rest[:at], *thing.split(), *rest[at + 1 :]]


def _points(word: str, following: list[str]) -> bool:
    """Whether a word stands for a thing; "that cup" names it, "that one" does not."""
    if word in ("that", "this", "these", "those"):
        return not following or following[0] in _AFTER_POINTING
    return word in _POINTING


def _named(said: str) -> str | None:
    """The one thing that a statement is about, as words with an article."""
    found = _NAMES.fullmatch(said)
    if found is None:
        found = _TOPIC.fullmatch(said)
        return None if found is None or _thing(found["thing"]) is None else found["thing"]
    words = next(value for key, value in found.groupdict().items() if value and key != "kind")
    if found["named"] and found["kind"] not in ("target", "object", "thing", "goal", "one"):
        words = re.sub(r"\bone\b", found["kind"], words, count=1)
    words = re.sub(r"^(?:a|an|one|some|my|that|this) ", "the ", words)
    return None if _thing(words) is None else words


def _thing(words: str) -> Phrase | None:
    """The phrase that all the words are; None where they are anything else."""
    clause = grammar.read_clause(words.split())
    alone = clause.mood in (grammar.Mood.THING, grammar.Mood.UNREAD) and len(clause.targets) == 1
    return clause.targets[0] if alone and not clause.unknown and clause.targets[0].noun else None
