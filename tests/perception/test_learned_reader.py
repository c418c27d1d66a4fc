"""The learned reader: tagged words are said again, and believed where they say what was said."""

import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import LanguageReader, tagger, understand
from unihm.perception.language.config import TaggerConfig
from unihm.perception.language.normalize import words_of
from unihm.perception.language.retelling import Retelling, judged
from unihm.perception.language.tagger import TAGS, Span, Tagged, Tagger, retold, spans_of

NET = Tagger(TaggerConfig(layers=1))


def told(monkeypatch, sentence, tags, intent="request", sure=0.99):
    """What is said again of a sentence whose words have ``tags``: first letters, or - for none."""
    words = words_of(sentence)
    kinds = {kind[:3]: kind for kind in tagger.SPANS}
    spans, nothing = [], []
    for k, short in enumerate(tags.split()):
        if short == "-":
            nothing.append((k, sure))
        elif spans and spans[-1].end == k and spans[-1].kind == kinds[short]:
            spans[-1] = Span(kinds[short], spans[-1].start, k + 1)
        else:
            spans.append(Span(kinds[short], k, k + 1))
    assert len(tags.split()) == len(words)
    monkeypatch.setattr(
        tagger, "tag", lambda *_: Tagged(intent, sure, tuple(spans), tuple(nothing))
    )
    again = retold(NET, words)
    return judged(sentence, again) if again is not None else None


@pytest.mark.parametrize(
    ("sentence", "tags", "signature"),
    [
        ("starving over here , give me the banana", "- - - - act rec tar tar", "hand over banana"),
        ("wrench , the big one , pass it to me",
         "tar - tar tar tar - act pro rec rec", "hand over wrench{large}"),
        ("boring day today but grab the red block", "- - - - act tar tar tar", "grab block{red}"),
        ("grab the spoon , fantastic job", "act tar tar - - -", "grab spoon"),
    ],
)  # fmt: skip
def test_what_is_said_beside_a_request_is_left_out(monkeypatch, sentence, tags, signature):
    assert understand(sentence).refusal is not None
    command = told(monkeypatch, sentence, tags)
    assert command is not None
    assert command.signature == signature
    assert command.sentence == sentence


@pytest.mark.parametrize(
    ("sentence", "tags"),
    [
        ("my wife would grab the cup", "- - - act tar tar"),
        ("he said , grab the cup", "- - - act tar tar"),
        ("grab the red cup , just kidding", "act tar tar tar - - -"),
        ("grab the cup my sister likes", "act tar tar - - -"),
        ("not now , grab the cup", "- - - act tar tar"),
        ("sniff the cup , grab the cup", "- - - - act tar tar"),
        ("leave the cup , grab the cup", "- - - - act tar tar"),
        ("the red ball is nice , grab the cup", "- - - - - - act tar tar"),
        ("everything but grab the cup", "- - act tar tar"),
        ("if i nod , grab the cup", "- - - - act tar tar"),
        ("do not touch it , grab the cup", "- - - - - act tar tar"),
    ],
)
def test_words_that_say_something_are_never_left_out(monkeypatch, sentence, tags):
    assert told(monkeypatch, sentence, tags) is None


def test_what_the_network_doubts_is_not_believed(monkeypatch):
    said = ("starving over here , give me the banana", "- - - - act rec tar tar")
    assert told(monkeypatch, *said) is not None
    assert told(monkeypatch, *said, sure=0.8) is None
    assert told(monkeypatch, *said, intent="statement") is None
    repaired = "rep rep rep - act rec tar tar"
    assert told(monkeypatch, said[0], repaired) is None


def test_nothing_may_be_invented():
    sentence = "man i am starving , give me the banana"
    left_out = ("man", "i", "am", "starving")
    assert judged(sentence, Retelling(("give me the banana",), left_out)) is not None
    for step in ("give me the red banana", "grab the banana", "give me the banana gently"):
        assert judged(sentence, Retelling((step,), left_out)) is None
    assert judged(sentence, Retelling(("give me the banana",))) is None


def test_spans_of_tags():
    number = {name: k for k, name in enumerate(TAGS)}
    row = [number[name] for name in ("begin action", "inside target", "inside target", "nothing")]
    assert spans_of(row) == (Span("action", 0, 1), Span("target", 1, 3))


def test_a_network_tags_every_word_and_has_doubts_beyond_its_room():
    found = tagger.tag(NET.eval(), ["grab", "the", "lychee"])
    covered = [k for s in found.spans for k in range(s.start, s.end)] + [
        k for k, _ in found.nothing
    ]
    assert sorted(covered) == [0, 1, 2]
    found = tagger.tag(NET, ["cup"] * 100)
    assert (99, 0.0) in found.nothing


def test_a_learned_reader_needs_its_weights(monkeypatch, tmp_path):
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path))
    with pytest.raises(UnihmError) as error:
        LanguageReader.load("precise", ["language.backend=learned"])
    assert error.value.code == ErrorCode.WEIGHTS_MISSING


@pytest.fixture(scope="module")
def shipped() -> LanguageReader:
    return LanguageReader.load("tiny", ["language.backend=learned"])


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("sunshine, the cup, please pick it up", "grab cup"),
        ("my eyes are bad today, find the pen and pick it up", "grab pen"),
    ],
)
def test_the_shipped_one_reads_what_the_rules_refuse(
    shipped: LanguageReader, sentence: str, signature: str
) -> None:
    assert understand(sentence).refusal is not None
    command = shipped.understand(sentence)
    assert command.refusal is None
    assert command.signature == signature


@pytest.mark.parametrize(
    "sentence",
    [
        "I'd be over the moon if you picked up the sponge",
        "my friend says you can pick up a cup",
        "they told me you would grab the ball",
        "she picked up the cup and left",
        "the last robot always dropped the mug",
    ],
)
def test_the_shipped_one_permits_nothing_that_is_not_asked_for(
    shipped: LanguageReader, sentence: str
) -> None:
    assert shipped.understand(sentence).refusal is not None
