"""The paper's networks compute what their published code computes, from its checkpoints' names.

The expected numbers were made once with the authors' code on the same tensors.
"""

import json
import shutil
from dataclasses import asdict
from functools import partial

import numpy as np
import pytest
import torch
import yaml
from published_checkpoints import clip_vocabulary, cliport, fill, point_sam, qwen3, snowflake
from safetensors.torch import load_file, save_file
from torch.nn.modules.module import register_module_forward_hook
from unihm.config import load_section, read_yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.generator import Generator, GeneratorConfig
from unihm.paths import config_dir
from unihm.perception.planner.cliport import CliportConfig
from unihm.perception.planner.cliport import predictor as cliport_predictor
from unihm.perception.planner.cliport.published import (
    VOCABULARY,
    PublishedCliport,
    Sizes,
    load_published,
)
from unihm.perception.planner.planner import Planner, PlannerConfig
from unihm.perception.segmentation.pointsam import large
from unihm.perception.segmentation.segmenter import Segmenter, SegmenterConfig
from unihm.perception.segmentation.snowflake import SnowflakeConfig, SnowflakeNet
from unihm.perception.segmentation.snowflake.model import from_published
from unihm.robots import load_hand
from unihm.tokenizer import Tokenizer, TokenizerConfig
from unihm.tokenizer.features import POSE_FEATURES
from unihm.tokenizer.model import TokenizerModel

SNOWFLAKE = SnowflakeConfig(
    partial=600, neighbours=16, groups=(512, 128),
    group_widths=((64, 128), (128, 256), (512, 32)), attention=64, attention_factor=4,
    seeds=16, start=64, width=128, factors=(1, 2, 2), radius=1.0, heads=False, extent=0.5,
    y_up=True,
)  # fmt: skip
POINT_SAM = large.LargeConfig(patches=32, neighbours=16, width=64, depth=2, heads=4, hidden=170)


def test_snowflake_of_a_published_checkpoint():
    model = SnowflakeNet(SNOWFLAKE).eval()
    model.load_state_dict(from_published(fill(snowflake(32, 16, (1, 2, 2)))), strict=True)
    partial = np.random.default_rng(1).uniform(-0.5, 0.5, (1, 600, 3))
    with torch.inference_mode():
        clouds = model(torch.from_numpy(partial).float())
    assert [s.shape[1] for s in clouds.stages] == [16, 64, 128, 256]
    assert clouds.normals is None
    expected = [
        [1.79281, -1.85517, 0.65797],
        [1.1109, -1.05483, 0.69359],
        [0.74141, -0.92784, 1.60252],
    ]
    np.testing.assert_allclose(clouds.stages[-1][0, [0, 100, 255]], expected, atol=2e-4)


def test_point_sam_of_a_published_checkpoint():
    model = large.LargePointSam(POINT_SAM).eval()
    model.load_state_dict(large.from_published(fill(point_sam(64, 2, 170))), strict=True)
    rng = np.random.default_rng(1)
    points, colors = (
        torch.from_numpy(rng.uniform(-x, x, (1, 400, 3))).float() for x in (0.55, 1.0)
    )
    clicks, signs = points[:, [3, 40]], torch.tensor([[1, 0]])
    with torch.inference_mode():
        cloud = model.encode(points, colors)
        first = model.decode(cloud, clicks, signs, None)
        second = model.decode(cloud, clicks, signs, first.logits[:, 1])
    np.testing.assert_allclose(first.logits[0, 1:, 7], [0.7114, 0.3923, -0.3384], atol=2e-4)
    np.testing.assert_allclose(first.iou[0, 1:], [-0.5141, 0.1425, 0.0015], atol=2e-4)
    np.testing.assert_allclose(
        second.logits[0, 0, [0, 7, 399]], [-0.7709, -0.8008, -0.8066], atol=2e-4
    )
    np.testing.assert_allclose(second.iou[0, 0], 0.4715, atol=2e-4)


@pytest.mark.parametrize("rename", [from_published, large.from_published])
def test_other_checkpoints_are_refused(rename):
    with pytest.raises(UnihmError) as error:
        rename({"backbone.layer1.weight": torch.zeros(2, 2)})
    assert error.value.code == ErrorCode.WEIGHTS_MISSING


def test_the_paper_preset_has_the_published_sizes():
    config = load_section("paper", "snowflake", SnowflakeConfig)
    with torch.device("meta"):
        model = SnowflakeNet(config)
        ours = {k: v.shape for k, v in model.state_dict().items()}
        theirs = {k: torch.empty(s) for k, s in snowflake(512, 256, config.factors)}
        assert {k: v.shape for k, v in from_published(theirs).items()} == ours
        network = large.LargePointSam(load_section("paper", "pointsam_vit_l", large.LargeConfig))
        ours = {k: v.shape for k, v in network.state_dict().items()}
        theirs = {k: torch.empty(s) for k, s in point_sam(1024, 24, 2730)}
        assert {k: v.shape for k, v in large.from_published(theirs).items()} == ours
    assert config.start * np.prod(config.factors) == 16384


