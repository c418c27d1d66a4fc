"""The shipped weights say how to remake them, and a training writes beside them."""

import json
import shlex
from pathlib import Path

import pytest
import torch
import unihm.weights
from torch import nn
from unihm.cli.main import build_parser, main
from unihm.config import load_section
from unihm.errors import ErrorCode, UnihmError
from unihm.generator import GeneratorConfig
from unihm.paths import weights_file
from unihm.tokenizer import Tokenizer, TokenizerConfig
from unihm.weights import load_weights, read_about, save_weights

SHIPPED = sorted(Path(unihm.weights.__file__).parent.glob("*/*.safetensors"))
PRODUCED_BY = {
    "cliport": "planner",
    "contact_vae": "contact_vae",
    "generator": "generator",
    "language": "language",
    "masked_transformer": "grasps",
    "part_tokenizer": "part_tokenizer",
    "pointsam": "segmentation",
    "snowflake": "completion",
    "tokenizer": "tokenizer",
}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_shipped_weights_say_how_to_remake_them(path):
    about = read_about(path, "commands", "config")
    parsed = [build_parser().parse_args(shlex.split(c)[1:]) for c in about["commands"]]
    *before, last = shlex.split(about["commands"][-1]), parsed[-1]
    assert before[0][:3] == ["unihm", "train", PRODUCED_BY[path.stem]]
    assert (last.section, last.preset) == (path.stem, path.parent.name)
    for args in parsed:  # episodes are made before they are trained with
        if getattr(args, "episodes", None) and hasattr(args, "section"):
            assert args.episodes in [getattr(other, "out", None) for other in parsed]


@pytest.mark.parametrize(
    ("preset", "section", "cls"),
    [
        ("tiny", "tokenizer", TokenizerConfig),
        ("tiny", "generator", GeneratorConfig),
        ("precise", "tokenizer", TokenizerConfig),
    ],
)
def test_the_commands_train_what_is_shipped(preset, section, cls):
    about = read_about(weights_file(preset, f"{section}.safetensors"), "config")
    shipped = json.loads(json.dumps(about["config"]))
    preset_config = load_section(preset, section, cls)
    for key, value in shipped.items():
        if key != "training":
            found = getattr(preset_config, key)
            assert (list(found) if isinstance(found, tuple) else found) == value, key


def test_the_paper_preset_comes_without_weights():
    with pytest.raises(UnihmError, match=r"paper.tokenizer.safetensors; `unihm train`") as caught:
        Tokenizer.load("paper")
    assert caught.value.code is ErrorCode.WEIGHTS_MISSING


def test_a_file_of_ones_own_is_used_beside_the_shipped_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path))
    assert weights_file("tiny", "tokenizer.safetensors") in [path.resolve() for path in SHIPPED]
    mine = tmp_path / "tiny" / "tokenizer.safetensors"
    mine.parent.mkdir()
    mine.write_bytes(b"")
    assert weights_file("tiny", "tokenizer.safetensors") == mine
    assert weights_file("tiny", "nothing.safetensors").parent == mine.parent


def test_a_training_writes_beside_the_shipped_weights(make_box_episodes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UNIHM_WEIGHTS_DIR", raising=False)
    before = {path: path.stat().st_mtime_ns for path in SHIPPED}
    for episode in make_box_episodes(12, ("human", "xhand")):
        episode.save(tmp_path / "episodes")
    (tmp_path / "episodes" / "synth.json").write_text('{"command": "unihm synth --out episodes"}')
    sizes = ["hands=[human, xhand]", "reference=human", "codebook_size=8", "chunk=4", "latent=8"]
    sizes += ["hidden=16", "training.solve=false", "training.align_epochs=1", "training.crops=0"]
    sizes += [f"training.{name}_epochs=1" for name in ("warmup", "reference", "tune")]
    command = ["train", "tokenizer", "--episodes", "episodes", "--set"]
    command += [f"tokenizer.{size}" for size in sizes]
    assert main(command) == 0
    command = ["train", "generator", "--episodes", "episodes", "--set"]
    command += [f"generator.{size}" for size in ("hidden=16", "layers=1", "training.epochs=1")]
    assert main(command) == 0  # with the tokenizer that lies beside it
    assert {path: path.stat().st_mtime_ns for path in SHIPPED} == before
    about = read_about(tmp_path / "out/weights/tiny/generator.safetensors", "commands", "config")
    assert about["commands"] == ["unihm synth --out episodes", shlex.join(["unihm", *command])]
    assert about["config"]["training"]["epochs"] == 1
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path / "out/weights"))
    assert Tokenizer.load("tiny").codebook_id == about["codebook_id"]


def test_weights_that_do_not_fit_are_refused(tmp_path):
    path = tmp_path / "small.safetensors"
    save_weights(path, nn.Linear(2, 3), {"commands": []})
    load_weights(path, nn.Linear(2, 3))
    assert read_about(path)["torch"] == torch.__version__
    for other in (nn.Linear(3, 3), nn.Linear(2, 3, bias=False), nn.Sequential(nn.Linear(2, 3))):
        with pytest.raises(UnihmError, match="does not fit") as caught:
            load_weights(path, other)
        assert caught.value.code is ErrorCode.WEIGHTS_MISSING
    with pytest.raises(UnihmError, match="lacks config"):
        read_about(path, "config")
    path.with_suffix(".json").write_text("{")
    with pytest.raises(UnihmError, match="cannot be read"):
        read_about(path)
