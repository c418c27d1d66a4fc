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

_LINK = r"that way|this way|because|since|cause|cos|coz|cuz|as|or else|or|otherwise|before"
_BE = "is|are|am|was|were"
_AUXILIARY = rf"{_BE}|has|have|had|do|does|did|will|would|can|could|might"
_CLOSED = lexicon.DETERMINERS | lexicon.PRONOUNS | lexicon.CONDITIONS | {"and", "or", "of", "with"}
# "My old knees", "the baby": up to three words.
_NOUN = rf"(?:(?!(?:{_AUXILIARY}|{'|'.join(sorted(_CLOSED))})\b)[a-z]+ ){{1,3}}?"
_SUBJECT = re.compile(
    r"(?P<link>(?:(?:" + _LINK + r") )*)(?:"
    r"(?:(?P<person>i|he|she|we|they|somebody|someone|everyone|everybody|people|mine)|"
    r"(?P<you>you)|(?P<thing>it|that|this)) |"
    rf"(?P<whose>my|his|her|our|their|its|the) (?P<noun>{_NOUN}))(?P<said>(?:(?:just|really|always|"
    rf"still|already|probably|also|so) )*(?:(?P<auxiliary>{_AUXILIARY})\b|(?P<verb>[a-z]+)).*)"
)
_FINITE = re.compile(
    r"\w+(?:[^s]s|ed)|hurt|ache|need|fell|broke|went|came|got|ran|lost|see|want|get|come|eat|"
    r"start|find|notice|arrive|wake|spoil|melt|burn|smell|look|keep|feel"
)
# "Dinner is ready", "customers waiting": these go without an article.
_BARE = re.compile(
    rf"^(?P<link>(?:(?:{_LINK}) )*)(?=(?:{'|'.join(sorted(lexicon.PEOPLE))}|client|dinner|lunch|"
    rf"breakfast|class|school|rain|traffic|work|time|rush hour)s? (?:{_AUXILIARY}|\w{{2,}}ing|"
    r"needs|wants|starts|begins)\b)"
)
_WISH = re.compile(
    r"\b(?:i|we) (?:need|want|(?:would|should) (?:like|love)) (?!to\b|you\b)"
    r"|\b(?:can|could|may|might) (?:i|we) (?:please )?(?:have|get) "
)
_ING = re.compile(rf"(?P<before>(?:(?:{_LINK}) )*(?:my|his|her|our|their|the) (?:[a-z]+ )?[a-z]+) "
                  r"(?P<doing>[a-z]{2,}ing)(?P<more>| (?:for|on|at) .+| now| again)")  # fmt: skip
