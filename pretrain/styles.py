"""Procedural styles: many clearly different hands over the same drawings.

A style takes a picture `rgba` [S, S, 4] in 0..1 and a random generator, and gives `rgb` [S, S, 3].
Lengths are in shares of the picture, so that 64 and 128 px look alike. Variety of styles in pretraining
is what lets an adapter learn a new one fast. Woodcut, neon and mosaic are kept back to measure that:
they must not be added here.
"""

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

PAPER = (0.98, 0.96, 0.90)


def pixel_art(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return enlarge(reduced(over(rgba, (1, 1, 1)), cells=16, colours=12), len(rgba))


def game_console(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Four greens on a coarse grid, as an old hand-held console shows them."""
    grey = reduced(over(rgba, (1, 1, 1)), cells=22, colours=8).mean(-1, keepdims=True)
    return enlarge(_mix((0.06, 0.22, 0.06), (0.60, 0.74, 0.06), np.round(grey * 3) / 3), len(rgba))


def duotone(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    pairs = [((0.2, 0.1, 0.5), (1.0, 0.7, 0.3)), ((0.05, 0.2, 0.35), (0.4, 0.9, 0.8)), ((0.4, 0.05, 0.15), (1.0, 0.8, 0.75))]
    dark, light = pairs[rng.integers(len(pairs))]
    inked = _mix(dark, light, luminance(rgba[..., :3])[..., None])
    return inked * rgba[..., 3:] + np.array((1, 0.95, 0.85)) * (1 - rgba[..., 3:])


def sticker(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A white rim cut around the drawing, and its shadow on a coloured table."""
    table = np.array([(0.35, 0.75, 0.95), (0.98, 0.72, 0.35), (0.55, 0.82, 0.50), (0.85, 0.62, 0.90)][rng.integers(4)])
    size = len(rgba)
    rim = blurred(widened(rgba[..., 3], 0.07 * size), size / 160)[..., None]
    shadow = np.roll(rim, (round(0.03 * size),) * 2, (0, 1))
    ground = table * (1 - 0.35 * shadow) * (1 - rim) + rim
    return ground * (1 - rgba[..., 3:]) + rgba[..., :3] * rgba[..., 3:]


def chalk(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    lines, grain = edges(rgba), blurred(rng.random(rgba.shape[:2]), len(rgba) / 210)
    mark = lines * 1.3 * (grain > 0.42) + 0.25 * luminance(rgba[..., :3]) * rgba[..., 3] * (grain > 0.5)
    return _mix((0.13, 0.20, 0.17), (0.95, 0.95, 0.88), np.clip(mark, 0, 1)[..., None])


def halftone(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    ink = [(0.75, 0.10, 0.20), (0.10, 0.20, 0.60), (0.10, 0.10, 0.10)][rng.integers(3)]
    size, period = len(rgba), max(4.0, len(rgba) / 26)
    y, x = np.mgrid[:size, :size] * (2 * np.pi / period / np.sqrt(2))
    dots = (np.cos(x + y) * np.cos(x - y) + 1) / 2
    cover = np.clip((1 - luminance(over(rgba, (1, 1, 1))) - dots + 0.12) * 6, 0, 1)
    return _mix(PAPER, ink, cover[..., None])


def watercolour(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Wavering contours, pale pigment that pools unevenly, and paper grain."""
    size = len(rgba)
    y, x = np.mgrid[:size, :size]
    wave = [((noise(rng, size, 16) - 0.5) * 0.055 * size).astype(int) for _ in "yx"]
    wavy = rgba[np.clip(y + wave[0], 0, size - 1), np.clip(x + wave[1], 0, size - 1)]
    soft = np.stack([blurred(wavy[..., channel], size / 80) for channel in range(4)], -1)
    cover = soft[..., 3:] * (0.55 + 0.45 * noise(rng, size, 13))[..., None]
    paper = np.array((0.985, 0.975, 0.95)) * (0.97 + 0.03 * noise(rng, size, size // 2))[..., None]
    return (soft[..., :3] * 0.75 + 0.25) * cover + paper * (1 - cover)


def ink_outline(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    few = _array(_image(over(rgba, (1, 1, 1))).quantize(5).convert("RGB"))
    return _mix(few, (0.10, 0.08, 0.15), np.clip(edges(rgba) * 1.6, 0, 1)[..., None])


def line_drawing(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _mix((1, 1, 1), (0.12, 0.12, 0.14), np.clip(edges(rgba) * 1.5, 0, 1)[..., None])


def pastel(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    colours = over(rgba, (1, 0.97, 0.95))
    return colours * 0.45 + 0.55 * np.array((1, 0.95, 0.97)) * (0.6 + 0.4 * colours)


def night(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    colours = over(rgba, (0.05, 0.06, 0.18))
    return colours * np.array((0.45, 0.55, 1.0)) * 0.9 + 0.05 * colours[..., ::-1]


def cross_stitch(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    size, cells = len(rgba), 16 if len(rgba) < 128 else 26
    cloth = (0.96, 0.93, 0.86)
    colours = enlarge(_array(_image(over(rgba, cloth)).resize((cells, cells), Image.Resampling.BOX)), size)
    y, x = (np.mgrid[:size, :size] * cells / size) % 1
    thread = ((np.abs(x - y) < 0.22) | (np.abs(x + y - 1) < 0.22))[..., None]
    return np.where(thread, colours, colours * 0.55 + 0.45 * np.array(cloth))


def greyscale(rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.repeat(luminance(over(rgba, (1, 1, 1)))[..., None], 3, -1)


STYLES: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "pixel art": (pixel_art, ("pixel art", "8-bit pixel art")),
    "game console": (game_console, ("green game console screen", "four shades of green pixels")),
    "duotone": (duotone, ("duotone print", "two-colour print")),
    "sticker": (sticker, ("die-cut sticker", "sticker with a white rim")),
    "chalk": (chalk, ("chalk on a blackboard", "chalk drawing")),
    "halftone": (halftone, ("halftone print", "newspaper dots")),
    "watercolour": (watercolour, ("watercolour", "watercolour painting")),
    "ink outline": (ink_outline, ("ink outline, flat colours", "cartoon with dark outlines")),
    "line drawing": (line_drawing, ("line drawing", "black outline on white")),
    "pastel": (pastel, ("pale pastel colours", "soft pastel")),
    "night": (night, ("at night, dark blue light", "night colours")),
    "cross stitch": (cross_stitch, ("cross stitch", "embroidered cross stitch")),
    "greyscale": (greyscale, ("greyscale", "shades of grey")),
}
"""Each style with the phrases that captions use for it."""


def over(rgba: np.ndarray, ground: tuple[float, float, float]) -> np.ndarray:
    """The picture on a plain ground."""
    return rgba[..., :3] * rgba[..., 3:] + np.array(ground) * (1 - rgba[..., 3:])


def luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array((0.299, 0.587, 0.114))


def edges(rgba: np.ndarray) -> np.ndarray:
    """Contours of the picture on white, [S, S] in 0..1."""
    grey = blurred(luminance(over(rgba, (1, 1, 1))), len(rgba) / 180)
    strength = np.clip(8 * sum(np.abs(slope) for slope in np.gradient(grey)), 0, 1)
    return widened(strength, 2) if len(rgba) >= 128 else strength


def widened(values: np.ndarray, width: float) -> np.ndarray:
    """What is bright, grown by half of `width` pixels to each side, [S, S] in 0..1."""
    return _array(_image(values).filter(ImageFilter.MaxFilter(_odd(width))))


def _mix(low, high, share: np.ndarray) -> np.ndarray:
    return np.asarray(low) * (1 - share) + np.asarray(high) * share


def _image(values: np.ndarray) -> Image.Image:
    return Image.fromarray((np.clip(values, 0, 1) * 255).astype(np.uint8))


def _array(image: Image.Image) -> np.ndarray:
    return np.asarray(image, np.float32) / 255


def blurred(values: np.ndarray, radius: float) -> np.ndarray:
    return _array(_image(values).filter(ImageFilter.GaussianBlur(radius)))


def reduced(rgb: np.ndarray, cells: int, colours: int) -> np.ndarray:
    small = _image(rgb).resize((cells, cells), Image.Resampling.BOX)
    return _array(small.quantize(colours).convert("RGB"))


def enlarge(rgb: np.ndarray, size: int) -> np.ndarray:
    return _array(_image(rgb).resize((size, size), Image.Resampling.NEAREST))


def noise(rng: np.random.Generator, size: int, cells: int) -> np.ndarray:
    """Smooth noise in 0..1 with about `cells` bumps along a side."""
    return _array(_image(rng.random((cells, cells))).resize((size, size), Image.Resampling.BICUBIC))


def _odd(length: float) -> int:
    return 2 * max(1, round(length / 2)) + 1
