"""Who is silent is noticed in time, and not by a watcher that was itself held up."""

import numpy as np
from unihm.control.heartbeats import Heartbeats


def test_a_silent_node_is_named_within_the_time():
    watch = Heartbeats(0.25)
    for step in range(100):
        now = 0.01 * step
        watch.look(now)
        if step % 10 == 0:
            watch.heard("hand_controller")
            if now < 0.5:
                watch.heard("capture")
        silent = watch.silent(["hand_controller", "capture", "unheard"])
        assert silent == (["unheard"] if now <= 0.65 else ["capture", "unheard"])


def test_who_was_held_up_hears_the_others_before_he_accuses_them():
    watch = Heartbeats(0.25)
    watch.heard("hand_controller")
    for now in (0.0, 0.1, 5.0, 60.0):
        watch.look(now)
        assert watch.silent(["hand_controller"]) == []
    for now in 60.0 + 0.01 * np.arange(1, 30):
        watch.look(now)
    assert watch.silent(["hand_controller"]) == ["hand_controller"]
