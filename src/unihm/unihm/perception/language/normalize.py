"""From what somebody typed or a recogniser heard to plain words, or why there are none."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from unihm.perception import colors
from unihm.perception.language import lexicon
from unihm.perception.language import sentence_encoder as text
from unihm.perception.language.nouns import NOUNS
from unihm.perception.language.plainer import MEASURES, plainer

# A verb may come after these, and a word that is none is then rather one with a mistake in it.
_BEFORE_VERBS = frozenset({"and", "then", "please", "you", "to", ",", ".", "robot", "now", "just"})
LONGEST = 500  # characters: more than anybody says in one breath

_CONTRACTIONS = (
    (r"\b(do|does|did|is|are|was|were|could|would|should|must|has|have|had)n ?'? ?t\b", r"\1 not"),
    (r"\b(?:can ?'? ?t|cannot|can not)\b(?! i)", "can not"),
    (r"\bwon ?'? ?t\b", "will not"),
    (r"\b(that|what|it|there|where|who|how|here)'?s\b(?<!\bits)", r"\1 is"),
    (r"\b(it|he|she)'s\b", r"\1 is"),
    (r"\blet ?'?s\b", "let us"),
    (r"\b(i|you|he|she|it|we|they)(?:'| )(?:d)\b", r"\1 would"),
    (r"\b(that|there|this|who)'d\b", r"\1 would"),
    (r"\b(i|you|he|she|it|that|we|they)(?:'| )ll\b", r"\1 will"),
    (r"\b(i|you|we|they)'ve\b", r"\1 have"),
    (r"\bi'?m\b", "i am"),
    (r"\b(you|we|they)'?re\b(?<!\bwere)", r"\1 are"),
    (r"\b(he|she)s\b", r"\1 is"),
    (r"\b(i|you|they)ve\b", r"\1 have"),
    # "Its mine", "its leaking": no noun comes after it.
    (
        r"(?<!\bof )(?<!\bby )(?<!\bon )(?<!\bin )(?<!\bwith )(?<!\bfrom )\bits "
        r"(?=(?:a|an|the|too|so|very|really|super|getting|mine|yours|for|not|just|my|your|hot|cold|"
        r"heavy|dirty|wet|old|full|broken|fragile|sharp|slippery|\w{2,}ing)\b)",
        "it is ",
    ),
    (r"\b(\w{2,}in)'(?=[\s,.!?;]|$)", r"\1g"),  # "layin'"
    (r"\bur (?=(?:good|great|fine|the best|awesome|welcome|done)\b)", "you are "),
    (r"\bur\b", "your"),
    (r"\bya\b", "you"),
    (r"\bgotta\b", "have to"),
    (r"\bc'?mon\b", "come on"),
    (r"\bwich\b", "which"),
    (r"\bcareful (?=it(?:'?s| is)\b)", "careful, "),
    (r"\brn\b", "now"),
    (
        r"\b(that|this) (?:there|here) (?=[a-z]{3,}\b(?<!\bthe))(?!and\b|then\b|please\b|into?\b|"
        r"onto\b)",
        r"\1 ",
    ),
    (r"\bpl+e+a+s+e+\b", "please"),
    (r"\bso{2,}\b", "so"),
    # "Me hands are greasy", "me back's gone".
    (r"(?<!give )(?<!hand )(?<!pass )(?<!bring )(?<!get )\bme (?=\w+(?:'s| is| are|'?re) )", "my "),
    (r"\b(?:u+m{2,}|u{2,}m+)\b", "um"),
    (r"\b(?:u+h{2,}|u{2,}h+)\b", "uh"),
    (r"\s-+\s", ", "),
    # A recogniser that writes the marks out.
    (r"(?<=\w)(?<!\bthe)(?<!\ba)(?<!\bof) (?:period|full stop)\b", "."),
    (r"(?<=\w)(?<!\bthe)(?<!\ba) comma (?=\w)", ", "),
    (r"(?<=\w) (?:question mark)$", "?"),
    (r"(?<=\w) (?:exclamation (?:mark|point))$", "!"),
    (r"\b(?:gonna|wanna)\b", "want to"),
    (r"\bgimme\b", "give me"),
    (r"\boutta\b", "out of"),
    (r"(?<!\w)'?em\b", "them"),
    (r"\blemme\b", "let me"),
    (r"\bu\b(?![ -]shaped)", "you"),
    (r"\bw/o(?=\s)", "without"),
    (r"\bw/ ?(?=\w)", "with "),
    (r"\bplace holder\b", "placeholder"),
    (r"\bmine'?s (?=\w)", "mine is "),
    (  # "dinner's ready", "the dog's barking"
        r"(?<=\w\w)'s (?=(?:on|in|at|under|behind|next to|ready|here|coming|getting|too|so|very|"
        r"really|about to|done|late|hungry|"
        r"not|been|a bit|(?!\w*(?:str|k|w|spr|th)ing\b|ring\b|lining|opening|wedding)\w{2,}ing)\b)",
        " is ",
    ),
    (  # "my throat's dry, ..."
        r"(?<=\w\w)'s (?=(?:dry|sore|stuck|full|empty|cold|hot|warm|wet|sticky|greasy|tired|broken|"
        r"gone|over|loud|busy|asleep|bad|messy|dirty|dusty|dark|off|up|down|out|sick|ill|weak|numb|"
        r"open|closed|shut|missing|low|stiff|burnt|heavy)\s*(?:[,.;:!]|$|so |and |but |now|"
        r"again|today))",
        " is ",
    ),
    (r"(?<=\w\w)'s\b", "s"),  # the visitor's badge
)
# Signs of code; nobody says them.
_CODE = re.compile(r"[|$<>{}\[\]\\=*_~^`@#&+]|--|/\*|;\s*\w+\s+(?:table|-)")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": ","})
# Colours without their last letters, which are in no dictionary of things on a table.
_SHORTENED = {"blu": "blue", "yello": "yellow", "purpl": "purple", "oran": "orange", "grn": "green"}
# A smile or a thumb up adds nothing to what is asked; a stop sign does.
_HARMLESS = re.compile("[\U0001f600-\U0001f64f\U0001f44d\U0001f44b\U0001f916\ufe0f\u200d]")


class NotWords(Exception):
    """The text is no sentence of plain words; the message is the sentence to refuse it with."""


def words_of(sentence: str) -> list[str]:
    """Lower-case words and marks of punctuation, contractions written out, typos mended.

    Raises:
        NotWords: with the reason.
    """
    if not sentence.strip():
        raise NotWords("The instruction is empty.")
    if len(sentence) > LONGEST:
        raise NotWords(
            f"The instruction has {len(sentence)} characters; I read at most {LONGEST}: "
            "say it in one or two short sentences."
        )
    plain = unicodedata.normalize("NFKC", sentence).translate(_QUOTES)
    plain = _HARMLESS.sub(" ", plain)
    plain = re.sub(r"(?<=\d)\s*%", " percent", re.sub(r"(?<=\d)\s*°", " degrees", plain))
    if any(
        unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") and c not in "\t\r\n" for c in plain
    ):
        raise NotWords("The instruction has control characters in it; say it in plain words.")
    letters = [c for c in plain if c.isalpha()]
    foreign = [c for c in letters if not unicodedata.name(c, "").startswith("LATIN")]
    if foreign:
        if len(foreign) > 0.5 * len(letters):
            raise NotWords("The instruction is in another language; I understand English only.")
        raise NotWords(
            f"'{foreign[0]}' in the instruction is a letter of another alphabet; "
            "say it in English, in plain letters."
        )
    code = _CODE.search(plain)
    if code:
        raise NotWords(f"'{code.group(0)[:20]}' is no word; say what to do in plain words.")
    odd = [c for c in plain if unicodedata.category(c) == "So"]
    if odd:
        raise NotWords(f"I do not know what '{odd[0]}' means; say it in words.")
    if not letters:
        raise NotWords("The instruction has no words in it.")
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    plain = re.sub(r"\s+", " ", plain.lower())
    plain = re.sub(r"(?<=\w)\s*(?:\.{2,}|\u2026)\s*(?=\w)", ", ", plain)  # of who thinks aloud
    for pattern, replacement in _CONTRACTIONS:
        plain = re.sub(pattern, replacement, plain)
    plain = re.sub(r"(\d)\s*(cm|mm|m|inches|inch|in)\b", r"\1 \2", plain)
    plain = re.sub(r"(\d),(\d)", r"\1.\2", plain)
    tokens = re.findall(r"\d+\.\d+|[a-z0-9]+|[.,!?;:]", plain.replace("-", " ").replace("'", " "))
    if not any(token.isalnum() for token in tokens):
        raise NotWords("The instruction has no words in it.")
    if _is_foreign(tokens):
        raise NotWords("The instruction is in another language; I understand English only.")
    joined = _joined(tokens)
    starts = {k for k in range(len(joined)) if k == 0 or joined[k - 1] in _BEFORE_VERBS}
    return [mended(token, k in starts) for k, token in enumerate(joined)]


def _joined(tokens: list[str]) -> list[str]:
    """Words that belong together, together: "left most", "pick-up", "coloured"."""
    line = " ".join(tokens)
    for pattern, replacement in (
        (r"\b(left|right|middle|center|top|bottom|front|back)(?: |)most\b", r"\1most"),
        (r"\b(north|south) (west|east)(ern)?\b", r"\1\2"),
        (r"\b(left|right) hand( side)\b", r"\1\2"),
        (r"\bcolou?r(?:ed|s)?\b", "colored"),
        (r"\bshape(?=\W+(?:object|thing|item|one|block|piece)s?\b)", "shaped"),
        (r"\bpick ?up\b", "pick up"),
        (r"\b(on|to|at) (left|right) (side |)of (?=[a-z])", r"\1 the \2 \3of "),
        (r"\bont he\b", "on the"),
        (r"\bint he\b", "in the"),
        (r"\bred bull\b", "redbull"),
        (r"\bcheez it\b", "cheezit"),
        (r"\b([b-hj-z]) shaped\b", r"\1shaped"),
        (r"\ball the way (?=on|at)", ""),
        (r"\bclos(?:et|es|set) (?=to |from )", "closest "),
        (r"\bthe (?=is (?:in|on|the|closest|second|next|between|touching)\b)", "that "),
        (r"\bsome ?thing\b", "something"),
        (r"\bupside down\b", "upsidedown"),
    ):
        line = re.sub(pattern, replacement, line)
    return plainer(line).split()


def _is_foreign(tokens: list[str]) -> bool:
    words = [t for t in tokens if t.isalpha()]
    foreign = sum(w in lexicon.FOREIGN for w in words)
    english = sum(w in _function_words() for w in words)
    return foreign >= 2 and foreign > english


@cache
def _function_words() -> frozenset[str]:
    relations = {word for expression in lexicon.RELATIONS for word in expression.split()}
    return frozenset({
        *lexicon.DETERMINERS, *lexicon.FILLER, *lexicon.ME, *lexicon.PRONOUNS, *relations,
        *lexicon.ACTIONS, "of", "to", "from", "is", "are", "i", "can", "could", "would", "do",
        "will", "with", "for", "off", "towards", "toward",
    }) - lexicon.FOREIGN  # fmt: skip


@cache
def _known() -> frozenset[str]:
    """Every word that has a meaning of its own here."""
    nouns = {word for noun in NOUNS for word in noun.split()}
    return (
        _function_words()
        | nouns
        | {f"{noun}s" for noun in nouns}
        | lexicon.OTHER
        | lexicon.MANNER
        | lexicon.ALL
        | lexicon.GENERIC
        | lexicon.STANDING
        | lexicon.SIDES
        | lexicon.TABLES
        | lexicon.CONDITIONS
        | lexicon.NEGATIONS
        | lexicon.HELD
        | {*lexicon.PLACES, *lexicon.SIZES, *lexicon.DIRECTIONS, *lexicon.ORDINALS}
        | {*lexicon.NUMBERS, *lexicon.UNITS, *colors.NAMES, *colors.SYNONYMS}
        | lexicon.NAMES_OF_THINGS
        | lexicon.BODY
        | lexicon.MATERIALS
        | {
            name[:-1]
            for name in lexicon.NAMES_OF_THINGS
            if re.search(r"(?<![suioh])(?<!ie)(?<!che)(?<!she)(?<!oe)s$", name)
        }
        | {"prickly", "sticky"}
        | {"colored", "shaped", "fingers", "handle", "halt", "abort", "freeze", "emergency"}
    )


@cache
def _verbs_alone() -> frozenset[str]:
    """Verbs of what cannot be done that name no thing."""
    return lexicon.OTHER - NOUNS.keys() - lexicon.NAMES_OF_THINGS


@cache
def is_known(word: str) -> bool:
    """Whether it is a word at all: one of ours, of English, or two of them in one."""
    if word in _known() or text.is_word(word):
        return True
    return (
        any(text.is_word(word[:k]) and text.is_word(word[k:]) for k in range(3, len(word) - 2))
        or any(
            word.endswith(ending)
            and len(word) > len(ending) + 3
            and (
                text.is_word(word[: -len(ending)])
                or (ending in ("ed", "ing") and f"{word[: -len(ending)]}e" in _known())
            )
            for ending in ("er", "ers", "ing", "ed", "or", "y", "ly", "ies")
        )
        or (word.endswith("r") and word[:-1] in _known())
        or (word.endswith("s") and len(word) > 4 and is_known(word[:-1]))
    )


@cache
def is_plausible(word: str) -> bool:
    """Whether it can be a name that no list has.

    It can be spoken, or is a measure or the designation of a part ("50ml", "m6").
    """
    return re.fullmatch(rf"\d+(?:{MEASURES})|\d+x\d+|[a-z]{{1,2}}\d{{1,3}}", word) is not None or (
        len(word) > 2
        and not word.isdigit()
        and re.search(r"[aeiouy]", word) is not None
        and re.search(r"[bcdfghjklmnpqrstvwxz]{5}|(.)\1\1|^[bcdfgjkmnpqtvwxz]{3}", word) is None
        and re.search(r"[aeiou]{4}|q(?!u)", word) is None
    )


# Rows of a keyboard, each shifted by half a key to the one above.
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_VOWELS = frozenset("aeiouy")
_SOUND_ALIKE = ({"c", "k", "s", "q"}, {"f", "v"}, {"b", "p"}, {"d", "t"}, {"g", "j"}, {"s", "z"})


@cache
def _is_slip(typed: str, meant: str) -> bool:
    """Whether a letter is easily typed or heard for another: the next key, or much the same sound.

    "crock" is no "clock" with a mistake in it, and "cuo" may be a "cup".
    """
    if {typed, meant} <= _VOWELS or any({typed, meant} <= pair for pair in _SOUND_ALIKE):
        return True
    (row, column), (other, beside) = (
        next((k, line.index(c)) for k, line in enumerate(_ROWS) if c in line)
        for c in (typed, meant)
    )
    return abs(row - other) <= 1 and abs((column + 0.5 * row) - (beside + 0.5 * other)) <= 1


def _is_mistyped(word: str, candidate: str) -> bool:
    """Whether no letter stands for one that it is neither near to nor sounds like."""
    if len(word) != len(candidate) or sorted(word) == sorted(candidate):
        return True
    return all(a == b or _is_slip(a, b) for a, b in zip(word, candidate, strict=True))


@cache
def mended(word: str, at_verb: bool = False) -> str:
    """The word that was meant where ``word`` is none and one word alone is nearest to it."""
    known = word in _known() or word in lexicon.PEOPLE or text.is_word(word)
    if len(word) < 3 or not word.isalpha() or known:
        return _SHORTENED.get(word, word)
    swapped = {word[:k] + word[k + 1] + word[k] + word[k + 2 :] for k in range(len(word) - 1)}
    if is_known(word):  # of two words, unless it is one of ours with two letters swapped
        meant = {w for w in swapped if len(w) > 4 and w in NOUNS}
        return meant.pop() if len(meant) == 1 else word
    # Short words have many neighbours: "agar" is no "Agra".
    english = {w for w in swapped if len(w) > 4 and text.is_word(w)}
    for swaps in (swapped & _known(), english):
        if len(swaps) == 1:
            return swaps.pop()
    allowed = 1 if len(word) < 7 else 2
    found: dict[int, set[str]] = {}
    for candidate in _known():
        if abs(len(candidate) - len(word)) <= allowed and len(candidate) > 2:
            found.setdefault(edit_distance(word, candidate), set()).add(candidate)
    for distance in range(1, allowed + 1):
        nearest = found.get(distance, set())
        # People seldom mistake the first letter, and a verb stands where verbs do.
        nearest = {c for c in nearest if c[0] == word[0]}
        if word.endswith("e"):  # slime is not slim, nor a cane a can
            nearest = nearest - {word[:-1]}
        if distance == 1:
            nearest = {c for c in nearest if _is_mistyped(word, c)}
        if not at_verb:  # "the choo choo train" is a name, and nothing to chop
            nearest -= _verbs_alone()
            nearest -= set(lexicon.ACTIONS) if distance > 1 else set()
        if len(word) == 3:  # a name of its own as likely: "oat" is no "out"
            nearest -= _function_words() - set(lexicon.ACTIONS)
        if len(nearest) > 1:
            likely = nearest & (set(lexicon.ACTIONS) if at_verb else set(NOUNS) | {*colors.NAMES})
            nearest = likely or nearest
        if len(nearest) == 1 or (at_verb and _is_one_action(nearest)):
            return min(nearest)
    return word


def _is_one_action(verbs: set[str]) -> bool:
    """Such as "grab" and "grasp", either of which "grap" may be."""
    actions = {lexicon.ACTIONS.get(verb) for verb in verbs}
    return len(actions) == 1 and None not in actions


def edit_distance(a: str, b: str) -> int:
    """Letters put in, left out, exchanged or swapped with the next (optimal string alignment)."""
    before: list[int] = []
    last = list(range(len(b) + 1))
    for i, left in enumerate(a, 1):
        row = [i]
        for j, right in enumerate(b, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (left != right))
            if i > 1 and j > 1 and left == b[j - 2] and a[i - 2] == right:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
