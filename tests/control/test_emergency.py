"""The emergency stop's latch: kept over restarts, engaged where in doubt, reset only when asked."""

import pytest
from unihm.control.emergency import EmergencyStop, default_file
from unihm.errors import ErrorCode, UnihmError


def test_it_is_kept_until_it_is_reset(tmp_path):
    path = tmp_path / "new" / "stop.json"
    stop = EmergencyStop(path)
    stop.check()
    stop.engage("A hand was in the way.")
    stop.engage("Something else.")
    again = EmergencyStop(path)
    assert again.latch == stop.latch
    with pytest.raises(UnihmError, match="A hand was in the way") as caught:
        again.check()
    assert caught.value.code is ErrorCode.SAFETY_STOP
    again.reset()
    again.check()
    EmergencyStop(path).check()


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"engaged": "no"}', '{"engaged": 0, "reason": 1}']
)
def test_a_damaged_file_counts_as_engaged(tmp_path, text):
    path = tmp_path / "stop.json"
    path.write_text(text)
    stop = EmergencyStop(path)
    with pytest.raises(UnihmError, match="damaged"):
        stop.check()
    stop.reset()
    EmergencyStop(path).check()


def test_a_disk_that_takes_nothing_stops_all_the_same(tmp_path):
    (tmp_path / "stop.part").mkdir()  # in the way of what would be written
    stop = EmergencyStop(tmp_path / "stop.json")
    with pytest.raises(UnihmError, match="cannot be kept"):
        stop.engage("Stop.")
    with pytest.raises(UnihmError, match="engaged"):
        stop.check()
    with pytest.raises(UnihmError, match="cannot be kept"):
        stop.reset()
    with pytest.raises(UnihmError, match="engaged"):
        stop.check()


def test_the_file_is_where_states_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert default_file() == tmp_path / "unihm" / "emergency_stop.json"
