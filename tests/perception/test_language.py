import pytest
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import Action, lookup, understand
from unihm.types import TaskKind


@pytest.mark.parametrize(
    ("sentence", "noun", "colors"),
    [
        ("pick up the red box", "box", ("red",)),
        ("Could you hand me the blue ball, please?", "ball", ("blue",)),
        ("take the can", "can", ()),
        ("can you lift the orange", "orange", ()),
        ("grab the orange ball", "ball", ("orange",)),
        ("reach for the turquoise mug and lift it", "mug", ("cyan",)),
        ("the red box", "box", ("red",)),
        ("get hold of the red box", "box", ("red",)),
        ("can you take a firm grip on the blue ball?", "ball", ("blue",)),
    ],
)
def test_grab_sentences(sentence, noun, colors):
    step = understand(sentence).one_step()
    assert step.kind == TaskKind.GRAB
    assert step.action in (Action.GRAB, Action.HAND_OVER)
    assert step.target.noun == noun
    assert step.target.colors == colors


@pytest.mark.parametrize(
    ("sentence", "noun", "relation", "goal"),
    [
        ("put the red box into the tray", "box", "in", "tray"),
        ("place the banana on the plate", "banana", "on", "plate"),
        ("pick up the egg and put it in the bowl", "egg", "in", "bowl"),
        ("take the can and place it next to the blue mug", "can", "beside", "mug"),
        ("carry the egg over and leave it in the tray", "egg", "in", "tray"),
        ("move the cup to the right of the bowl", "cup", "right", "bowl"),
        ("set the cone behind the green bottle", "cone", "behind", "bottle"),
        ("put the ball on the left", "ball", "area", "left"),
        ("grab the box and set it on the right side", "box", "area", "right"),
    ],
)
def test_place_sentences(sentence, noun, relation, goal):
    step = understand(sentence).one_step()
    assert step.kind == TaskKind.PICK_AND_PLACE
    assert step.target.noun == noun
    assert step.destination.name == relation
    thing = step.destination.things[0]
    assert goal == (thing.place if relation == "area" else thing.noun)


@pytest.mark.parametrize(
    ("sentence", "noun", "direction", "reference"),
    [
        ("push the box to the left", "box", "left", None),
        ("push the green block forward", "block", "away", None),
        ("pull the mug closer", "mug", "toward", None),
        ("move the cup to the right", "cup", "right", None),
        ("move the box away without lifting it", "box", "away", None),
        ("slide the red can towards the bowl", "can", "", "bowl"),
    ],
)
def test_push_sentences(sentence, noun, direction, reference):
    step = understand(sentence).one_step()
    assert step.kind == TaskKind.PUSH
    assert step.target.noun == noun
    assert (step.direction.name if step.direction else "") == direction
    assert (step.destination.things[0].noun if step.destination else None) == reference


def target(sentence):
    return understand(sentence).one_step().target


def test_places_sizes_relations_and_negation():
    assert target("lift the leftmost object").place == "left"
    assert target("pick up the box on the left").place == "left"
    assert target("give me the tallest one").sizes == ("tall",)
    assert target("lift the one that is not red").not_colors == ("red",)
    assert target("grab any box").any_will_do
    (relation,) = target("grab the thing next to the red cup").relations
    (other,) = relation.things
    assert (relation.name, other.noun, other.colors) == ("beside", "cup", ("red",))
    assert understand("open the drawer").one_step().action is Action.OPEN
    assert understand("shut the drawer").one_step().action is Action.CLOSE


@pytest.mark.parametrize(
    "sentence",
    ["", "   ", "!?!", "12345", "asdf qwer zxcv", "pick up", "hello how are you",
     "what is the weather like", "colorless green ideas sleep furiously"],
)  # fmt: skip
def test_nonsense_is_an_invalid_instruction(sentence):
    with pytest.raises(UnihmError) as error:
        understand(sentence).one_step()
    assert error.value.code == ErrorCode.INVALID_INSTRUCTION


# None of these words is listed in unihm.perception.language.nouns.
@pytest.mark.parametrize("word", ["cellphone", "strawberry", "grapefruit", "baseball", "beverage"])
def test_unlisted_things_are_understood_by_their_meaning(word):
    kind, similarity = lookup(word)
    assert kind
    assert 0.5 < similarity < 1.0


