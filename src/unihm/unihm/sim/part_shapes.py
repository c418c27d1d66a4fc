"""Procedural objects of parts that have names: handles, spouts, necks, stems, lids, blades.

They are to :mod:`unihm.sim.shapes` what a cupboard is to a box of building blocks; a further one is
a further function.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from unihm.sim.shapes import Geometry, Part, bar, revolution, shape, union
from unihm.transforms import from_xyz_rpy


def arc_handle(
    wall: float, low: float, high: float, reach: float, thick: float, name: str = "handle"
) -> list[Part]:
    """An ear at +x of a round body: half an ellipse of bars, metres.

    Args:
        wall: radius of the body.
        low, high: heights between which it is fastened.
        reach: how far it stands out.
        thick: radius of the bars.
        name: of the part.
    """
    bends = np.linspace(-np.pi / 2, np.pi / 2, 7)
    arc = np.stack(
        [
            wall - 0.5 * thick + reach * np.cos(bends),
            np.zeros(len(bends)),
            (low + high) / 2 + (high - low) / 2 * np.sin(bends),
        ],
        axis=-1,
    )
    return [bar(a, b, thick, name) for a, b in pairwise(arc)]


def box_at(size: tuple[float, float, float], xyz: NDArray[np.float64], name: str) -> Part:
    """A cuboid about a point, metres."""
    return Part("box", size, from_xyz_rpy(xyz, [0, 0, 0]), name=name)


@shape("jug")
def jug(radius: float = 0.034, height: float = 0.13, handle: float = 0.03) -> Geometry:
    """Closed jug: an ear at +x, a spout at -x."""
    body = revolution(
        [
            (0.0, 0.0),
            (0.9 * radius, 0.0),
            (radius, 0.35 * height),
            (0.72 * radius, height),
            (0.0, height),
        ],
        [(height, "body")],
    )
    spout = bar(
        np.array([-0.7 * radius, 0.0, 0.72 * height]),
        np.array([-1.55 * radius, 0.0, 0.93 * height]),
        0.008,
        "spout",
    )
    ear = arc_handle(0.9 * radius, 0.25 * height, 0.85 * height, handle, 0.007)
    return union([*body.parts, spout, *ear])


@shape("pan")
def pan(radius: float = 0.045, height: float = 0.035, handle: float = 0.11) -> Geometry:
    """Saucepan with its lid on, a long handle along +x."""
    body = revolution(
        [(0.0, 0.0), (0.94 * radius, 0.0), (radius, height), (0.0, height)], [(height, "body")]
    )
    middle = from_xyz_rpy([0, 0, height + 0.009], [0, 0, 0])
    knob = Part("cylinder", (0.011, 0.022), middle, name="knob")
    start = np.array([0.9 * radius, 0.0, 0.75 * height])
    grip = bar(start, start + np.array([handle, 0.0, 0.0]), 0.0095, "handle")
    return union([*body.parts, knob, grip])


@shape("goblet")
def goblet(radius: float = 0.034, height: float = 0.15, stem: float = 0.009) -> Geometry:
    """Glass on a stem, filled."""
    foot, bowl = 0.07 * height, 0.55 * height
    return revolution(
        [
            (0.0, 0.0),
            (0.9 * radius, 0.0),
            (0.8 * radius, 0.03 * height),
            (stem, foot),
            (stem, bowl),
            (0.9 * radius, 0.7 * height),
            (radius, 0.85 * height),
            (0.92 * radius, height),
            (0.0, height),
        ],
        [(foot, "base"), (bowl, "stem"), (0.9 * height, "body"), (height, "rim")],
    )


@shape("vase")
def vase(radius: float = 0.036, height: float = 0.16, neck: float = 0.015) -> Geometry:
    """Vase with a long neck and a wider rim."""
    body, rim = 0.5 * height, 0.92 * height
    return revolution(
        [
            (0.0, 0.0),
            (0.7 * radius, 0.0),
            (radius, 0.3 * height),
            (0.8 * radius, body),
            (neck, 0.66 * height),
            (neck, rim),
            (1.5 * neck, height),
            (0.0, height),
        ],
        [(0.6 * height, "body"), (rim, "neck"), (height, "rim")],
    )


@shape("knife")
def knife(length: float = 0.22, width: float = 0.022, thick: float = 0.016) -> Geometry:
    """Broad knife lying flat along x, its handle at -x."""
    grip = 0.48 * length
    return union(
        [
            box_at((grip, width, thick), np.array([-grip / 2, 0, thick / 2]), "handle"),
            box_at(
                (length - grip, 1.5 * width, 0.35 * thick),
                np.array([(length - grip) / 2 - 0.001, 0, thick / 2]),
                "blade",
            ),
        ]
    )


@shape("pot")
def pot(radius: float = 0.036, height: float = 0.08, knob: float = 0.013) -> Geometry:
    """Round pot with a lid and a knob."""
    lid, top = 0.72 * height, 0.80 * height
    return revolution(
        [
            (0.0, 0.0),
            (0.85 * radius, 0.0),
            (radius, 0.3 * height),
            (0.9 * radius, lid),
            (0.95 * radius, lid),
            (0.5 * radius, top),
            (0.6 * knob, top),
            (knob, 0.93 * height),
            (0.7 * knob, height),
            (0.0, height),
        ],
        [(lid, "body"), (top, "lid"), (height, "knob")],
    )


@shape("mallet")
def mallet(length: float = 0.20, head: float = 0.055, grip: float = 0.013) -> Geometry:
    """Mallet lying along x: a square head at +x."""
    centre = np.array([0.0, 0.0, head / 2])
    stick = bar(centre - [length - head, 0.0, 0.0], centre, grip, "handle")
    return union([box_at((0.7 * head, 1.3 * head, head), centre, "head"), stick])
