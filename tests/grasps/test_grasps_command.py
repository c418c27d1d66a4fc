"""``unihm grasps``: what it writes, and what it refuses."""

import numpy as np
import pytest
from unihm.cli.main import main


@pytest.mark.parametrize("method", ["views", "contact"])
def test_grasps_are_written_best_first_with_a_picture(tmp_path, capsys, method):
    points = np.random.default_rng(0).uniform(-1, 1, (1500, 3))
    points[np.arange(1500), np.arange(1500) % 3] = np.sign(points[:, 0])
    np.save(tmp_path / "box.npy", points * [0.03, 0.03, 0.05])
    out = tmp_path / "grasps"
    command = ["grasps", str(tmp_path / "box.npy"), "--n", "3", "--out", str(out)]
    assert main([*command, "--method", method, "--text", "pick up the box"]) == 0
    found = np.load(out.with_suffix(".npz"))
    assert (np.diff(found["cost"] < 1) <= 0).all()
    assert found["T_object_wrist"].shape == (3, len(found["phase"]), 4, 4)
    assert found["reached"].any()
    assert out.with_suffix(".png").stat().st_size > 5000
    assert "3 grasps" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["do not touch it", "grab the box by the handle"])
def test_what_cannot_be_asked_is_said(tmp_path, text, capsys):
    points = np.random.default_rng(0).normal(size=(800, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    np.save(tmp_path / "ball.npy", 0.03 * points)
    assert main(["grasps", str(tmp_path / "ball.npy"), "--text", text]) != 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--method", "masked"], "There are no weights at"),
        (["--edit", "move only the thumb"], "Only grasps of the masked transformer can be edited"),
    ],
)
def test_what_needs_weights_that_are_not_shipped_says_so(tmp_path, options, sentence, capsys):
    np.save(tmp_path / "box.npy", np.random.default_rng(0).uniform(-0.03, 0.03, (800, 3)))
    assert main(["grasps", str(tmp_path / "box.npy"), *options]) == 1
    assert sentence in capsys.readouterr().err
