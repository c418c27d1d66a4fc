"""docs/add_a_hand.md, done word for word with its invented hand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pages
import pytest
import yaml
from unihm.learning.datasets.episode import Episode
from unihm.paths import config_dir
from unihm.robots import load_hand
from unihm.robots.assembly import assemble
from unihm.robots.urdf import parse_urdf

HANDS = ("human", "xhand")


def blocks(language: str) -> list[str]:
    return [text for kind, text in pages.blocks("add_a_hand") if kind == language]


@pytest.fixture(scope="module")
def workspace(
    tmp_path_factory: pytest.TempPathFactory, make_box_episodes: Callable[..., list[Episode]]
) -> Path:
    """A folder with what the page starts from: the example, some episodes, a trained tokenizer.

    The tokenizer is the shipped preset's in kind, only trained for a moment.
    """
    from unihm.cli.main import main

    folder = tmp_path_factory.mktemp("newcomer")
    shutil.copytree(
        pages.ROOT / "examples" / "05_add_a_hand", folder / "examples" / "05_add_a_hand"
    )
    for episode in make_box_episodes(12, HANDS):
        episode.save(folder / "out" / "synth")
    shutil.copytree(config_dir(), folder / "config")
    preset = folder / "config" / "presets" / "tiny.yaml"
    values = yaml.safe_load(preset.read_text())
    values["tokenizer"].update(
        codebook_size=16, hidden=16, latent=8, reference="human", hands=list(HANDS)
    )
    values["tokenizer"]["training"] = {
        "warmup_epochs": 1,
        "reference_epochs": 1,
        "align_epochs": 1,
        "tune_epochs": 1,
    }
    preset.write_text(yaml.safe_dump(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("UNIHM_CONFIG_DIR", str(folder / "config"))
        patch.delenv("UNIHM_WEIGHTS_DIR", raising=False)
        assert main(["train", "tokenizer", "--episodes", "out/synth"]) == 0
    return folder


@pytest.mark.slow
def test_the_page_leads_to_a_translated_motion(workspace: Path) -> None:
    (hand_file,), (script,) = blocks("yaml"), blocks("python")
    first, *steps = blocks("bash")
    (workspace / "page.py").write_text(script)
    (workspace / "claw.yaml").write_text(hand_file)
    check, retarget, *rest = steps
    printed = pages.run(
        [first, "mv claw.yaml my_hands/", check, "python page.py", retarget, *rest], workspace
    )
    assert "The hand is fine." in printed

    assert (workspace / "out" / "hands" / "claw.png").stat().st_size > 10_000
    hand = load_hand(str(workspace / "my_hands" / "claw.yaml"))
    with np.load(workspace / "out" / "retarget" / "claw" / "recording.npz") as motion:
        assert motion["joints"].shape == (120, 4)
        assert (motion["joints"] >= hand.lower).all()
        assert (motion["joints"] <= hand.upper).all()
        # It opens and closes with the person, twice.
        index = motion["joints"][:, hand.joint_names.index("index_flex")]
        assert index[60] < 0.4 * index.max()
        assert min(index[30], index[90]) > 0.8 * index.max()
        assert motion["tip_error"].mean() < 0.02
    (translated,) = (workspace / "out" / "translate").glob("*.npz")
    motions = Episode.load(translated).motions
    assert motions["claw"].joints.shape[1] == 4
    assert {"human", "xhand"} <= set(motions)


def test_the_new_hand_goes_on_the_arm(workspace: Path) -> None:
    folder = workspace / "on_the_arm"
    folder.mkdir()
    shutil.copy(workspace / "examples" / "05_add_a_hand" / "claw.urdf", folder)
    (folder / "claw.yaml").write_text(blocks("yaml")[0])
    both = parse_urdf(assemble("fr3", str(folder / "claw.yaml")))
    assert len(both.moving_joints) == 7 + 7
