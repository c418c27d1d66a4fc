"""What things are called: shapes, sizes, colours in any light, and how sure it is."""

import dataclasses

import numpy as np
import pytest
from rendered_scenes import make_item, render
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.perception.grounding import Answer
from unihm.evaluation.perception.reliability import calibration_error, judged, plot
from unihm.perception.colors import NAMES, color_shares, dominant_color, white_balance
from unihm.perception.language import understand
from unihm.perception.scene import matching, read_scene
from unihm.perception.scene.certainty import LEAST_SURE, confidence
from unihm.perception.scene.lying import LyingCylinder, fit_lying_cylinder
from unihm.perception.scene.matching import find
from unihm.perception.scene.occlusion import hidden_share, is_parted
from unihm.transforms import from_xyz_rpy


def lying(color, at_x, at_y, yaw, radius, height):
    item = make_item("cylinder", color, at_x, at_y, radius=radius, height=height)
    pose = from_xyz_rpy([at_x, at_y, radius], [np.pi / 2, 0, yaw])
    return dataclasses.replace(item, T_world_item=pose)


def phrase(words):
    return understand(f"take {words}").one_step().thing


def code_of(words, things):
    with pytest.raises(UnihmError) as error:
        find(phrase(words), things)
    return error.value.code


@pytest.mark.parametrize("yaw", [0.0, 0.5, 2.2])
def test_a_can_on_its_side_is_a_cylinder(yaw):
    scene = read_scene(render(lying("green", 0.45, 0.0, yaw, 0.04, 0.12)).observation)
    (can,) = scene.objects
    assert isinstance(can.fit.shape, LyingCylinder)
    assert can.fit.shape.radius == pytest.approx(0.04, abs=0.003)
    assert can.fit.shape.half_length == pytest.approx(0.06, abs=0.006)
    assert max(can.shapes, key=can.shapes.get) == "cylinder"
    np.testing.assert_allclose(can.center, [0.45, 0.0, 0.04], atol=0.01)


def test_the_surface_of_a_lying_cylinder_is_on_it():
    axis = np.array([np.cos(0.7), np.sin(0.7)])
    cylinder = LyingCylinder(np.array([0.4, -0.1]), axis, 0.03, 0.07)
    points, normals = cylinder.sample(4000, np.random.default_rng(0))
    assert cylinder.distance(points).max() < 1e-9
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1.0)
    assert (cylinder.distance(points + 0.001 * normals) > 0.0009).all()
    # Ends have 2 r^2 pi of 2 r^2 pi + 4 r l pi.
    on_end = np.abs(normals[:, :2] @ axis) > 0.99
    assert on_end.mean() == pytest.approx(0.03 / (0.03 + 0.14), abs=0.02)
    found = fit_lying_cylinder(points, normals)
    assert np.abs(found.axis @ axis) > 0.999
    np.testing.assert_allclose(found.center, cylinder.center, atol=0.002)


@pytest.mark.parametrize(("radius", "height"), [(0.09, 0.07), (0.035, 0.16), (0.04, 0.09)])
def test_a_tin_is_no_egg(radius, height):
    frame = render(make_item("cylinder", "red", 0.45, 0.0, radius=radius, height=height))
    (tin,) = read_scene(frame.observation).objects
    assert tin.shapes["cylinder"] > 0.8
    assert tin.shapes["egg"] < 0.2


def test_what_is_white_is_white_in_a_bluish_light():
    bluish = np.array([[170, 185, 232]] * 2000, np.uint8)
    light = white_balance(bluish)
    assert light is not None
    red, blue = light
    assert red < 0.95
    assert blue > 1.15
    assert dominant_color(color_shares(bluish)) == "blue"
    assert dominant_color(color_shares(bluish, light)) == "white"
    vivid = np.array([[240, 190, 40]] * 100, np.uint8)
    assert dominant_color(color_shares(vivid, light)) == "yellow"
    assert white_balance(np.array([[200, 30, 30]] * 2000, np.uint8)) is None
    assert white_balance(bluish[:10]) is None