# Of somebody's own plans: "I have to weigh the next one".
_PLANS = re.compile(
    r"(?:have|need|got|want|am about|are about|am going|are going|am trying|are trying|had better)"
    r"(?: got)? (?:to )?(?P<verb>[a-z]+)(?P<what>(?: \w+)*)"
)
_TIMES = re.compile(
    rf" (?:in|for|since|within|at) (?:(?:about|only|just) )?(?:(?:{'|'.join(lexicon.NUMBERS)}|\d+|"
    rf"a few|"
    r"half an|an?) )?(?:more )?(?:seconds?|minutes?|hours?|days?|weeks?|years?|ages|oclock|noon|"
    r"midnight|pm|am)\b"
)
# Who comes, or what.
_COMES = "|".join(sorted(lexicon.PEOPLE | lexicon.COMERS))
_PLAINER = (
    (re.compile(r"(?: [.,;!:])+$"), ""),
    # "It is cold in here".
    (re.compile(r"(?<! is) (?:(?:in|around|over|under|down|up|out) )?here$"), ""),
    (
        re.compile(r"\b(not .*)\bany (?:closer|nearer|further|farther|longer|lower|higher)\b"),
        r"\1",
    ),
    (_TIMES, " soon"),
    (re.compile(r"^((?:my|our) \w+ (?:is|are)) (?:so |very |really )?bad$"), r"\1 sore"),
    (re.compile(r"\b(is|are) all (?=\w+$)"), r"\1 "),
    (re.compile(r"\b(is|are) (?:still|already) (?:open|closed|shut)$"), r"\1 ready"),
    (re.compile(r"(?<! is)(?<! are) on top$"), ""),  # "they like cream on top"
    # "This bit keeps coming loose"; "this is hot" has no noun.
    (
        re.compile(
            rf"^((?:(?:{_LINK}) )*)(?:this|these) (?!(?:{_AUXILIARY})\b)"
            rf"(?=[a-z]+ (?:{_AUXILIARY}|\w+s)\b)"
        ),
        r"\1the ",
    ),
    (
        re.compile(r"\b(?:cut|hurt|burnt|burned|pricked|soaked) (?:my|him|her)self\b"),
        "hurt",
    ),
    (re.compile(r"\b(?:asked|asks) for (?!the\b|my\b)"), "likes "),
    (re.compile(r"\b(have|has)(?: (?:only|just))? got (?!to\b)"), r"\1 "),
    # "I have one good arm": what somebody lacks.
    (
        re.compile(
            r"\b(i|we) (?:(?:only|just) )?(?:have|had)(?: (?:only|just))? (?:a|one|two)(?: "
            r"(?:good|bad|free|working|spare|sore|broken|stiff))* (?:arm|hand|leg|eye|back|wrist|"
            r"shoulder|knee|foot|pair of hands)s?(?: (?:free|left|only|now))*$"
        ),
        r"\1 am busy",
    ),
    # "A customer is coming"; "a cup is on the shelf" is no comment.
    (
        re.compile(
            rf"^((?:(?:{_LINK}) )*)(?:an?|some|another) (?=(?:\w+ )?(?:{_COMES})s? "
            rf"(?:{_AUXILIARY}|wants?|needs?|just)\b)"
        ),
        r"\1the ",
    ),
    # "The label on it has come loose".
    (
        re.compile(
            r"^(?:the|its) \w+(?: (?:on|of) it)? (?:has|have|is|are|keeps?)"
            r"(?: (?:come|coming|gone|going|getting|worked))? (?:loose|unstuck|undone)$"
        ),
        "it is wobbly",
    ),
    (re.compile(r"\bthe whole (?:thing|lot|place)\b"), "it"),
    # "Because after I need it", as some say for "afterwards".
    (re.compile(rf"^((?:{_LINK}) )(?:after|later) (?=(?:i|we) )"), r"\1"),
)
_PERSONAL = frozenset({"like", "likes", "want", "love", "know", "ordered", "need", "hate"})
_SPACE = re.compile(
    r"(?:need|want|could use|must have|would like|would love|fancy|could do with|am dying for) "
    r"(?:(?:some|more|the|a|a bit of|a little|a bit more|another|a quick|my) )*"
    r"(?:room|space|time|light|air|coffee|help|rest|peace|quiet|sip|bite|drink|break|nap|"
    r"breather|taste)(?: (?:here|now|for .+))*"
)
# What there is, and of which nothing is asked.
_THERE_IS = re.compile(
    rf"(?:(?:my|the|a) )?(?:\w+ )?(?:{_COMES})s? (?:is|are) "
    r"(?:(?:already|almost|now) )?here|"
    rf"(?:{_LINK} )?there (?:is|are) (?:(?:a|some|small|little|many|lots of) )*"
    rf"(?:{'|'.join(sorted(lexicon.PEOPLE))})s?(?: (?:around|about|here|nearby|in the \w+))?|"
    r"(?:" + _LINK + r" )?there (?:is|are) (?:(?:no|not enough|not much|hardly any|not any|too "
    r"much|plenty of|enough|no more) (?:room|space|time|light|place|rush|hurry)(?: (?:left|here|"
    r"there|for .+|on .+))*|(?:(?:a|an|another|some|more|the|many|lots of) )*(?:\w+ ){1,2}"
    r"(?:coming|waiting|approaching|arriving|due|watching)(?: .*)?|"
    r"(?:a|an) (?:draught|draft|leak|smell|spill|mess|queue|line|fire|fly|wasp))"
)
_OWN = re.compile(
    r"(?:my|our) (?:\w+ )?\w+ (?:is|are) (?:not|no longer|hardly)(?: any more| quite)? (?:what|as|"
    r"so "
    r"\w+ as|that|as \w+ as) .+"
)
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
    r"(?:(?:reach|see|find|lift|hold|carry|move|open|manage|get|get to|do) |"
    r"(?:read|hear|make out|bend|walk|concentrate|work|cook|breathe|stand up|get up)\b)"
)
_TAKES_BACK = re.compile(
    r"\b(?:have|has|had|got|took|found|needs?|wants?|do|does|did|will do) "
    r"(?:got )?(?:it|them|that|one|this)\b(?! (?:for|now|today|soon|tonight|so|very|badly))"
    r"|\b(?:wants?|needs?|likes?) (?!it|them|to\b)|\b(?:needs?|has|have|had) to be\b"
)
_IS_OVER = re.compile(r"\b(?:is|are|was|were) (?:over|off|out|taken|closed|done)\b")
# "A customer has it" already, or "is using it".
_HAS_IT = re.compile(
    r"\b(?:has|took|got|(?:hold|us|wear|carry|read|drink|eat|clean|fix|work)ing)"
    r"(?: (?:got|on|with))? (?:it|them|one)(?: (?:already|now|right now|still))?$"
)
# "It has a crack" says which one; "it has been raining" does not.
_HAS = re.compile(r"(?:has|have|had)\b(?! (?:been|got to|to)\b)")
# What no relative clause follows.
_AFTER_CLOSED = "|".join(
    rf"(?<= {word} )"
    for word in re.findall(
        r"\w+", "me us it up here over away down left back right there please slowly gently now"
    )
)
_AFTER_WORDS = "".join(
    rf"(?<!\b{word})"
    for word in [
        *_LINK.split("|"),
        *re.findall(
            r"\w+", "and but so if when until unless once while after that which what where how"
        ),
    ]
)
_PARTS = re.compile(
    rf"( [,.;!:?] | (?=(?:{_LINK}) (?:(?:after|later) )?(?:i|he|she|we|they|you|it|that|this|my|"
    r"his|her|our|their|the)\b)"
    # Without a comma: "closer to me I can't hear" has no relative clause, nor has "it is mine".
    rf"|(?:{_AFTER_CLOSED})(?=(?:i|we|he|she|my \w+|our \w+) (?:can|am|are|is|have|do|need)\b)"
    rf"|{_AFTER_WORDS} (?=it is ))"
)
# A relative clause ends so: "the box it is in".
_STRANDED = frozenset(lexicon.RELATIONS) | {"of", "to", "with", "from", "for", "about"}
_ACTING = lexicon.ACTIONS.keys() - {"hand", "left", "fit", "lean", "pack", "load"}
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
        requests = not lexicon.ACTIONS.keys().isdisjoint(kept.split()) or _WISH.search(kept)
        comments = bool(requests) and is_comment(text, asked)
        comments &= bool(marks[at - 1].strip()) or not _ends_open(text)
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
    text = _plainly(text)
    if _THERE_IS.fullmatch(text) or _OWN.fullmatch(text):
        return True
    found = _SUBJECT.fullmatch(text)
    if found is None or not _is_finite(found):
        return False
    words = text[found.end("link") :].split()
    if found["person"] in ("i", "we") and _is_own_plan(found["said"]):
        return True
    about_it = found["person"] in (None, "they") and found["whose"] in (None, "the")
    about_it &= not _is_of_people(found)
    if _CHANGES & set(words) or _DESCRIBES & set(words):
        return False
    if found["person"] in ("i", "we") and _NOT_ABLE.match(found["said"]):
        return True
    if _acts(found, words):
        return False
    if _WHERE.search(f"{text[found.end('link') :]} ") and (about_it or _POINTS & set(words)):
        return False
    if _IS_OVER.search(text) or _HAS_IT.search(text) or (about_it and _HAS.match(found["said"])):
        return False
    if (
        about_it
        and not found["whose"]
        and found["auxiliary"]
        and _names_a_thing(" ".join(words).partition(" for ")[0].split())
    ):
        return False  # "it is a mug": which one
    if lexicon.NEGATIONS & set(words):
        return _only_unable(found, words, asked)
    explained = found["link"].startswith(("because", "since", "cause", "cos", "coz", "cuz"))
    explained = explained and words[-1] in _POINTS
    return explained or not (found["person"] in ("i", "we") and _TAKES_BACK.search(text))


