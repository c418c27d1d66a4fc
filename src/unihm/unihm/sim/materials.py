"""Colours and surfaces for the renderer."""

from __future__ import annotations

import numpy as np
import sapien

Color = tuple[float, float, float]


def paint(rgb: Color, roughness: float = 0.35) -> sapien.render.RenderMaterial:
    """Glossy plastic of an sRGB colour; the renderer computes in linear light."""
    linear = np.power(np.clip(rgb, 0, 1), 2.2)
    return sapien.render.RenderMaterial(
        base_color=[*linear, 1.0], specular=0.4, roughness=roughness
    )


def wood(rgb: Color, size: tuple[float, float]) -> sapien.render.RenderMaterial:
    """Material with a fine grain along y for a table of ``size`` metres."""
    rng = np.random.default_rng(0)
    height, width = 512, 512
    rows = np.arange(height)[:, None] / height * size[1]
    cols = np.arange(width)[None, :] / width * size[0]
    drift = 0.012 * np.sin(3.1 * rows) + 0.006 * np.sin(8.3 * rows + 1.7)
    grain = np.zeros((height, width))
    for wavelength, strength in ((0.11, 0.5), (0.037, 0.35), (0.013, 0.3), (0.006, 0.25)):
        phase = rng.uniform(0, 2 * np.pi)
        bend = 1 + 0.2 * np.sin(40 * cols + phase)
        grain += strength * np.sin(2 * np.pi * (cols + drift) / wavelength * bend + phase)
    grain += 0.25 * rng.standard_normal((1, width)) + 0.08 * rng.standard_normal((height, width))
    shade = 1 + 0.035 * grain[..., None]
    texture = np.ones((height, width, 4))
    texture[..., :3] = np.clip(np.array(rgb) * shade, 0, 1)
    material = paint((1.0, 1.0, 1.0), roughness=0.7)
    material.base_color_texture = sapien.render.RenderTexture2D(
        (texture * 255).astype(np.uint8), "R8G8B8A8Unorm", mipmap_levels=6, srgb=True
    )
    return material