@pytest.mark.parametrize(
    ("words", "color", "size"),
    [
        ("the apple", "blue", {"radius": 0.04}),  # a kind that has colours of its own
        ("the apple", "red", {"radius": 0.09}),  # and a size
        ("the red apple", "red", {"radius": 0.09}),
    ],
)
def test_what_is_not_like_its_kind_is_not_it(words, color, size):
    things = read_scene(render(make_item("sphere", color, 0.45, 0.0, **size)).observation).objects
    assert code_of(words, things) == ErrorCode.OBJECT_NOT_FOUND
    assert find(phrase("the ball"), things).thing is things[0]


def test_a_ball_of_the_size_and_colour_of_an_apple_may_be_one():
    things = read_scene(render(make_item("sphere", "red", 0.45, 0.0, radius=0.04)).observation)
    assert find(phrase("the apple"), things.objects).confidence > LEAST_SURE


@pytest.fixture(scope="module")
def row():
    """A can, a box and a can from left to right, and a can by itself far on the right."""
    can = {"radius": 0.035, "height": 0.10}
    frame = render(
        make_item("cylinder", "red", 0.45, 0.24, **can),
        make_item("box", "blue", 0.45, 0.08, x=0.06, y=0.06, z=0.08),
        make_item("cylinder", "red", 0.45, -0.08, **can),
    )
    return sorted(read_scene(frame.observation).objects, key=lambda thing: -thing.center[1])


def test_what_a_relation_names_may_be_either_of_two(row):
    assert find(phrase("the can to the right of the box"), row).thing is row[2]
    assert find(phrase("the can to the right of the can"), row).thing is row[2]
    assert find(phrase("the box between the cans"), row).thing is row[1]


def test_what_is_between_lies_between(row):
    assert code_of("the can between the can and the box", row) == ErrorCode.OBJECT_NOT_FOUND


def test_pieces_on_either_side_of_what_hides_them_are_one_thing():
    frame = render(
        lying("yellow", 0.42, 0.0, 0.0, 0.04, 0.24),
        make_item("box", "blue", 0.52, 0.0, yaw=0.0, x=0.06, y=0.06, z=0.14),
    )
    things = read_scene(frame.observation).objects
    assert len(things) == 2
    (tube,) = [thing for thing in things if "yellow" in thing.words]
    assert tube.extents[0] == pytest.approx(0.24, abs=0.02)
    assert tube.hidden > 0.1
    (block,) = [thing for thing in things if thing is not tube]
    assert block.hidden < 0.05


def test_what_is_in_front_hides_what_is_behind():
    ranges = np.full((20, 40), 2.0)
    ranges[5:15, 10:30] = 1.5  # a thing on a wall
    ranges[:, 18:22] = 1.0  # a post before it
    rows, columns = np.mgrid[5:15, 10:30]
    flat = (rows * 40 + columns).ravel()
    left, right = flat[flat % 40 < 18], flat[flat % 40 > 21]
    assert hidden_share(left, ranges) == pytest.approx(10 / 36)
    assert is_parted(left, right, ranges)
    assert not is_parted(left, right, np.where(ranges == 1.0, 2.0, ranges))


def test_a_sliver_has_no_name_but_may_be_pointed_at():
    large = make_item("box", "red", 0.45, 0.15, x=0.06, y=0.06, z=0.08)
    small = make_item("cylinder", "red", 0.45, -0.15, radius=0.008, height=0.012)
    things = read_scene(render(large, small).observation).objects
    assert len(things) == 2
    sliver = min(things, key=lambda thing: thing.seen_area)
    assert find(phrase("the rightmost object"), things).thing is not sliver
    assert find(phrase("the object"), things, clicked=sliver).thing is sliver


def test_confidence_rises_with_the_fit_and_falls_with_a_rival():
    assert confidence([0.9, 0.1]) > confidence([0.5, 0.05]) > confidence([0.5, 0.4])
    assert confidence([0.25, 0.19]) < LEAST_SURE < confidence([0.95, 0.7])
    assert confidence([1.0]) < 1.0


def test_what_is_not_sure_is_refused_with_what_it_may_be(row, monkeypatch):
    monkeypatch.setattr(matching, "score", lambda *_: np.array([0.25, 0.1, 0.15]))
    with pytest.raises(
        matching.UnclearPhrase, match=r"may mean a red .*not sure \(\d\d %\)"
    ) as error:
        find(phrase("the can"), row)
    assert error.value.code == ErrorCode.LOW_CONFIDENCE
    assert error.value.candidates == [row[0], row[2], row[1]]


