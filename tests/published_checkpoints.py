"""Names and shapes of published checkpoints, filled with reproducible numbers."""

import gzip
from itertools import pairwise

import numpy as np
import torch
from tokenizers import Tokenizer as BytePairs
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3Model


def linear(name, inputs, outputs, kernel=0, bias=True):
    yield f"{name}.weight", (outputs, inputs) + (1,) * kernel
    if bias:
        yield f"{name}.bias", (outputs,)


def norm(name, width, running=True):
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)
    if running:
        yield f"{name}.running_mean", (width,)
        yield f"{name}.running_var", (width,)
        yield f"{name}.num_batches_tracked", ()


def _residual(name, inputs, hidden, outputs):
    yield from linear(f"{name}.conv_1", inputs, hidden, 1)
    yield from linear(f"{name}.conv_2", hidden, outputs, 1)
    yield from linear(f"{name}.conv_shortcut", inputs, outputs, 1)


def _attention(name, inputs):
    for part in ("key", "query", "value"):
        yield from linear(f"{name}.conv_{part}", inputs, 64, 1)
    yield from linear(f"{name}.pos_mlp.0", 3, 64, 2)
    yield from norm(f"{name}.pos_mlp.1", 64)
    yield from linear(f"{name}.pos_mlp.3", 64, 64, 2)
    yield from linear(f"{name}.attn_mlp.0", 64, 256, 2)
    yield from norm(f"{name}.attn_mlp.1", 256)
    yield from linear(f"{name}.attn_mlp.3", 256, 64, 2)


def snowflake(feature, seeds, factors):
    for level, widths in enumerate([(6, 64, 128), (131, 128, 256), (259, 512, feature)], start=1):
        for k in (0, 1):
            name = f"feat_extractor.sa_module_{level}.mlp_conv.{k}"
            yield from linear(f"{name}.conv", widths[k], widths[k + 1], 2)
            yield from norm(f"{name}.bn", widths[k + 1])
    for level, width in ((1, 128), (2, 256)):
        name = f"feat_extractor.transformer_{level}"
        yield from _attention(name, 64)
        yield from linear(f"{name}.linear_start", width, 64, 1)
        yield from linear(f"{name}.linear_end", 64, width, 1)
    coarse = "decoder.decoder_coarse"
    yield f"{coarse}.ps.weight", (feature, 128, seeds)
    yield f"{coarse}.ps.bias", (128,)
    yield from _residual(f"{coarse}.mlp_1", feature + 128, 128, 128)
    yield from _residual(f"{coarse}.mlp_2", 128, 64, 128)
    yield from _residual(f"{coarse}.mlp_3", feature + 128, 128, 128)
    yield from linear(f"{coarse}.mlp_4.0", 128, 64, 1)
    yield from linear(f"{coarse}.mlp_4.2", 64, 3, 1)
    for k, factor in enumerate(factors):
        upper = f"decoder.uppers.{k}"
        for name, widths in (
            ("mlp_1", (3, 64, 128)),
            ("mlp_2", (256 + feature, 256, 128)),
            ("mlp_ps", (128, 64, 32)),
            ("mlp_delta", (128, 64, 3)),
        ):
            yield from linear(f"{upper}.{name}.mlp.0", widths[0], widths[1], 1)
            yield from linear(f"{upper}.{name}.mlp.2", widths[1], widths[2], 1)
        yield from _residual(f"{upper}.skip_transformer.mlp_v", 256, 128, 128)
        yield from _attention(f"{upper}.skip_transformer", 128)
        yield from linear(f"{upper}.skip_transformer.conv_end", 64, 128, 1)
        yield f"{upper}.ps.weight", (32, 128, factor)
        yield from _residual(f"{upper}.mlp_delta_feature", 256, 128, 128)


def _patch_net(name, inputs, outputs):
    for stage, (a, b, c) in (("conv1", (inputs, 128, 128)), ("conv2", (256, 512, outputs))):
        yield from linear(f"{name}.{stage}.0", a, b)
        yield from norm(f"{name}.{stage}.1", b, running=False)
        yield from linear(f"{name}.{stage}.3", b, c)


def _sam_attention(name, inner):
    for part in "qkv":
        yield from linear(f"{name}.{part}_proj", 256, inner)
    yield from linear(f"{name}.out_proj", inner, 256)


def _mlp(name, *widths):
    for k, (a, b) in enumerate(pairwise(widths)):
        yield from linear(f"{name}.layers.{k}", a, b)