@pytest.fixture
def dropped(tmp_path, monkeypatch):
    """The preset `paper` in small, its folder of weights filled as a user fills it."""
    shutil.copytree(config_dir(), tmp_path / "config")
    preset = tmp_path / "config" / "presets" / "paper.yaml"
    values = read_yaml(preset)
    values["snowflake"] = asdict(SNOWFLAKE)
    values["pointsam_vit_l"] = asdict(POINT_SAM)
    values["cliport"].update(x=[0.1, 0.9], y=[-0.6, 0.6], pixel=0.0125, place_rotations=4, crop=32)
    values["generator"].update(backbone=str(tmp_path / "qwen3"), points=64, trajectory_hidden=32)
    values["tokenizer"].update(codebook_size=32, latent=8, hidden=16, hands=["shadow", "xhand"])
    preset.write_text(yaml.safe_dump(json.loads(json.dumps(values))))
    monkeypatch.setenv("UNIHM_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path / "weights"))
    sizes = Sizes(base=8, clip=8, blocks=(1, 1, 1, 1), embedding=32, text=16, heads=2, layers=1,
                  words=570)  # fmt: skip
    monkeypatch.setattr(cliport_predictor, "load_published", partial(load_published, sizes=sizes))

    folder = tmp_path / "weights" / "paper"
    folder.mkdir(parents=True)
    state = fill(snowflake(32, 16, (1, 2, 2)))
    torch.save({"model": {f"module.{k}": v for k, v in state.items()}}, folder / "snowflake.pth")
    save_file(fill(point_sam(64, 2, 170)), folder / "pointsam_vit_l.safetensors")
    agent = PublishedCliport(load_section("paper", "cliport", CliportConfig), sizes)
    torch.save({"state_dict": cliport(agent), "epoch": 3}, folder / "cliport.ckpt")
    (folder / VOCABULARY).write_bytes(clip_vocabulary())
    qwen3(tmp_path / "qwen3")
    model = TokenizerModel(load_section("paper", "tokenizer", TokenizerConfig))
    for hand in model.config.hands:
        model.add_hand(hand, POSE_FEATURES + load_hand(hand).num_joints)
    tokenizer = Tokenizer(model)
    tokenizer.save(folder)
    Generator.create(load_section("paper", "generator", GeneratorConfig), tokenizer).save(folder)
    return folder


def test_weights_dropped_into_the_paper_preset_are_all_used(dropped):
    used = []
    hook = register_module_forward_hook(lambda module, *_: used.append(module))
    try:
        Planner(load_section("paper", "planner", PlannerConfig)).warm_up()
        Segmenter(load_section("paper", "segmentation", SegmenterConfig)).warm_up()
        Generator.load("paper").warm_up()
    finally:
        hook.remove()
    seen = {tuple(p.flatten().tolist()) for module in set(used) for p in module.parameters(False)}
    snow = fill(snowflake(32, 16, (1, 2, 2)))
    sam = fill(point_sam(64, 2, 170))
    agent = torch.load(dropped / "cliport.ckpt", weights_only=True)["state_dict"]
    generator = load_file(dropped / "generator.safetensors")
    for state, name in (
        (snow, "decoder.uppers.1.mlp_delta.mlp.0.weight"),
        (sam, "pc_encoder.patch_proj.weight"),
        (sam, "mask_decoder.iou_prediction_head.layers.0.weight"),
        (agent, "attention.attn_stream_one.conv1.0.weight"),
        (agent, "attention.attn_stream_two.clip_rn50.visual.conv1.weight"),
        (generator, "backbone.layers.0.mlp.up_proj.weight"),
        (load_file(dropped / "tokenizer.safetensors"), "encoders.shadow.head.weight"),
    ):
        assert tuple(state[name].flatten().tolist()) in seen, name
    published = load_file(dropped.parents[1] / "qwen3" / "model.safetensors")
    torch.testing.assert_close(
        generator["backbone.layers.0.mlp.up_proj.weight"], published["layers.0.mlp.up_proj.weight"]
    )


@pytest.mark.parametrize(
    "missing", ["cliport.ckpt", "pointsam_vit_l.safetensors", "snowflake.pth", "tokenizer.json"]
)
def test_the_paper_preset_says_what_it_lacks(dropped, missing):
    (dropped / missing).unlink()
    stage = {
        "cliport.ckpt": lambda: Planner(load_section("paper", "planner", PlannerConfig)),
        "tokenizer.json": lambda: Tokenizer.load("paper"),
    }.get(missing, lambda: Segmenter(load_section("paper", "segmentation", SegmenterConfig)))
    with pytest.raises(UnihmError, match=str(dropped)) as caught:
        stage()
    assert caught.value.code is ErrorCode.WEIGHTS_MISSING