def test_a_reliability_diagram(tmp_path):
    answers = [Answer("f", "s", "right", "", 0.95)] * 19 + [Answer("f", "s", "wrong", "", 0.95)]
    answers += [Answer("f", "s", "refused", "")]
    assert calibration_error(*judged(answers)) == pytest.approx(0.0)
    assert calibration_error(np.array([0.9, 0.9]), np.array([0.0, 1.0])) == pytest.approx(0.4)
    plot(tmp_path / "new" / "reliability.png", answers)
    assert (tmp_path / "new" / "reliability.png").stat().st_size > 5000


def test_every_colour_that_a_kind_has_is_a_name():
    from unihm.perception.language.nouns import COLORS, NOUNS, SIZES

    assert all(color in NAMES for colors in COLORS.values() for color in colors)
    assert {*COLORS, *SIZES} <= {*NOUNS}
    assert all(least < most and second <= most for least, most, second in SIZES.values())


def painted(thing, color, low, high):
    """The same thing in another colour between two shares of its height."""
    heights = thing.cluster.points[:, 2]
    bottom, top = heights.min(), heights.max()
    inside = (heights >= bottom + low * (top - bottom)) & (
        heights <= bottom + high * (top - bottom)
    )
    rgb = np.where(inside[:, None], np.array(color, np.uint8), thing.cluster.rgb)
    return dataclasses.replace(thing, cluster=dataclasses.replace(thing.cluster, rgb=rgb))


def two_white_cans():
    cans = [make_item("cylinder", "white", 0.45, y, radius=0.035, height=0.12) for y in (-0.1, 0.1)]
    return read_scene(render(*cans).observation).objects


def test_a_part_by_its_colour_tells_which():
    one, other = two_white_cans()
    lid, label = painted(one, (200, 30, 30), 0.8, 1.0), painted(other, (200, 30, 30), 0.3, 0.6)
    things = [lid, label]
    assert find(phrase("the can with the red lid"), things).thing is lid
    assert code_of("the can with the blue lid", things) == ErrorCode.OBJECT_NOT_FOUND
    plain = [one, painted(other, (30, 160, 60), 0.3, 0.6)]
    assert find(phrase("the can with the green label"), plain).thing is plain[1]


def test_of_two_blues_the_light_one_is_the_lighter():
    one, other = two_white_cans()
    things = [painted(one, (20, 40, 120), 0.0, 1.0), painted(other, (90, 140, 230), 0.0, 1.0)]
    assert find(phrase("the light blue can"), things).thing is things[1]
    assert find(phrase("the dark blue can"), things).thing is things[0]
    assert code_of("the blue can", things) == ErrorCode.OBJECT_AMBIGUOUS


def test_of_a_pile_one_is_on_top_and_one_underneath():
    lower = make_item("box", "green", 0.5, 0.0, x=0.14, y=0.14, z=0.05)
    upper = make_item("box", "blue", 0.5, 0.0, x=0.08, y=0.08, z=0.05)
    upper = dataclasses.replace(upper, T_world_item=from_xyz_rpy([0.5, 0.0, 0.075], [0, 0, 0]))
    beside = make_item("box", "yellow", 0.45, 0.25, x=0.06, y=0.06, z=0.18)
    things = read_scene(render(lower, upper, beside).observation).objects
    for words, color in (
        ("the box on top", "blue"),
        ("the upper one of the two", "blue"),
        ("the bottom box of the stack", "green"),
        ("the box that has another box on it", "green"),
        ("the lowest box", "green"),
    ):
        assert dominant_color(find(phrase(words), things).thing.colors) == color, words


def test_where_nothing_is_on_anything_nothing_is_on_top():
    items = [
        make_item("box", "green", 0.42, -0.1, x=0.1, y=0.1, z=0.05),
        make_item("box", "blue", 0.55, 0.1, x=0.1, y=0.1, z=0.12),
    ]
    things = read_scene(render(*items).observation).objects
    assert code_of("the box on top", things) == ErrorCode.OBJECT_NOT_FOUND
