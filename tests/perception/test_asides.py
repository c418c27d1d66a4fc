"""What stands around a request is left out; what changes it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unihm.perception.language import understand
from unihm.perception.language.asides import without_asides
from unihm.perception.language.normalize import words_of

SAID = [
    ("hello there robot would you be so kind as to grab the cup", "grab cup"),
    ("i am tired pass me the pillow please", "hand over pillow"),
    ("the kitchen is a mess, so put the plate in the sink", "place plate > in:sink"),
    ("the cup is dirty. put it in the sink", "place cup > in:sink"),
    ("the bowl is empty. put the lemon in it", "place lemon > in:bowl"),
    ("there is a red ball on the table, take it", "grab ball{red}"),
    ("i can not reach the bottle, could you hand it to me", "hand over bottle"),
    ("the banana the yellow one pick it up", "grab banana{yellow}"),
    ("the cube i want is the green one. grab it", "grab cube{green}"),
    ("give give me the the spoon", "hand over spoon"),
    ("take the uh the what's it called the hammer", "grab hammer"),
    ("if you don't mind, close the drawer", "close drawer"),
    ("pick up the apple when you have a moment, thank you so much", "grab apple"),
    ("move the mug to the left would you", "push mug > left"),
    ("please don't forget to take the cup", "grab cup"),
    ("uh, could you, um, pick up the, the wrench for me?", "grab wrench"),
    ("no rush, just grab the tube, pretty please", "grab tube"),
    ("that green block over there, put it in the box", "place block{green} > in:box"),
    ("how about you grab that stapler", "grab stapler"),
    ("hand me the umbrella, the black one", "hand over umbrella{black}"),
    ("pass me the box, the small one, please", "hand over box{small}"),
    ("i can never reach it, so please get me the tall jar, the one behind the cup", (
        "hand over jar{tall,behind:cup}"
    )),
    ("pick up the teacup by its handle, and be careful, it's old china", "grab teacup"),
    ("let go of the spoon now, i've got it", "release spoon"),
    ("push my plate back to the middle of the table, i'm done eating", (
        "push plate > area:object{middle}"
    )),
    ("if it isn't too much trouble, please put the vase in the centre of the table", (
        "place vase > area:object{middle}"
    )),
    ("take the pen, and then, if you would, lay it on the notebook", "place pen > on:notebook"),
    ("might i ask you to lift the cup and set it down behind the bowl", "place cup > behind:bowl"),
    ("i'd be ever so grateful if you could close the drawer", "close drawer"),
]  # fmt: skip
NOT_ASKED = [
    "my friend said, grab the cup",
    "don't forget not to take the cup",
    "he told me something, so he said, take the plate",
    "if the light is on, grab the cup",
    "unless i say stop, take the cup",
    "i do not want the cup, so do not grab it",
    "never mind, but the cup is red",
    "it is not allowed, but take the cup",
    "you must not do it, so grab the plate",
    "when the bell rings, grab the cup",
    "i dreamt of it, grab the cup",
    "she wants it, grab the cup",
    "there is a cup and a plate, take it",
    "there are two cups, take the red one",
    "the cup is not dirty, put it in the sink",
    "i would have said, pick up the cup",
    "the sign reads, open the drawer",
    "maybe tomorrow, but grab the cup",
    "somebody should, so grab the cup or the plate",
    "it is nice, do not touch the cup",
    "the tomato the red one",
    "time to stop, grab the cup",
    "we are done, wait, grab the cup",
    "i am hungry",
    "could you would you",
    "the cup, the plate, grab it",
    "grab the cup, i am done if it is red",
    "take the cup, it is not heavy",
    "hand me the umbrella, not the black one, the bag",
    "i can never find it, and never touch the cup",
    "if it isn't red, take the cup",
    "let go of the spoon when i've got it",
    "the train goes under the bridge",
    "should the cup go in the sink?",
    "the cup should go in the sink?",
    "the cup should not go in the sink",
]


@pytest.mark.parametrize(("sentence", "signature"), SAID)
def test_the_request_is_found_among_what_is_said_around_it(sentence: str, signature: str) -> None:
    command = understand(sentence)
    assert command.refusal is None, command.refusal
    assert command.signature == signature


@pytest.mark.parametrize("sentence", NOT_ASKED)
def test_what_changes_a_request_is_not_left_out(sentence: str) -> None:
    command = understand(sentence)
    assert command.refusal is not None, command.signature


VOCABULARY = (
    "the cup it so but , . i am we is not if please grab put you could there red one and in "
    "thanks um said take wants on plate never me to a"
)
WORDS = st.lists(st.sampled_from(VOCABULARY.split()), min_size=1, max_size=14)


@given(WORDS)
def test_what_is_left_is_never_nothing_and_nothing_new(words: list[str]) -> None:
    left = without_asides(words)
    assert left
    assert {*left} <= {*words, "the"}
    assert without_asides(words_of("grab the cup")) == ["grab", "the", "cup"]


@given(WORDS, st.sampled_from(["do not", "never", "you must not"]))
def test_a_prohibition_is_never_left_out(words: list[str], forbids: str) -> None:
    sentence = " ".join([*words, ",", forbids, "grab the cup"])
    assert understand(sentence).refusal is not None
