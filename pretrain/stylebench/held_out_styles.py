"""The procedural styles that adapters are measured on. Pretraining never imports this module.

A style takes a picture `rgba` [S, S, 4] in 0..1 and a random generator, and gives `rgb` [S, S, 3].
Lengths are in shares of the picture, as in `pretrain.styles`.
"""

import numpy as np
from PIL import Image, ImageFilter

from ..styles import edges, luminance, over

TILES = 11
"""Tiles along a side of the mosaic."""


def woodcut(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Dark ink on paper: contours, solid shadows, and wavering horizontal cuts whose width follows the tone."""
    size = len(rgba)
    tone = _blurred(luminance(over(rgba, (1, 1, 1))), size / 128)
    y, x = np.mgrid[:size, :size] / size
    cuts = (np.sin((y + 0.024 * np.sin(14 * x)) * 2 * np.pi * 18) + 1) / 2
    inked = (tone < 0.25) | ((tone < 0.85) & (cuts > tone)) | (edges(rgba) > 0.35)
    ink = _blurred(inked.astype(np.float32), size / 256)[..., None]
    return np.array((0.95, 0.89, 0.76)) * (1 - ink) + np.array((0.12, 0.10, 0.10)) * ink


def neon(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Contours as glowing cyan tubes before a dark wall."""
    tube = edges(rgba)
    glow = 1.6 * _blurred(tube, len(rgba) / 32)
    return np.clip(np.array((0.04, 0.02, 0.10)) + (0.9 * tube + glow)[..., None] * np.array((0.2, 1.0, 0.9)), 0, 1)


def mosaic(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Irregular tiles of one colour each, with dark joints: cells around jittered grid points."""
    size = len(rgba)
    grid = np.stack(np.mgrid[:TILES, :TILES], -1).reshape(-1, 2)
    points = (grid + 0.5 + 0.7 * (rng.random(grid.shape) - 0.5)) * size / TILES
    places = np.stack(np.mgrid[:size, :size], -1).reshape(-1, 1, 2) + 0.5
    distances = np.sqrt(((places - points) ** 2).sum(-1))
    tile = distances.argmin(-1)
    first, second = np.partition(distances, 1, axis=-1)[:, :2].T
    colours = over(rgba, (0.93, 0.90, 0.82)).reshape(-1, 3)
    counts = np.bincount(tile, minlength=len(points)).clip(1)
    means = np.stack([np.bincount(tile, colours[:, channel], len(points)) / counts for channel in range(3)], -1)
    joint = np.clip((second - first) / (size / 100), 0.25, 1)
    return (means[tile] * joint[:, None]).reshape(size, size, 3)


def _blurred(values: np.ndarray, radius: float) -> np.ndarray:
    image = Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255
