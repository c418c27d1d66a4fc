"""Ways round a verb, things told in two goes, what "it" is, and what is refused beside them."""

from __future__ import annotations

import pytest
from unihm.perception.language import understand

READ = [
    # Ways round a verb.
    ("slide open the glass door of the cabinet", "open glass door{of:cabinet}"),
    ("please swing the door shut", "close door"),
    ("fish my phone out of the bag", "grab phone < bag"),
    ("slide the tray out of the oven", "grab tray < oven"),
    ("uncap the highlighter", "grab cap < highlighter"),
    ("cover the bowl with the towel", "place towel > on:bowl"),
    ("let the pen go", "release pen"),
    ("reach me the hammer", "hand over hammer"),
    ("i want the binder moved to the shelf", "place binder > on:shelf"),
    ("make sure the cup ends up on the shelf", "place cup > on:shelf"),
    ("could the mug be placed next to the kettle", "place mug > beside:kettle"),
    ("reach into the bag and take out the apple", "grab apple < bag"),
    # What a relative clause belongs to.
    ("put corn in the pot which is in the sink", "place corn > in:pot{in:sink}"),
    ("take the cup from the shelf that is next to the door", "grab cup < shelf{beside:door}"),
    ("put the egg next to the one in the bowl", "place egg > beside:egg{in:bowl}"),
    ("take the cup on the table that is next to the bowl", "grab cup{beside:bowl}"),
    # What "it" is.
    ("put the lid on the pot and give it to me", "place lid > on:pot; hand over pot"),
    ("put the book on the shelf and push it left", "place book > on:shelf; push book > left"),
    ("open the drawer, take the pen and drop it in", "open drawer; place pen > in:drawer"),
    ("take the spoon next to the mug and put it in", "place spoon{beside:mug} > in:mug"),
    ("set it down on the coaster", "place held > on:coaster"),
    ("i left my book on the shelf, can you get it", "grab book{on:shelf}"),
    ("i can't reach my phone. it's next to the lamp. can you give it to me?", (
        "hand over phone{beside:lamp}"
    )),
    ("the knife belongs on the board, so put it there", "place knife > on:board"),
    # Without a verb.
    ("milk back in the fridge please", "place milk > in:fridge"),
    ("pan off the burner and onto the trivet", "place pan < burner > on:trivet"),
    ("orange cup to the middle of the table", "place cup{orange} > area:object{middle}"),
    ("lid off the pot", "grab lid < pot"),
    # Corrections.
    ("not the white pill box, the blue one. give it to me", "hand over pill box{blue}"),
    ("no no, the fork, not the spoon, give me the fork", "hand over fork"),
    ("open the top drawer, wait, the bottom one", "open bottom drawer"),
    ("take the pen out of the box, sorry, out of the cup", "grab pen < cup"),
    ("put the cup on the shelf. no, the lower shelf.", "place cup > on:lower shelf"),
    ("put the cup, no not the cup the mug, on the tray", "place mug > on:tray"),
    ("don't worry about the mess, just give me the sponge", "hand over sponge"),
    # Which thing, and where.
    ("give me the red-handled knife", "hand over knife{with:handle{red}}"),
    ("grab the cup filled with pens", "grab cup{with:pen}"),
    ("put the bag with the screws beside the one with the washers", (
        "place bag{with:screw} > beside:bag{with:washer}"
    )),
    ("stack the small box on the big one", "place box{small} > on:box{large}"),
    ("open the top left drawer", "open top drawer{left}"),
    ("grab the ball that is neither red nor blue", "grab ball{!red,!blue}"),
    ("take the second book from the bottom of the stack", "grab book{bottom,#2}"),
    ("take the pen from the left side of the drawer", "grab pen{left} < drawer"),
    ("from the bottles in front of you take the middle one", "grab bottle{middle}"),
    ("set the cup a little to the right of the plate", "place cup > right:plate"),
    ("slide the cup right next to the plate", "push cup > beside:plate"),
    ("take the bead", "grab bead"),
    # Around a request.
    ("if you could just lift the box that would be great", "grab box"),
    ("what i want is for you to open the drawer", "open drawer"),
    ("why don't you put the cup in the sink", "place cup > in:sink"),
    ("step one: open the drawer. step two: put the cup in it", (
        "open drawer; place cup > in:drawer"
    )),
    ("i'd like a sip, can you bring me the cup", "hand over cup"),
]  # fmt: skip
REFUSED = [
    "put the cup on the tray and push it to the left",
    "put the red block on the blue block, no, the green block",
    "put the salt by the pepper and the oil",
    "do not let the pen go",
    "never uncap the pen",
    "please don't pull open the drawer",
    "leave the cup on the table",
    "keep the lid on the pot",
    "lean back",
    "the cup shouldn't be moved to the shelf",
    "make sure the cup is not on the shelf",
    "if you could see the cup, take it",
    "if you can reach it, take the cup",
    "don't worry about the cup and take it",
    "i left my book on the shelf, don't get it",
    "you know the red cup",
    "is the milk back in the fridge?",
    "she wants the cup moved to the shelf",
    "why don't you like the red cup",
    "give that back to me",
    "take the cup to my mother",
    "put the cup 10 cm behind the plate",
    "not the cup, give it to me",
]


@pytest.mark.parametrize(("sentence", "signature"), READ)
def test_ways_of_saying_it_are_read(sentence: str, signature: str) -> None:
    assert understand(sentence).signature == signature


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_like_them_is_refused(sentence: str) -> None:
    assert understand(sentence).refusal is not None
