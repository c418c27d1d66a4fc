"""Where the joints were when an image was taken."""

from __future__ import annotations

from unihm.robots.joint_history import LENGTH, STEP, JointHistory


def test_what_was_last_measured_until_then() -> None:
    past = JointHistory()
    for i in range(100):
        past.add(10.0 + 0.05 * i, {"a": float(i), "b": -float(i)})
        past.add(10.01 + 0.05 * i, {"finger": 0.1 * i})
    assert past.at(10.5 + 0.02) == {"a": 10.0, "b": -10.0, "finger": 1.0}
    assert past.at(9.9) == {}
    assert past.at(20.0) == {}  # nobody knows where they have gone


def test_the_newest_word_of_a_joint_counts() -> None:
    past = JointHistory()
    past.add(10.0, {"a": 1.0, "finger": 1.0})
    past.add(10.2, {"finger": 2.0})
    past.add(10.1, {"a": 3.0})
    assert past.at(10.3) == {"a": 3.0, "finger": 2.0}
    past.clear()
    assert past.at(10.3) == {}


def test_it_does_not_grow() -> None:
    past = JointHistory()
    for i in range(200_000):
        past.add(0.001 * i, {"a": float(i)})
    (words,) = past._past.values()
    assert len(words) <= LENGTH / STEP
