"""``unihm look``: a recorded frame as it is."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image
from rendered_scenes import make_item, render
from unihm.cli.main import main


@pytest.fixture(scope="module")
def frame():
    return render(
        make_item("box", "red", 0.45, 0.20, x=0.06, y=0.06, z=0.09),
        make_item("box", "blue", 0.45, -0.20, x=0.06, y=0.06, z=0.09),
    )


@pytest.mark.parametrize("posed", [True, False])
def test_a_frame_is_read_and_drawn(frame, posed, tmp_path, capsys):
    seen, path, out = frame.observation, tmp_path / "frame.npz", tmp_path / "look.png"
    pose = {"T_world_camera": seen.T_world_camera} if posed else {}
    np.savez(path, rgb=seen.rgb, depth=seen.depth, K=seen.K, **pose)
    assert main(["look", str(path), "the red box", "-o", str(out)]) == 0
    assert re.search(r"the red box \(9\d % sure\)\.", capsys.readouterr().out)
    drawn = np.asarray(Image.open(out))
    changed = (drawn != seen.rgb).any(axis=-1)
    assert changed[frame.labels == 1].mean() > 0.9  # tinted
    assert changed[frame.labels == 2].mean() < 0.5  # outlined
    assert main(["look", str(path), "the red banana split", "-o", str(out)]) == 1
    assert main(["look", str(path), "do not touch the red box", "-o", str(out)]) == 1


def test_images_with_a_camera(frame, tmp_path, capsys):
    seen = frame.observation
    Image.fromarray(seen.rgb).save(tmp_path / "color.png")
    Image.fromarray(np.rint(1000 * seen.depth).astype(np.uint16)).save(tmp_path / "depth.png")
    (tmp_path / "camera.yaml").write_text(f"K: {seen.K.ravel().tolist()}\n")
    images = [str(tmp_path / "color.png"), "--depth", str(tmp_path / "depth.png")]
    out = ["-o", str(tmp_path / "look.png")]
    assert main(["look", *images, "--camera", str(tmp_path / "camera.yaml"), *out]) == 0
    assert "2 objects" in capsys.readouterr().out
    assert main(["look", *images, *out]) == 1
    assert "its camera" in capsys.readouterr().err


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"version https://git-lfs"])
def test_what_is_no_frame_is_one_sentence(content, tmp_path, capsys):
    path = tmp_path / "frame.npz"
    path.write_bytes(content)
    assert main(["look", str(path), "-o", str(tmp_path / "look.png")]) == 1
    assert "INVALID_IMAGE" in capsys.readouterr().err
