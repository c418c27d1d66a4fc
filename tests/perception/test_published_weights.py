"""The paper's networks compute what their published code computes, from its checkpoints' names.

The expected numbers were made once with the authors' code on the same tensors.
"""

import numpy as np
import pytest
import torch
from published_checkpoints import fill, point_sam, snowflake
from unihm.config import load_section
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.segmentation.pointsam import large
from unihm.perception.segmentation.pointsam.predictor import PointSamPredictor
from unihm.perception.segmentation.snowflake import Completer, SnowflakeConfig, SnowflakeNet
from unihm.perception.segmentation.snowflake.model import from_published

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


def test_published_files_are_found_in_the_folder_of_weights(tmp_path, monkeypatch):
    from safetensors.torch import save_file
    from unihm.perception.segmentation.pointsam import predictor
    from unihm.perception.segmentation.snowflake import completer

    folder = tmp_path / "paper"
    folder.mkdir()
    state = fill(snowflake(32, 16, (1, 2, 2)))
    torch.save({"model": {f"module.{k}": v for k, v in state.items()}}, folder / "snowflake.pth")
    save_file(fill(point_sam(64, 2, 170)), folder / "pointsam_vit_l.safetensors")
    monkeypatch.setenv("UNIHM_WEIGHTS_DIR", str(tmp_path))
    monkeypatch.setattr(completer, "load_section", lambda *_: SNOWFLAKE)
    monkeypatch.setattr(predictor, "load_section", lambda *_: POINT_SAM)
    torch.testing.assert_close(
        Completer.load("paper").model.steps[1].split.weight, state["decoder.uppers.1.ps.weight"]
    )
    assert isinstance(PointSamPredictor.load("paper").model, large.LargePointSam)