def _plainly(text: str) -> str:
    """A clause with its article and auxiliary, and without what changes nothing in it."""
    for pattern, plainer in _PLAINER:
        text = pattern.sub(plainer, text)
    return _ING.sub(_with_auxiliary, _BARE.sub(r"\g<link>the ", text))


def _ends_open(text: str) -> bool:
    """Whether what has no comma before it is a relative clause: "the box it is in"."""
    return text.split()[-1] in _STRANDED and re.match(rf"(?:{_LINK})\b", text) is None


def _with_auxiliary(found: re.Match[str]) -> str:
    """Such as "the customers are waiting" of "customers waiting"; not "the cup standing there"."""
    doing = found["doing"]
    if found["before"].endswith((" is", " are", " was", " were")):
        return found.group(0)
    if doing in gerunds() or doing in lexicon.STANDING or singular(doing) in NOUNS:
        return found.group(0)
    return f"{found['before']} is {doing}{found['more']}"


def _is_own_plan(said: str) -> bool:
    """Whether somebody tells what he has to do himself or lacks; taking something is asked."""
    if _SPACE.fullmatch(said):
        return True
    found = _PLANS.fullmatch(said)
    if found is not None and found["verb"] in _DONE_ALONE and not found["what"]:
        return True  # "I need to stand"
    if found is None or found["verb"] in lexicon.ACTIONS or found["verb"] not in lexicon.OTHER:
        return False
    changed = lexicon.CONDITIONS | lexicon.NEGATIONS | lexicon.ACTIONS.keys()
    changed |= {"first", "then", "but", "other", "you", "and", "or"}
    return not changed & set(found["what"].split())


def _is_of_people(found: re.Match[str]) -> bool:
    """Whether it is told of somebody: "the boss is on the line", "they like cream on top"."""
    noun = singular(found["noun"].split()[-1]) if found["whose"] else ""
    return noun in lexicon.PEOPLE or (found["person"] == "they" and found["verb"] in _PERSONAL)


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
        word in doing and (gerunds().get(word, word) not in _DONE_ALONE or following in to_what)
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