@pytest.mark.parametrize(
    "word", ["elephant", "giraffe", "helicopter", "cathedral", "kangaroo", "democracy", "sofa"]
)
def test_things_that_stand_on_no_table_are_not_known(word):
    assert lookup(word)[0] == ""


@pytest.mark.parametrize(
    "sentence",
    [
        "pick up any three cubes",
        "take some two of the balls",
        "set the fork to the left of the plate, then set the knife to the right of it",
        "put the mug on the plate and the spoon next to it",
    ],
)
def test_several_things_and_an_it_that_may_be_two_are_not_guessed(sentence):
    assert understand(sentence).refusal is not None


def test_whichever_is_any():
    thing = target("grab whichever blue block is nearest to the robot")
    assert (thing.noun, thing.colors, thing.place, thing.any_will_do) == (
        "block", ("blue",), "near", True
    )  # fmt: skip


@pytest.mark.parametrize(
    ("sentence", "signature"),
    [
        ("pick up the 50 ml tube with the orange cap", "grab 50ml tube{with:cap{orange}}"),
        ("push the 10 cm box 5 cm to the left", "push 10cm box > left"),
        ("lay it on the spoon rest", "refuse: request"),
        ("put the ladle on the spoon rest", "place ladle > on:spoon rest"),
        ("take the glass slide from the tray", "grab glass slide < tray"),
        ("put the work gloves behind the clipboard", "place work gloves > behind:clipboard"),
        ("catch the ball which is behind of the vase", "grab ball{behind:vase}"),
        ("please to take the cup of color green", "grab cup{green}"),
        ("transfer the vial from the tray to the bucket", "place vial < tray > in:bucket"),
        ("put the banana on the counter in front of the mug", "place banana > front:mug"),
        ("stack the red block on the big blue one", "place block{red} > on:block{blue,large}"),
        ("put the apple on the blue one", "place apple > on:object{blue}"),
        ("lift the pan and move it over to the back left corner of the table", (
            "place pan > area:object{far left}"
        )),
        ("take the napkin from the right side of my plate", "grab napkin{right:plate}"),
        ("take the cup from the right side of the table", "grab cup{right}"),
        ("grab the keys quick", "grab keys"),
        ("take the stick out of the mug n put it on the plate", "place stick < mug > on:plate"),
        ("put the teacup on the saucer with the roses", "place teacup > on:saucer{with:rose}"),
        ("take the cup with a spoon in it", "grab cup{with:spoon}"),
        ("grab the cereal box with the tiger on it", "grab cereal box{with:tiger}"),
        ("take the fork with the thick handle", "grab fork{with:handle{wide}}"),
        ("grab the ball with the tongs", "refuse: request"),
        ("take the cup with the crack", "refuse: request"),
        ("pick up the coin with the tips of your fingers", "refuse: request"),
        ("pull the drawer halfway open", "open drawer"),
        ("bring the mug with the straw a bit closer to me", "push mug{with:straw} > toward"),
        ("move the vase a little further away from the edge", "push vase > away:edge"),
        ("the petri dish should go between the box and the tray", (
            "place petri dish > between:box&tray"
        )),
        ("pass me the oat milk carton", "hand over oat milk carton"),
        ("get the cup off my book and onto the coaster", "place cup < book > on:coaster"),
        ("pull the laptop closer to me", "pull laptop > toward"),
        ("i need the small pitcher, not the big one", "hand over pitcher{small}"),
        ("push the jar up to the front, by the register", "refuse: request"),
        ("push the monitor back two inches", "refuse: request"),
        ("open the middle drawer, put the cup inside, and close the drawer", (
            "open middle drawer; place cup > in:middle drawer; close middle drawer"
        )),
        ("pass me the spool of red ribbon", "hand over spool{of:ribbon{red}}"),
        ("drop the garlic clove into the small bowl", "place garlic clove > in:bowl{small}"),
        ("put a map at the near right corner of the table", "place map > area:object{near right}"),
        ("i'd like the card placed in front of the bouquet", "place card > front:bouquet"),
        ("shove the glue over to the left edge of the table", "push glue > area:object{left}"),
        ("nudge the lamp backwards two inches", "refuse: request"),
        ("hold it, that's enough now", "refuse: stop"),
        ("whoa, stop right there!", "refuse: stop"),
    ],
)  # fmt: skip
def test_ways_in_which_people_say_it(sentence: str, signature: str) -> None:
    assert understand(sentence).signature == signature
