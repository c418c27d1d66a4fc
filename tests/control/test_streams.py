"""A slow camera is not a dead one; a dead one is noticed soon."""

import numpy as np
import pytest
from unihm.control.streams import Streams

STEP = 0.05


def silent_after(rate, silence=0.2, images=60):
    """Seconds from the last image of a camera until it counts as silent."""
    streams = Streams(silence, STEP)
    looks = iter(np.arange(0.0, 1000.0, STEP))
    look = next(looks)
    for image in np.arange(images) / rate:
        while look <= image:
            streams.look(look)
            assert not streams.silent()
            look = next(looks)
        streams.heard("rgb", image)
    while not streams.silent():
        streams.look(look)
        look = next(looks)
    return look - STEP - image


@pytest.mark.parametrize("rate", [60, 30, 15, 10])
def test_a_dead_camera_is_noticed_within_a_quarter_of_a_second(rate):
    assert 0.15 < silent_after(rate) < 0.28


@pytest.mark.parametrize("rate", [1.5, 3, 5])
def test_a_slow_camera_is_waited_for(rate):
    assert 2 / rate < silent_after(rate) < 3 / rate


def test_one_lost_image_is_no_silence():
    streams = Streams(0.2, STEP)
    for i in range(100):
        streams.look(0.1 * i)
        if i != 50:
            streams.heard("rgb", 0.1 * i)
        streams.look(0.1 * i + 0.05)
        assert not streams.silent()


def test_one_that_comes_by_fits_and_starts_is_waited_for_but_not_for_ever():
    streams = Streams(0.2, STEP)
    now, told = 0.0, []
    for gap in [0.1] * 20 + [0.1, 0.1, 0.35] * 10:
        for _ in range(round(gap / STEP)):
            now += STEP
            streams.look(now)
            told.append(bool(streams.silent()))
        streams.heard("rgb", now)
    assert sum(told) <= 3  # the first time, not the ten after it
    (timeout,) = [watched.timeout for watched in streams._watched.values()]
    assert 0.35 < timeout <= 0.6
    for _ in range(300):  # steady again
        now += 0.1
        streams.look(now)
        streams.heard("rgb", now)
    for _ in range(6):
        now += STEP
        streams.look(now)
    assert streams.silent()


def test_what_was_never_heard_is_not_silent():
    streams = Streams(0.2, STEP)
    streams.look(0.0)
    streams.look(10.0)
    assert streams.silent() == {}