def point_sam(width, depth, hidden):
    yield from _patch_net("pc_encoder.patch_embed.patch_encoder", 6, 512)
    yield from linear("pc_encoder.patch_proj", 512, width)
    yield from linear("pc_encoder.pos_embed.0", 3, 128)
    yield from linear("pc_encoder.pos_embed.2", 128, width)
    yield "pc_encoder.transformer.cls_token", (1, 1, width)
    yield from linear("pc_encoder.transformer.head", width, 10)
    for k in range(depth):
        name = f"pc_encoder.transformer.blocks.{k}"
        for part in "qkv":
            yield from linear(f"{name}.attn.{part}_proj", width, width, bias=part != "k")
        yield from linear(f"{name}.attn.proj", width, width)
        for k in (1, 2):
            yield from norm(f"{name}.norm{k}", width, running=False)
        yield from linear(f"{name}.mlp.fc1_g", width, hidden)
        yield from linear(f"{name}.mlp.fc1_x", width, hidden)
        yield from norm(f"{name}.mlp.norm", hidden, running=False)
        yield from linear(f"{name}.mlp.fc2", hidden, width)
    yield from norm("pc_encoder.transformer.fc_norm", width, running=False)
    yield from linear("pc_encoder.out_proj", width, 256)
    yield "point_encoder.pe_layer.positional_encoding_gaussian_matrix", (3, 128)
    for k in (0, 1):
        yield f"point_encoder.point_embeddings.{k}.weight", (1, 256)
    yield from _patch_net("mask_encoder.patch_encoder", 4, 256)
    yield "mask_encoder.no_mask_embed.weight", (1, 256)
    for k in (0, 1):
        name = f"mask_decoder.transformer.layers.{k}"
        yield from _sam_attention(f"{name}.self_attn", 256)
        yield from _sam_attention(f"{name}.cross_attn_token_to_image", 128)
        yield from _sam_attention(f"{name}.cross_attn_image_to_token", 128)
        yield from linear(f"{name}.mlp.lin1", 256, 2048)
        yield from linear(f"{name}.mlp.lin2", 2048, 256)
        for n in range(1, 5):
            yield from norm(f"{name}.norm{n}", 256, running=False)
    yield from _sam_attention("mask_decoder.transformer.final_attn_token_to_image", 128)
    yield from norm("mask_decoder.transformer.norm_final_attn", 256, running=False)
    yield "mask_decoder.iou_token.weight", (1, 256)
    yield "mask_decoder.mask_tokens.weight", (4, 256)
    yield from linear("mask_decoder.output_upscaling.0", 256, 256)
    yield from norm("mask_decoder.output_upscaling.1", 256, running=False)
    yield from linear("mask_decoder.output_upscaling.3", 256, 256)
    for k in range(4):
        yield from _mlp(f"mask_decoder.output_hypernetworks_mlps.{k}", 256, 256, 256, 256)
    yield from _mlp("mask_decoder.iou_prediction_head", 256, 256, 256, 4)


def fill(shapes):
    """Tensors of about unit gain, the same on every machine."""
    rng = np.random.default_rng(0)
    state = {}
    for name, shape in shapes:
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(5)
            continue
        values = rng.normal(size=shape)
        if name.endswith("running_var"):
            values = 1 + 0.1 * np.abs(values)
        elif len(shape) > 1:
            values /= np.sqrt(shape[0] if ".ps." in name else shape[1])
        else:
            values = 0.1 * values + (1.0 if "norm" in name and name.endswith("weight") else 0.0)
        state[name] = torch.from_numpy(values).float()
    return state


def cliport(model):
    """The tensors of a published CLIPort agent: CLIP is there three times, and whole."""
    state = {}
    for key, value in model.state_dict().items():
        if key.startswith("clip."):
            for stream in ("attention.attn", "transport.key", "transport.query"):
                state[f"{stream}_stream_two.clip_rn50.{key.removeprefix('clip.')}"] = value
        else:
            state[key] = value
    state["attention.attn_stream_two.clip_rn50.logit_scale"] = torch.tensor(1.0)
    state["attention.attn_stream_two.clip_rn50.visual.attnpool.k_proj.weight"] = torch.ones(2, 2)
    return state


def clip_vocabulary():
    """Few merges of byte pairs, in the published file's form; 570 words."""
    merges = ["#version", "r e", "re d</w>", "m u", "mu g</w>", "t h", "th e</w>"]
    return gzip.compress("\n".join(merges).encode())


def qwen3(folder):
    """A random Qwen3 with its byte-pair vocabulary, on disk as published checkpoints are."""
    config = Qwen3Config(
        vocab_size=256,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
    )
    torch.manual_seed(5)
    Qwen3Model(config).save_pretrained(folder)
    letters = {symbol: i for i, symbol in enumerate(sorted(ByteLevel.alphabet()))}
    pairs = BytePairs(BPE(vocab=letters, merges=[]))
    pairs.pre_tokenizer = ByteLevel(add_prefix_space=False)
    PreTrainedTokenizerFast(tokenizer_object=pairs).save_pretrained(folder)
