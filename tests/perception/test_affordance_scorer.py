"""What the planner makes of an affordance, whatever network it is from."""

import numpy as np
import pytest
from rendered_scenes import make_item, render
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.language import understand
from unihm.perception.planner.cliport import (
    AffordanceScorer,
    CliportConfig,
    PickMap,
    make_heightmap,
)
from unihm.perception.planner.cliport.scorer import clause_of
from unihm.perception.scene import read_scene
from unihm.perception.scene.matching import find


class Told:
    """In place of a network: every clause has its affordance at one place, so sure of it."""

    def __init__(self, scene, observation, places, sure=1.0, config=None):
        self.heightmap = make_heightmap(observation, scene.points, scene.table.offset, config)
        self.places, self.sure = places, sure

    def pick(self, clause):
        shares = np.zeros(self.heightmap.height.shape, np.float32)
        row, column = np.rint(self.heightmap.to_pixel(np.array(self.places[clause]))).astype(int)
        shares[row - 2 : row + 3, column - 2 : column + 3] = self.sure / 25
        return [PickMap(shares, 1.0 - self.sure)]


@pytest.fixture(scope="module")
def two_red():
    """A small red box on the left, a large red cylinder on the right."""
    frame = render(
        make_item("box", "red", 0.45, 0.20, x=0.05, y=0.045, z=0.06),
        make_item("cylinder", "red", 0.45, -0.20, radius=0.045, height=0.16),
    )
    return frame.observation, read_scene(frame.observation)


def meant(two_red, sentence, places, sure=1.0):
    observation, scene = two_red
    scorer = AffordanceScorer(Told(scene, observation, places, sure))
    found = find(understand(sentence).one_step().target, scene.objects, scorer).thing
    return "left" if found.center[1] > 0 else "right"


LEFT, RIGHT = (0.45, 0.20), (0.45, -0.20)


@pytest.mark.parametrize("place", [LEFT, RIGHT])
def test_the_network_alone_does_not_say_which_is_a_mug(two_red, place):
    with pytest.raises(UnihmError) as error:
        meant(two_red, "pick up the red mug", {"red mug": place})
    assert error.value.code == ErrorCode.OBJECT_AMBIGUOUS


def test_words_that_are_not_known_are_asked_for_by_one_that_is(two_red):
    assert meant(two_red, "pick up the red shoebox", {"red box": LEFT}) == "left"
    assert clause_of(understand("grab the green thing").one_step().target) == "green object"


def test_a_colour_alone_does_not_choose_between_two(two_red):
    with pytest.raises(UnihmError) as error:
        meant(two_red, "pick up the red object", {"red object": LEFT})
    assert error.value.code == ErrorCode.OBJECT_AMBIGUOUS


@pytest.mark.parametrize(
    ("noun", "code"),
    [("piano", ErrorCode.OBJECT_NOT_FOUND), ("elephant", ErrorCode.OBJECT_AMBIGUOUS)],
)
def test_what_stands_on_no_table_is_not_meant_unless_there_are_toys_of_it(two_red, noun, code):
    with pytest.raises(UnihmError) as error:
        meant(two_red, f"pick up the red {noun}", {f"red {noun}": (0.45, 0.0)})
    assert error.value.code == code


def test_a_shape_that_fits_for_certain_outweighs_the_network(two_red):
    assert meant(two_red, "pick up the red can", {"red can": LEFT}) == "right"


def test_what_fits_for_certain_is_not_doubted_by_the_network():
    frame = render(
        make_item("box", "red", 0.45, 0.20, x=0.06, y=0.05, z=0.06),
        make_item("box", "green", 0.45, -0.20, x=0.06, y=0.05, z=0.07),
    )
    told = (frame.observation, read_scene(frame.observation))
    with pytest.raises(UnihmError) as error:
        meant(told, "pick up the box", {"box": LEFT})
    assert error.value.code == ErrorCode.OBJECT_AMBIGUOUS


def test_a_long_box_is_no_banana():
    frame = render(make_item("box", "yellow", 0.45, 0.20, x=0.16, y=0.05, z=0.04))
    told = (frame.observation, read_scene(frame.observation))
    with pytest.raises(UnihmError) as error:
        meant(told, "pick up the banana", {"banana": LEFT})
    assert error.value.code == ErrorCode.OBJECT_NOT_FOUND


def test_words_of_place_choose_among_what_fits(two_red):
    observation, scene = two_red
    told = Told(scene, observation, {"red object": LEFT})
    scorer = AffordanceScorer(told)
    found = find(
        understand("pick up the red object on the right").one_step().target, scene.objects, scorer
    )
    assert found.thing.center[1] < 0


def test_what_stands_beyond_the_map_is_judged_by_rule(two_red):
    observation, scene = two_red
    right_half = CliportConfig(y=(-0.48, 0.0))
    told = Told(scene, observation, {"red box": RIGHT}, sure=0.001, config=right_half)
    found = find(
        understand("pick up the red box").one_step().target, scene.objects, AffordanceScorer(told)
    )
    assert found.thing.center[1] > 0
