"""Images as image_transport compresses them."""

from __future__ import annotations

from io import BytesIO
from struct import pack

import numpy as np
import pytest
from PIL import Image
from unihm.errors import ErrorCode, UnihmError
from unihm.perception.camera import decompress_colour, decompress_depth, is_colour, is_depth

RANDOM = np.random.default_rng(0)


def png(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


def test_colour_comes_back() -> None:
    rgb = RANDOM.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    np.testing.assert_array_equal(decompress_colour(png(rgb)), rgb)


def test_depth_in_millimetres_comes_back() -> None:
    depth = RANDOM.integers(0, 3000, (6, 8)).astype(np.uint16)
    data = pack("<iff", 0, 0.0, 0.0) + png(depth)
    found = decompress_depth(data, "16UC1; compressedDepth png")
    np.testing.assert_allclose(found, depth * 1e-3, rtol=1e-6)


def test_depth_in_metres_is_undone_of_its_quantisation() -> None:
    depth = RANDOM.uniform(0.3, 3.0, (6, 8))
    a, b = 1000.0, 10.0
    values = np.round(a / depth + b).astype(np.uint16)
    values[0, 0] = 0  # nothing was seen
    found = decompress_depth(pack("<iff", 0, a, b) + png(values), "32FC1; compressedDepth")
    assert found[0, 0] == 0
    np.testing.assert_allclose(found.ravel()[1:], depth.ravel()[1:], rtol=2e-3)


@pytest.mark.parametrize("data", [b"", b"none at all, whatever it says"])
def test_what_is_no_image_is_a_sentence(data: bytes) -> None:
    with pytest.raises(UnihmError) as caught:
        decompress_colour(data)
    assert caught.value.code is ErrorCode.INVALID_IMAGE
    with pytest.raises(UnihmError) as caught:
        decompress_depth(data, "16UC1; compressedDepth png")
    assert caught.value.code is ErrorCode.INVALID_DEPTH


def test_colour_and_depth_are_told_apart() -> None:
    for colour in ("rgb8", "bgra8", "jpeg", "rgb8; jpeg compressed bgr8"):
        assert is_colour(colour)
        assert not is_depth(colour)
    for depth in ("16UC1", "32FC1", "16UC1; compressedDepth png"):
        assert is_depth(depth)
        assert not is_colour(depth)
