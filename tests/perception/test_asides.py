"""What stands around a request is left out; what changes it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unihm.evaluation.language import normal
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
    assert {*left} <= {*words, "the", "that", "is"}  # "the cup that is on the plate"
    assert without_asides(words_of("grab the cup")) == ["grab", "the", "cup"]


@given(WORDS, st.sampled_from(["do not", "never", "you must not"]))
def test_a_prohibition_is_never_left_out(words: list[str], forbids: str) -> None:
    sentence = " ".join([*words, ",", forbids, "grab the cup"])
    assert understand(sentence).refusal is not None


# Classes of what people say, with what is like them and is to be refused.


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("put the vase on the shelf so it doesn't fall", "place vase > on:shelf"),
        ("set the glass down on the tray, but don't spill anything", "place glass > on:tray"),
        ("hand me the egg but don't break it", "hand over egg"),
        ("pick up the mirror and be careful not to scratch it", "grab mirror"),
        ("close the lid softly so that it does not bang", "close lid"),
        ("put the clock on the shelf so that everybody can see it", "place clock > on:shelf"),
        ("move the lamp closer to me so i can read", "push lamp > toward"),
        ("grab the bulb, but gently", "grab bulb"),
        ("lift the teacup, but not too fast", "grab teacup"),
        ("put the knife in the drawer so the kids can't get it", "place knife > in:drawer"),
        ("slide the plate to the left so i have more room", "push plate > left"),
        ("give me the blanket because i'm cold", "hand over blanket"),
        ("bring me the blanket, i'm freezing", "hand over blanket"),
        ("put the milk in the fridge so it stays cold", "place milk > in:fridge"),
        ("hand me the pen, i need to sign something", "hand over pen"),
        ("take the tray, and try not to drop it", "grab tray"),
        ("put the cup on the saucer without spilling any", "place cup > on:saucer"),
        ("place the bottle on the mat, watch out, it's heavy", "place bottle > on:mat"),
        ("put the bowl on the table but make sure it doesn't tip over", "place bowl > on:table"),
        ("take the cup, it's the red one", "grab cup{red}"),
        ("shut the drawer quietly so that nobody wakes up", "close drawer"),
        ("take the vase, but whatever you do don't drop it", "grab vase"),
        ("give me the map, we have to leave soon", "hand over map"),
        (
            "take the vial out of the centrifuge, but be careful not to shake it",
            "grab vial < centrifuge",
        ),
        (
            "put the dinosaur on the brick, but be careful so it doesn't fall",
            "place dinosaur > on:brick",
        ),
    ],
)
def test_cautions_and_reasons_are_no_prohibitions(sentence: str, signature: str) -> None:
    """Why it is done and what shall not happen by it."""
    assert understand(sentence).signature == signature


@pytest.mark.parametrize(
    "sentence",
    [
        "grab the mug but don't touch the bowl",
        "put the cup on the tray but don't move it",
        "take the plate, but don't drop it in the sink",
        "don't spill it",
        "don't drop the cup",
        "push the box so it doesn't touch the wall",
        "open the drawer so you can take the cup",
        "take the cup, i don't want it",
        "take the cup because you must not break it",
        "don't break the cup and don't touch it",
        "bring the cup, i want the red one",
        "grab the box but don't open it",
        "hand me the pen, i do not need it",
        "so it doesn't fall",
        "be careful not to drop the vase",
        "please don't scratch the table",
        "take the vase but do not put it on the shelf",
        "take the vase and never bring it back",
        "take the cup or the bowl, i can't decide",
        "put the ball in the box, i think it is red",
        "hand me the pen, i want the blue one",
        "put the cup on the tray and don't let go of it",
        "bring my phone closer, i can't reach it, or the pencil",
        "bring the cup, i can't reach it and pour it",
    ],
)
def test_not_cautions_and_reasons_are_no_prohibitions(sentence: str) -> None:
    assert understand(sentence).refusal is not None


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("pass me the butter, darling", "hand over butter"),
        ("would you, dear, hand me the scissors", "hand over scissors"),
        ("grab that spanner for us, mate, would you", "grab spanner"),
        ("buddy, take the ball", "grab ball"),
        ("hand me the screwdriver, it's behind the lamp", "hand over screwdriver{behind:lamp}"),
        ("bring me the scissors. they're in the drawer", "hand over scissors{in:drawer}"),
        ("hand me the keys, the ones beside the vase", "hand over keys{beside:vase}"),
        ("love, open the drawer please", "open drawer"),
        ("pass me the honey", "hand over honey"),
        ("give me my wallet. it is under the newspaper.", "hand over wallet{under:newspaper}"),
        ("get the torch, pal, it's inside the toolbox", "grab torch{in:toolbox}"),
        ("could you, my love, put the kettle on the tray", "place kettle > on:tray"),
        (
            "would you be so kind, my dear, and hand me my pen? it is on the book",
            "hand over pen{on:book}",
        ),
    ],
)
def test_whom_somebody_speaks_to_and_where_it_is(sentence: str, signature: str) -> None:
    """A name for the robot, and where the thing is, told after the request."""
    assert understand(sentence).signature == signature


@pytest.mark.parametrize(
    "sentence",
    [
        "take the cup, it is not behind the lamp",
    ],
)
def test_not_whom_somebody_speaks_to_and_where_it_is(sentence: str) -> None:
    assert understand(sentence).refusal is not None


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("my pen rolled behind the cup, can you get it for me?", "hand over pen{behind:cup}"),
        ("the keys are under the newspaper. bring them to me", "hand over keys{under:newspaper}"),
        (
            "my glasses slipped between the box and the lamp, could you pick them up?",
            "grab glasses{between:box&lamp}",
        ),
        ("my pen fell, could you get it for me", "hand over pen"),
        (
            "the eraser dropped behind the monitor. can you hand it to me?",
            "hand over eraser{behind:monitor}",
        ),
        ("there's a spoon under the napkin, could you take it?", "grab spoon{under:napkin}"),
        ("that is a lovely little bell, pick it up by the top", "grab bell{small}"),
    ],
)
def test_a_statement_brings_in_the_thing(sentence: str, signature: str) -> None:
    """As in: my pen rolled behind the cup, can you get it?"""
    assert understand(sentence).signature == signature


@pytest.mark.parametrize(
    "sentence",
    [
        "my pen did not fall behind the cup, get it",
        "if my pen fell behind the cup, get it",
        "the cup and the plate are on the tray, take it",
        "my pen rolled behind the cup",
        "she said my pen rolled behind the cup, get it",
        "my phone fell behind the sofa",
        "i could reach for the cup myself",
        "my phone fell behind the sofa and the remote too, get it",
        "the cup is not dirty, put it in the sink",
        "the mug. take the plate",
    ],
)
def test_not_a_statement_brings_in_the_thing(sentence: str) -> None:
    assert understand(sentence).refusal is not None


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("i wonder if you could possibly hand me the newspaper", "hand over newspaper"),
        ("i was wondering whether you might pass me the salt", "hand over salt"),
        ("would it be possible to open the upper drawer?", "open upper drawer"),
        ("would it be too much to ask for you to bring me the blanket?", "hand over blanket"),
        ("might i trouble you for the pepper mill?", "hand over pepper mill"),
        ("would you be a dear and close the drawer?", "close drawer"),
        ("would you be so good as to put the lid on the pot", "place lid > on:pot"),
        ("may i have the blue pencil?", "hand over pencil{blue}"),
        ("i'd really appreciate it if you put the plate in the sink", "place plate > in:sink"),
        ("it'd be great if you could move the lamp to the left", "push lamp > left"),
        ("do me a favour and open the door", "open door"),
        ("could you perhaps be so kind and give me the fork?", "hand over fork"),
        ("if you would be so kind, pass me the bread", "hand over bread"),
        ("would you mind awfully passing me the jug?", "hand over jug"),
        ("any chance you could hand me the tape?", "hand over tape"),
        ("could i ask you to take the cup", "grab cup"),
        ("can i get you to open the drawer?", "open drawer"),
        ("is it possible for you to grab the red ball?", "grab ball{red}"),
        ("i'd be much obliged if you would close the door", "close door"),
        ("could you do me a favour and pass the salt?", "hand over salt"),
        ("i was hoping you could move the vase to the left", "push vase > left"),
        ("might i possibly trouble you for the sugar bowl?", "hand over sugar bowl"),
        ("i hate to ask, but could you pick up the spoon?", "grab spoon"),
        ("would it trouble you to hand me the comb?", "hand over comb"),
        (
            "would it be at all possible for you to bring the tray a little closer?",
            "push tray > toward",
        ),
    ],
)
def test_polite_shells_ask(sentence: str, signature: str) -> None:
    """However politely somebody asks."""
    assert understand(sentence).signature == signature


@pytest.mark.parametrize(
    "sentence",
    [
        "would it be possible not to open the drawer?",
        "would it be possible that you are wrong?",
        "would it be too much trouble to not touch the cup?",
        "i wonder whether you like the cup",
        "i wonder if the cup is red",
        "could i trouble you for a moment",
        "please be so good as not to open the jar",
        "would it be bad to open the drawer?",
        "may i open the drawer?",
        "do you appreciate it if you close the drawer",
        "would it be possible?",
        "may i have a word?",
        "could i trouble you for the time?",
        "i'd appreciate it",
        "would it be possible for you to leave the cup alone",
        "i'd appreciate it if you didn't take the cup",
        "it would be nice if you did not touch the cup",
        "would you be so kind as to not open the door",
    ],
)
def test_not_polite_shells_ask(sentence: str) -> None:
    assert understand(sentence).refusal is not None


@pytest.mark.parametrize(
    "comment",
    [
        ", my knees won't let me bend",
        ", it keeps catching my sleeve",
        ", it was my mother's",
        ", she's hungry",
        ". The baby is asleep",
        " or she'll eat them",
        " before she knocks it over",
        " before it goes over",
        ", otherwise it will spill",
        " because my hands are full",
        " since the kids are coming",
        ", it's freezing in here",
        ", you will love it",
        ", the wind keeps blowing my papers around",
        ", that hurts, thank you",
        ", I'm freezing, please",
    ],
)
def test_what_only_comments_is_left_out(comment: str) -> None:
    """Behind a request, and between two of them."""
    assert understand(f"take the cup{comment}").signature == "grab cup"
    if comment.startswith(", ") and not comment.endswith(("please", "you")):
        between = understand(f"take the cup{comment}, and put it in the sink")
        assert between.signature == "place cup > in:sink"


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("my hands are wet, open the drawer", "open drawer"),
        ("because my hands are full, take the cup", "grab cup"),
        ("my knees won't let me bend, close the drawer", "close drawer"),
        ("take the cup, it's the blue one", "grab cup{blue}"),
        ("take the cup, it is beside the lamp", "grab cup{beside:lamp}"),
        ("a mug is there behind the laptop, give me that one", "hand over mug{behind:laptop}"),
        ("the target is the red cup on the tray; pick it up", "grab cup{red,on:tray}"),
        ("take the cup and leave the others where they are, please", "grab cup"),
        ("take the cup and nothing else", "grab cup"),
        ("take the red cup, just that one", "grab cup{red}"),
        ("give me a cup, any one will do", "hand over cup"),
        ("please do the needful and take the cup", "grab cup"),
        ("do take the cup", "grab cup"),
        ("and now, for our guests, please take the cup", "grab cup"),
        ("give me the remote the one uh the one on the book", "hand over remote{on:book}"),
        ("put the duck in the box, the little yellow duck", "place duck{small,yellow} > in:box"),
        ("take the small cup, not the big one", "grab cup{small}"),
        ("push it um push the cup to the left", "push cup > left"),
    ],
)  # fmt: skip
def test_comments_and_later_words(sentence: str, signature: str) -> None:
    """What is said before, and what tells of the thing afterwards."""
    assert normal(understand(sentence).signature) == normal(signature)


@pytest.mark.parametrize(
    "words",
    [
        ", I changed my mind",
        ", that's wrong",
        ", you should put it there",
        ", you don't need to",
        ", it is not that one",
        ", it is not yours",
        ", I will wait",
        ", she'll take it later",
        ", my mother does not want it",
        ", my boss will not allow it",
        ", it should not be moved",
        ", I don't want the cup",
        ", I already have it",
        ", it belongs on the shelf",
        ", I want the blue one",
        ", he put it on the plate",
        ", it could be the mug",
        ", it has a crack",
        ", the plate is next",
        ", the plate must go too",
        ", the striped towels",
        ", that was a joke",
        ", that one is dirty",
        " or I will take the plate",
        " before I close the drawer",
        ", we left it there",
        ", he said no",
        ", the job is over",
        " as it is",
        ", we need the plate too",
        " and she will wait",
        " if she wants it",
        ", I would rather have tea",
    ],
)
def test_what_changes_the_request_is_no_comment(words: str) -> None:
    """It takes it back, tells which thing is meant, or asks for something else."""
    assert understand(f"take the cup{words}").refusal is not None


@pytest.mark.parametrize(
    "sentence",
    [
        "it keeps catching my sleeve",
        "do not take the cup, it is wet",
        "before i come, take the cup",
        "or she will eat them, take the cup",
        "leave the others alone",
        "leave the others where they are and take the cup",
        "do you take the cup, it is wet",
        "take the cup, the red cup, the blue cup",
        "a red mug and a blue mug are behind the laptop, give me that one",
        "mind the plate",
    ],
)
def test_comments_are_no_requests(sentence: str) -> None:
    """Alone, beside a prohibition or a question, or where two things are named."""
    assert understand(sentence).refusal is not None


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        # Whom it is said to.
        ("cmon, get me the whisk, the sauce is burning", "hand over whisk"),
        ("bro put my earbud back in the case", "place earbud > in:case"),
        ("honey could you pass me the smallest cup", "hand over cup{small}"),
        ("My good fellow, kindly close the drawer.", "close drawer"),
        ("stick the parcel on teh scale for me bud", "place parcel > on:scale"),
        ("ok drop it, ur good", "release held"),
        ("Do place the newspaper beside the lamp, there's a good chap.", (
            "place newspaper > beside:lamp"
        )),
        ("Hand me the secateurs, sweetie, they're under the wrapping paper.", (
            "hand over secateurs{under:wrapping paper}"
        )),
        # Comments without a comma, or with one and no article or auxiliary.
        ("grab the lollipop on the pink napkin its mine", "grab lollipop{on:napkin{pink}}"),
        ("take the energy drink off my homework its leaking lol", "grab energy drink < homework"),
        ("pull the speaker closer to me i cant hear nothing", "pull speaker > toward"),
        ("push the cup to the left please my sleeve is wet", "push cup > left"),
        ("set the cup on the saucer please, customers waiting", "place cup > on:saucer"),
        ("Need the calculator asap, boss is on the line", "hand over calculator"),
        ("shut the laptop, moms coming", "close laptop"),
        ("hand me the pen, the phone's ringing", "hand over pen"),
        ("pass the glue, this bit keeps coming loose", "hand over glue"),
        ("grab the mop head, somebody spilled juice", "grab mop head"),
        ("put the box on the shelf, we're leaving in five minutes", "place box > on:shelf"),
        ("close the cabinet before the kids see it", "close cabinet"),
        ("put the glue in the box, because after I need it", "place glue > in:box"),
        ("put the cup on the tray, but with care because it is hot", "place cup > on:tray"),
        ("push the cup away from me a little, I need room", "push cup > away"),
        ("lift the tube off the scale, I gotta weigh the next one", "grab tube < scale"),
        ("shove the parcel over to the left, there's another one comin'", "push parcel > left"),
        ("close the cabinet, there are kids around", "close cabinet"),
        ("close the door, there's a draught", "close door"),
        ("close the drawer before the kids notice", "close drawer"),
        ("hand me the shears, darling, my hands are all muddy", "hand over shears"),
        ("pass the box knife, careful its sharp", "hand over box knife"),
        ("take the masher out of the box, chop chop", "grab masher < box"),
        ("take the pen out of the drawer, it's already open", "grab pen < drawer"),
        ("let go of the stick now, I have hold of it", "release stick"),
        ("push the vase away from the edge, and do it slowly", "push vase > away:edge"),
        ("push the box away from the edge, I don't want it falling", "push box > away:edge"),
        ("take the pen, my eyes are not what they were", "grab pen"),
        ("hand me the torch, it's dark", "hand over torch"),
        ("I've got the baby on my arm, so please open the box gently", "open box"),
        ("Oh dear, I've dropped my thimble, would you pick it up?", "grab thimble"),
        ("third ramekin from the right, hand it here", "hand over ramekin{right,#3}"),
        # Told in two goes.
        ("Hand me the brass pin, the fourth from the left.", "hand over brass pin{left,#4}"),
        ("hand me the chisel, the wide one with the red handle", (
            "hand over chisel{wide,with:handle{red}}"
        )),
        ("pass me the tamper, not the glass one, the steel one", "hand over steel tamper"),
        ("put the glass funnel, not the plastic one, on the tray", "place glass funnel > on:tray"),
        ("take the pen in the red box, please, not the one in the blue box", (
            "grab pen{in:box{red}}"
        )),
        ("from the bag bring me one fuse, the thick one", "hand over fuse{wide} < bag"),
    ],
)  # fmt: skip
def test_how_people_talk_beside_a_request(sentence: str, signature: str) -> None:
    """Names for who is spoken to, reasons without a mark or an article, which one told later."""
    assert normal(understand(sentence).signature) == normal(signature)


@pytest.mark.parametrize(
    "sentence",
    [
        "honey is sticky",
        "sugar",
        "baby wants the bottle",
        "sweetie, leave the cup alone",
        "bro don't touch that",
        "everyone, sit down",
        "sit down",
        "grab the box it is in",
        "hand me the book i am reading",
        "take the cup they are using",
        "hand me the cup she is holding",
        "grab the cup but its not mine",
        "grab the cup, i have to take the plate",
        "grab the cup, i have to go back and take the plate",
        "grab the cup because I want the plate",
        "give me the cup, i need the plate",
        "push the cup to the left my phone",
        "grab the cup, there is a red one behind it",
        "grab the cup, they asked for the plate",
        "grab the cup, mom said",
        "put the cup on the tray, i don't want it there",
        "take the cup, i don't want it moved",
        "customers are waiting",
        "there is no room",
        "need to pour the water",
        "from the bag pour the water",
        "not the red ribbon, cut the blue one",
        "not the red cup, the blue one",
        "hand me the red cup, the blue one",
        "open the top drawer, er, the bottom one",
        "put the cup down, if its dry",
        "take the cup, it is open",
        "chop the onion",
        "give me the tea, honey, and the plate or the cup",
        "before the kids notice",
    ],
)
def test_not_how_people_talk_beside_a_request(sentence: str) -> None:
    """A statement alone, a clause that tells which one, another request, a contradiction."""
    assert understand(sentence).refusal is not None


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("omg can u pls give me the glitter pen im sooo late", "hand over glitter pen"),
        ("Give me new fuse, old one is burned already.", "hand over new fuse"),
        ("Give me clean glass, this one is dirty", "hand over clean glass"),
        ("Put the spoon in my hand please, the other one's in plaster", "hand over spoon"),
        ("Gimme the thin wrench mate, me hands are all greasy", "hand over wrench{thin}"),
        ("Duckie, hand me the thread", "hand over thread"),
        ("Sweetheart, push the vase away from me, I might knock it over.", "push vase > away"),
        ("Take the hanger, a customer's coming.", "grab hanger"),
        ("hand me the brush, a visitor is here", "hand over brush"),
        ("May I have the vial, please? The label on it has come loose.", "hand over vial"),
        ("Since I've only got one good arm, please open the drawer", "open drawer"),
        ("I can't bend down, so take the fork and give it to me, would you", "hand over fork"),
        ("my leg is broken, so grab the book and hand it to me", "hand over book"),
        ("next test, place the torus on the sphere", "place torus > on:sphere"),
    ],
)  # fmt: skip
def test_why_it_is_asked(sentence: str, signature: str) -> None:
    """What is told of the other one, of who comes, of what somebody lacks."""
    assert normal(understand(sentence).signature) == normal(signature)


@pytest.mark.parametrize(
    "sentence",
    [
        "give me the new fuse or the old one",
        "if the old one is burned, give me the new fuse",
        "give me the book, the other one is in the box",
        "put the spoon in my other hand",
        "give me hands are wet",
        "take the cup, a customer is holding it",
        "take the plate, a customer has it",
        "take the cup, but the old one is broken",
        "take the cup, a child is allowed to have it",
        "hand me the jar, the lid on it is red",
        "since I said no, close the drawer",
        "since the cup is red, take it",
        "the mug is dirty, so take the plate and put it in the sink",
        "next test: is the drawer open?",
        "the next test is to not open the drawer",
        "duckie, do not hand me the thread",
    ],
)
def test_not_why_it_is_asked(sentence: str) -> None:
    """Conditions, other things and words that change the request are no comments."""
    assert understand(sentence).refusal is not None
