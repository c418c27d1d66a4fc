"""The published networks, small and with random weights under their published names."""

import numpy as np
import pytest
import torch
from published_checkpoints import clip_vocabulary, cliport
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.planner.cliport import CliportConfig
from unihm.perception.planner.cliport.published import (
    VOCABULARY,
    PublishedCliport,
    Sizes,
    load_published,
    load_vocabulary,
    rename,
)

CONFIG = CliportConfig(
    network="clip_rn50",
    x=(0.1, 0.9),
    y=(-0.6, 0.6),
    pixel=0.0125,
    place_rotations=4,
    crop=32,
)
SMALL = Sizes(
    base=8, clip=8, blocks=(1, 2, 1, 1), embedding=32, text=16, heads=2, layers=2, words=570
)


def turned_pair(shape):
    """An L about (30, 20), and the same turned by a quarter counter-clockwise about (30, 60).

    Returns:
        maps, the pick, and (turn, row, column - 40) of the place.
    """
    maps = torch.zeros(1, 5, *shape)
    maps[0, :3, 26:35, 20] = 1.0  # upright, its foot to the right
    maps[0, :3, 34, 20:25] = 1.0
    maps[0, :3, 30, 56:65] = 1.0  # lying, its foot upwards at the right end
    maps[0, :3, 26:31, 64] = 1.0
    return maps, torch.tensor([[30.0, 20.0]]), (1, 30, 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("paper")
    torch.manual_seed(0)
    model = PublishedCliport(CONFIG, SMALL)
    for parameter in model.clip.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    torch.save({"state_dict": cliport(model), "epoch": 3}, folder / "cliport.ckpt")
    (folder / VOCABULARY).write_bytes(clip_vocabulary())
    return folder


def test_names_are_those_of_the_published_agent():
    names = set(cliport(PublishedCliport(CONFIG, Sizes(layers=1, words=570))))
    for name in (
        "attention.attn_stream_one.conv1.0.weight",
        "attention.attn_stream_one.layer10.1.conv3.weight",
        "attention.attn_stream_one.conv2.0.shortcut.0.weight",
        "attention.attn_stream_two.clip_rn50.visual.layer4.2.bn3.running_var",
        "attention.attn_stream_two.clip_rn50.visual.layer1.0.downsample.0.weight",
        "attention.attn_stream_two.clip_rn50.transformer.resblocks.0.attn.in_proj_weight",
        "attention.attn_stream_two.clip_rn50.transformer.resblocks.0.mlp.c_fc.weight",
        "attention.attn_stream_two.lang_proj1.weight",
        "attention.attn_stream_two.up1.conv.double_conv.4.running_mean",
        "attention.attn_stream_two.lat_fusion6.conv.1.weight",
        "attention.attn_stream_two.conv2.0.weight",
        "transport.fusion_key.conv.1.weight",
        "transport.query_stream_two.layer3.0.conv2.weight",
    ):
        assert name in names


def test_shapes_are_those_of_the_published_agent():
    state = PublishedCliport(CONFIG, Sizes(layers=1)).state_dict()
    shapes = {
        "attention.attn_stream_one.conv1.0.weight": (64, 6, 3, 3),
        "attention.attn_stream_one.layer5.0.conv3.weight": (1024, 1024, 1, 1),
        "attention.attn_stream_two.conv1.0.weight": (1024, 2048, 3, 3),
        "attention.attn_stream_two.up1.conv.double_conv.0.weight": (1024, 2048, 3, 3),
        "attention.attn_stream_two.lat_fusion1.conv.1.weight": (512, 1536, 1, 1),
        "attention.attn_stream_two.lat_fusion4.conv.1.weight": (64, 192, 1, 1),
        "attention.attn_stream_two.lang_proj3.weight": (256, 1024),
        "transport.key_stream_two.conv2.0.weight": (3, 16, 1, 1),
        "transport.fusion_query.conv.1.weight": (3, 6, 1, 1),
        "clip.visual.layer4.0.downsample.0.weight": (2048, 1024, 1, 1),
        "clip.text_projection": (512, 1024),
        "clip.token_embedding.weight": (49408, 512),
    }
    assert {name: tuple(state[name].shape) for name in shapes} == shapes


def test_a_checkpoint_of_tensors_loads_and_answers(folder):
    model = load_published(CONFIG, folder, SMALL)
    words = model.words(["the red mug", "red"])
    assert words.shape == (2, 32)
    assert not np.allclose(words[0], words[1])
    torch.manual_seed(1)
    maps = torch.rand(1, 5, *CONFIG.shape)
    with torch.inference_mode():
        picks = model.pick(maps, torch.from_numpy(words)[None])
        places = model.place(maps, torch.from_numpy(words)[:1], torch.tensor([[10.0, 20.0]]))
    assert picks.shape == (1, 2, 1, *CONFIG.shape)
    assert places.shape == (1, 4, *CONFIG.shape)
    assert torch.isfinite(picks).all()
    assert torch.isfinite(places).all()
    assert not torch.equal(picks[0, 0], picks[0, 1])


def test_what_goes_in_at_a_place_comes_out_there():
    """Their map is the mirror image of ours, turned: with streams that copy, nothing moves."""
    model = PublishedCliport(CONFIG, SMALL)
    model.streams = lambda module, name, x, words: (x[:, :1], torch.zeros_like(x[:, :1]))
    maps = torch.rand(1, 5, *CONFIG.shape)
    picks = model.pick(maps, torch.zeros(1, 1, 32))
    torch.testing.assert_close(picks[0, 0, 0], maps[0, 0])


def test_a_turned_thing_fits_where_it_is_wanted_turned():
    model = PublishedCliport(CONFIG, SMALL)
    model.streams = lambda module, name, x, words: (x[:, :3], x[:, :3])
    for name in ("key", "query"):
        model.transport[f"fusion_{name}"].forward = lambda a, b: a
    maps, pick, goal = turned_pair(CONFIG.shape)
    with torch.inference_mode():
        found = model.place(maps, torch.zeros(1, 32), pick)[0]
    turn, row, column = np.unravel_index(int(found[:, :, 40:].argmax()), (4, 64, 56))
    assert turn == goal[0]
    assert abs(row - goal[1]) <= 1  # theirs is resampled by a pixel
    assert abs(column - goal[2]) <= 1


def test_words_are_split_as_clip_does(folder):
    tokenizer = load_vocabulary(folder / VOCABULARY)
    assert tokenizer.encode("The  RED mug").tokens == ["the</w>", "red</w>", "mug</w>"]
    assert tokenizer.encode("mud").tokens == ["mu", "d</w>"]
    assert tokenizer.token_to_id("!") == 0
    assert tokenizer.token_to_id("<|endoftext|>") == 512 + 6 + 1


def test_what_is_not_tensors_is_not_read(folder, tmp_path):
    (tmp_path / VOCABULARY).write_bytes((folder / VOCABULARY).read_bytes())

    torch.save({"state_dict": {}, "callbacks": CliportConfig()}, tmp_path / "cliport.ckpt")
    with pytest.raises(UnihmError) as error:
        load_published(CONFIG, tmp_path, SMALL)
    assert error.value.code == ErrorCode.WEIGHTS_MISSING


@pytest.mark.parametrize("missing", ["cliport.ckpt", VOCABULARY])
def test_missing_files_are_told(folder, tmp_path, missing):
    for name in ("cliport.ckpt", VOCABULARY):
        if name != missing:
            (tmp_path / name).write_bytes((folder / name).read_bytes())
    with pytest.raises(UnihmError) as error:
        load_published(CONFIG, tmp_path, SMALL)
    assert error.value.code == ErrorCode.WEIGHTS_MISSING


def test_own_names_pass_unchanged():
    names = ("clip.ln_final.weight", "transport.fusion_key.conv.1.weight")
    state = {name: torch.ones(1) for name in names}
    assert rename(state) == state
