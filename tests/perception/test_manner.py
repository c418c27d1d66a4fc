"""Words of manner: what of them the choice of a grasp, the squeeze and the speed must heed."""

import pytest
from unihm.perception.language.manner import Manner, manner_of


@pytest.mark.parametrize(
    ("sentence", "wanted"),
    [
        ("pick up the red mug", {}),
        ("grab the mug by the handle", {"part": "thin", "part_words": "by the handle"}),
        ("take the bowl by its rim", {"part": "top", "part_words": "by its rim"}),
        ("grab the bottle from the side", {"side": "side"}),
        ("grasp the can from above", {"side": "above"}),
        ("pick up the egg gently", {"force": 0.6, "speed": 0.6}),
        ("carefully grab the cup", {"force": 0.6, "speed": 0.6}),
        ("with a soft grip, take the egg", {"force": 0.6}),
        ("gently on the left, take the cup", {"force": 0.6, "speed": 0.6}),
        ("take the cup. Carefully!", {"force": 0.6, "speed": 0.6}),
        ("slowly lift the box", {"speed": 0.6}),
        ("hold the ball firmly", {"force": 1.3}),
        ("quickly grab the can", {"speed": 1.3}),
        ("pick up the coin with two fingers", {"fingers": 2}),
        ("grab the box with your thumb and index finger", {"fingers": 2}),
        ("grab the box with both hands", {"impossible": "with both hands"}),
        ("push the box gently", {}),
        ("hand me the egg, but don't break it", {"force": 0.6, "speed": 0.6}),
        ("lift the cup so it doesn't spill", {"speed": 0.6}),
        ("pick up the bulb, but not too fast", {"speed": 0.6}),
        ("execute a top-down grasp on the can", {"side": "above"}),
        ("do a pinch grasp on the coin", {"fingers": 2}),
        ("take the car real fast please", {"speed": 1.3}),
        ("grab the camera by the strap", {"part": "thin", "part_words": "by the strap"}),
        (
            "take the knife by the handle, not by the blade",
            {"part": "thin", "part_words": "by the handle"},
        ),
        ("grab the tomato without squashing it", {"force": 0.6}),
        ("take the bowl, I don't want it breaking", {"force": 0.6, "speed": 0.6}),
    ],
)
def test_what_the_words_ask_for(sentence, wanted):
    assert manner_of(sentence) == Manner(**wanted)


def test_it_is_said_back_in_words():
    manner = manner_of("grab the bottle by the neck from the side with two fingers")
    assert manner.words == "from the side, by the neck, with two fingers"
    assert Manner().words == ""
