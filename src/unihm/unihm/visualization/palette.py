"""The colours of every picture and page, sRGB 0 to 255: one thing has one colour everywhere."""

from __future__ import annotations

Color = tuple[int, int, int]

# What is seen and planned.
SEEN: Color = (255, 96, 64)  # points of the target that the camera saw
COMPLETED: Color = (255, 196, 64)  # points of the target that completion added
PATH: Color = (40, 110, 255)  # of the object
GRASP: Color = (20, 190, 170)  # the hand as it will grasp, and its way there
# From the first moment of a motion to the last, ever brighter: told apart by everyone.
TIME: tuple[Color, ...] = (
    (54, 40, 130),
    (40, 110, 190),
    (30, 160, 140),
    (120, 205, 80),
    (250, 225, 40),
)
FORCE: Color = (230, 30, 90)

# The robot and its table.
ARM: Color = (236, 238, 241)
HAND: Color = (92, 99, 112)
HAND_PAD: Color = (34, 38, 46)
TABLE: Color = (168, 138, 104)

# A hand alone, light so that its pads stand out.
LINK: Color = (176, 183, 195)
LINK_PAD: Color = (60, 92, 140)
NORMAL: Color = (214, 96, 60)

# Paper and print.
PAPER: Color = (250, 249, 246)
INK: Color = (32, 36, 44)
FAINT: Color = (118, 124, 134)
FAINT_ON_INK: Color = (170, 178, 190)
GOOD: Color = (24, 140, 72)
BAD: Color = (196, 48, 40)
