"""Names of colours, as people use them for objects under ordinary light."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from unihm.types import FloatArray

NAMES = (
    "red", "orange", "yellow", "green", "cyan", "blue",
    "purple", "pink", "brown", "black", "grey", "white",
)  # fmt: skip

# Those that are not black, grey or white.
VIVID = np.array([name not in ("black", "grey", "white") for name in NAMES])

SYNONYMS = {
    "gray": "grey", "silver": "grey", "metallic": "grey", "metal": "grey", "dark": "black",
    "violet": "purple", "lilac": "purple", "lavender": "purple", "magenta": "pink",
    "rose": "pink", "teal": "cyan", "turquoise": "cyan", "aqua": "cyan", "navy": "blue",
    "azure": "blue", "crimson": "red", "scarlet": "red", "maroon": "red", "golden": "yellow",
    "gold": "yellow", "amber": "orange", "lime": "green", "olive": "green", "emerald": "green",
    "tan": "brown", "beige": "brown", "wooden": "brown", "cream": "white", "ivory": "white",
    "ruby": "red", "cherry": "red", "cardinal": "red", "carmine": "red", "vermilion": "red",
    "burgundy": "red", "cerise": "pink", "fuchsia": "pink", "salmon": "pink", "blush": "pink",
    "coral": "orange", "apricot": "orange", "tangerine": "orange", "ginger": "orange",
    "terracotta": "brown", "rust": "brown", "copper": "brown", "bronze": "brown",
    "chestnut": "brown", "mahogany": "brown", "sienna": "brown", "umber": "brown",
    "khaki": "brown", "ochre": "yellow", "saffron": "yellow", "canary": "yellow",
    "chartreuse": "green", "jade": "green", "viridian": "green", "mint": "green",
    "aquamarine": "cyan", "cerulean": "blue", "cobalt": "blue", "sapphire": "blue",
    "ultramarine": "blue", "indigo": "blue", "periwinkle": "blue", "amethyst": "purple",
    "mauve": "purple", "plum": "purple", "aubergine": "purple", "charcoal": "black",
    "ebony": "black", "jet": "black", "slate": "grey", "ash": "grey", "pearl": "white",
    "snowy": "white", "reddish": "red", "greenish": "green", "bluish": "blue",
    "yellowish": "yellow", "pinkish": "pink", "brownish": "brown", "purplish": "purple",
    "blackish": "black", "whitish": "white", "greyish": "grey", "grayish": "grey",
}  # fmt: skip

# Pairs that light and cameras confuse, and how much of the one may count for the other.
_CONFUSIONS = {
    ("red", "orange"): 0.35, ("red", "pink"): 0.35, ("red", "brown"): 0.25,
    ("orange", "yellow"): 0.35, ("orange", "brown"): 0.45, ("yellow", "brown"): 0.2,
    ("yellow", "green"): 0.15, ("green", "cyan"): 0.35, ("cyan", "blue"): 0.4,
    ("blue", "purple"): 0.35, ("purple", "pink"): 0.4, ("grey", "white"): 0.4,
    ("grey", "black"): 0.35, ("brown", "black"): 0.2, ("yellow", "white"): 0.15,
}  # fmt: skip


def _similarity() -> FloatArray:
    matrix = np.eye(len(NAMES))
    for (a, b), value in _CONFUSIONS.items():
        i, j = NAMES.index(a), NAMES.index(b)
        matrix[i, j] = matrix[j, i] = value
    return matrix


SIMILARITY = _similarity()


def hsv(rgb: NDArray[np.uint8]) -> FloatArray:
    """(N, 3) uint8 to hue in degrees [0, 360), saturation and value in [0, 1]."""
    scaled = rgb.astype(float) / 255.0
    value = scaled.max(axis=1)
    span = value - scaled.min(axis=1)
    safe = np.where(span > 0, span, 1.0)
    r, g, b = scaled.T
    sector = np.select(
        [value == r, value == g], [((g - b) / safe) % 6.0, (b - r) / safe + 2.0], (r - g) / safe + 4
    )
    saturation = np.where(value > 0, span / np.maximum(value, 1e-9), 0.0)
    return np.stack([np.where(span > 0, 60.0 * sector, 0.0) % 360.0, saturation, value], axis=1)


def name_pixels(rgb: NDArray[np.uint8]) -> NDArray[np.intp]:
    """(N,) index into :data:`NAMES` of each colour (N, 3)."""
    hue, saturation, value = hsv(rgb).T
    dull = (saturation < 0.20) | (value < 0.13) | ((saturation < 0.30) & (value < 0.30))
    warm = (hue >= 12) & (hue < 45)
    names = {
        "black": dull & (value < 0.27),
        "white": dull & (value >= 0.68),
        "grey": dull,
        "pink": ((hue >= 318) & (saturation < 0.68) & (value > 0.55))
        | ((hue < 12) & (saturation < 0.58) & (value > 0.6)),
        "brown": warm & (value < 0.55),
        "red": (hue < 12) | (hue >= 335),
        "orange": (hue < 38),
        "yellow": (hue < 68),
        "green": (hue < 165),
        "cyan": (hue < 200),
        "blue": (hue < 255),
        "purple": (hue < 300),
    }
    conditions = list(names.values())
    indices = [np.full(len(rgb), NAMES.index(n)) for n in names]
    return np.select(conditions, indices, NAMES.index("pink"))


# The light that a picture was taken in is not known: a camera that balances a warm table to grey
# makes white things bluish. Gains of red and of blue over green that it may have applied, each
# with its weight; and of brightness. Where white things tell the light, less remains open.
_CASTS = (
    (1.0, 1.0, 0.35), (0.97, 1.1, 0.2), (0.94, 1.15, 0.15), (0.93, 1.22, 0.15), (1.06, 0.94, 0.15),
)  # fmt: skip
_CASTS_LEFT = ((1.0, 1.0, 0.6), (0.97, 1.06, 0.2), (1.03, 0.94, 0.2))
_EXPOSURES = (0.85, 1.0, 1.18)
_PLAIN = 0.3  # what a pixel without a colour counts, beside 1 for the most vivid
_LEVELS = 32  # of each channel, that are told apart

# The brightest of what is this near to grey is white, where there are so many pixels of it; no
# camera is off by more than these gains of red and of blue.
_NEAR_GREY, _BRIGHT, _CLIPPED, _WHITE_PIXELS = 0.28, 0.35, 0.98, 1000
_RED_GAINS, _BLUE_GAINS = (0.82, 1.1), (0.9, 1.22)
# Light changes the name of what is nearly grey: all of it up to the first saturation, nothing from
# the second on.
_PALE = (0.25, 0.5)

Light = tuple[float, float]  # gains of red and of blue over green


def white_balance(rgb: NDArray[np.uint8]) -> Light | None:
    """The light that things (N, 3) are seen in, by those that are white; None where none is."""
    _, saturation, value = hsv(rgb).T
    pale = (saturation < _NEAR_GREY) & (value > _BRIGHT) & (value < _CLIPPED)
    if pale.sum() < _WHITE_PIXELS:
        return None
    white = rgb[pale][value[pale] >= np.percentile(value[pale], 95)]
    red, green, blue = np.median(white, axis=0)
    return (
        float(np.clip(red / green, *_RED_GAINS)),
        float(np.clip(blue / green, *_BLUE_GAINS)),
    )


@cache
def _names_in(casts: tuple[tuple[float, float, float], ...]) -> NDArray[np.float32]:
    """(32**3, 12) probability of each name of a colour, over the lights it may be seen in."""
    level = (np.arange(_LEVELS) + 0.5) * 256 / _LEVELS
    rgb = np.stack(np.meshgrid(level, level, level, indexing="ij"), axis=-1).reshape(-1, 3)
    table = np.zeros((len(rgb), len(NAMES)), np.float32)
    every = np.arange(len(rgb))
    for red, blue, weight in casts:
        for exposure in _EXPOSURES:
            seen = np.clip(rgb * exposure / [red, 1.0, blue], 0, 255).astype(np.uint8)
            table[every, name_pixels(seen)] += weight / len(_EXPOSURES)
    return table


def name_shares(
    rgb: NDArray[np.uint8], casts: tuple[tuple[float, float, float], ...] = _CASTS
) -> NDArray[np.float32]:
    """(N, 12) probability of each name of the colours (N, 3), over lights with their weights."""
    r, g, b = (rgb // (256 // _LEVELS)).astype(np.int64).T
    return _names_in(casts)[(r * _LEVELS + g) * _LEVELS + b]


def color_shares(rgb: NDArray[np.uint8], light: Light | None = None) -> FloatArray:
    """(12,) share of each named colour among the pixels (N, 3).

    Shadow turns orange into brown and white into grey, so the darker half of the pixels counts
    less than the lit one. A thing is called by its vivid colours: a printed box is "the red one"
    however much of it is white. So a pixel counts by how far it is from grey. What is white is seen
    relative to the light; a vivid colour is called the same in any.

    Args:
        rgb: the pixels.
        light: they are seen in, where it is known.
    """
    if len(rgb) == 0:
        return np.zeros(len(NAMES))
    value, least = rgb.max(axis=1).astype(float), rgb.min(axis=1)
    shares = name_shares(rgb)
    if light is not None:
        red, blue = light
        seen = np.clip(rgb / [red, 1.0, blue], 0, 255).astype(np.uint8)
        pale = np.interp(1 - least / np.maximum(value, 1.0), _PALE, (1.0, 0.0))[:, None]
        shares = pale * name_shares(seen, _CASTS_LEFT) + (1 - pale) * shares
    weight = np.where(value >= np.median(value), 1.0, 0.25)
    weight *= _PLAIN + (value - least) / 255.0
    counts = weight @ shares
    return counts / counts.sum()


def dominant_color(shares: FloatArray) -> str:
    """Name of the largest share."""
    return NAMES[int(np.argmax(shares))]
