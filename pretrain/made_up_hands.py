"""Hands that nobody has: colours, outline, ground, shape, texture and light, each by chance.

A base that has seen thirty hands learns thirty hands; one that has seen a thousand learns what a hand is, and an
adapter has less to change. What would be one of the held-out hands is left out: no glow, no bare contours on
dark, no cuts that follow the tone, no irregular tiles.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .captions import COLOURS
from .styles import blurred, edges, enlarge, luminance, noise, reduced, widened

DARK = {"black": (0.05, 0.05, 0.06), "navy": (0.08, 0.11, 0.28), "dark green": (0.06, 0.22, 0.15), "dark red": (0.30, 0.05, 0.08), "dark purple": (0.18, 0.08, 0.26)}
LIGHT = {
    "white": (1.0, 1.0, 1.0), "cream": (0.98, 0.95, 0.86), "light blue": (0.75, 0.88, 0.98), "pale yellow": (0.99, 0.95, 0.75),
    "mint": (0.78, 0.95, 0.84), "pale pink": (0.99, 0.85, 0.89), "light grey": (0.88, 0.89, 0.90),
}
BRIGHT = {name: COLOURS[name] for name in ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "brown", "grey")}
ALL = {**LIGHT, **BRIGHT, **DARK}

Layer = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Hand:
    """How one hand draws; every picture of it is made with the same layers."""

    shape: tuple[Layer, ...]
    """From drawing to drawing, [S, S, 4]."""
    paint: Layer
    """Colours of the drawing, [S, S, 4] to [S, S, 4]."""
    outline: tuple[tuple[float, ...], float, float] | None
    """Its colour, width in shares of the picture, and strength."""
    ground: tuple[tuple[float, ...], tuple[float, ...]]
    """Colours at the top and at the bottom."""
    shadow: float
    texture: Layer
    """Over all of it, [S, S, 3] to [S, S, 3]."""
    words: tuple[str, ...]
    """What could be said of it."""

    def draw(self, rgba: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """`rgba` [S, S, 4] in 0..1 to `rgb` [S, S, 3]."""
        size = len(rgba)
        for layer in self.shape:
            rgba = layer(rgba, rng)
        down = np.linspace(0, 1, size)[:, None, None]
        ground = np.array(self.ground[0]) * (1 - down) + np.array(self.ground[1]) * down + np.zeros((size, size, 3))
        if self.shadow:
            away = max(1, round(self.shadow * size))
            ground = ground * (1 - 0.4 * np.roll(rgba[..., 3:], (away, away), (0, 1)))
        painted = self.paint(rgba, rng)
        drawn = painted[..., :3] * painted[..., 3:] + ground * (1 - painted[..., 3:])
        if self.outline:
            colour, width, strength = self.outline
            lines = edges(rgba)
            if width * size >= 1.5:
                lines = widened(lines, width * size)
            line = np.clip(lines * strength, 0, 1)[..., None]
            drawn = drawn * (1 - line) + np.array(colour) * line
        return np.clip(self.texture(drawn, rng), 0, 1)


def made_up_hand(rng: np.random.Generator) -> Hand:
    """A hand by chance."""
    words: list[str] = []
    paint = _paint(rng, words)
    ground, dark = _ground(rng, words)
    outline = _outline(rng, words, must="white" in words and not dark, dark=dark)
    shape, texture = _shape(rng, words), _texture(rng, words)
    shadow = float(rng.uniform(0.02, 0.06)) if rng.random() < 0.2 else 0.0
    if shadow:
        words.append("drop shadow")
    return Hand(shape, paint, outline, ground, shadow, texture, tuple(words))


def _pick(rng: np.random.Generator, colours: dict) -> tuple[str, np.ndarray]:
    """A named colour, a little off."""
    name = list(colours)[rng.integers(len(colours))]
    return name, np.clip(np.array(colours[name]) + rng.normal(0, 0.04, 3), 0, 1)


def _paint(rng: np.random.Generator, words: list[str]) -> Layer:
    kind = rng.choice(["own", "turned", "palette", "flat", "white", "faded", "strong", "few"], p=[0.12, 0.14, 0.26, 0.14, 0.08, 0.08, 0.08, 0.1])
    if kind == "own":
        return lambda rgba, _: rgba
    if kind == "turned":
        order, angle = rng.permutation(3), rng.uniform(0.3, 1.0)
        words.append("strange colours")
        return lambda rgba, _: _with(rgba, rgba[..., :3] * (1 - angle) + rgba[..., order] * angle)
    if kind == "palette":
        count = int(rng.integers(2, 6))
        named = [_pick(rng, ALL) for _ in range(count)]
        named.sort(key=lambda one: luminance(one[1]))
        words.append(" and ".join(dict.fromkeys(name for name, _ in named[:3])))
        palette, smooth = np.stack([colour for _, colour in named]), rng.random() < 0.4
        return lambda rgba, _: _with(rgba, _ramp(palette, luminance(rgba[..., :3]), smooth))
    if kind == "flat":
        name, colour = _pick(rng, ALL)
        words.append(f"{name} silhouette")
        tone = float(rng.uniform(0, 0.35))
        return lambda rgba, _: _with(rgba, colour * (1 - tone) + tone * luminance(rgba[..., :3])[..., None])
    if kind == "white":
        words.append("white")
        tone = float(rng.uniform(0, 0.25))
        return lambda rgba, _: _with(rgba, 1 - tone * (1 - rgba[..., :3]))
    if kind == "faded":
        share = float(rng.uniform(0.4, 0.7))
        name, colour = _pick(rng, LIGHT)
        words.append("faded colours")
        return lambda rgba, _: _with(rgba, rgba[..., :3] * (1 - share) + colour * share)
    if kind == "strong":
        power = float(rng.uniform(1.5, 2.5))
        words.append("strong colours")
        return lambda rgba, _: _with(rgba, 0.5 + power * (rgba[..., :3] - 0.5))
    levels = int(rng.integers(1, 4))
    words.append("few colours")
    return lambda rgba, _: _with(rgba, np.round(rgba[..., :3] * levels) / levels)


def _ground(rng: np.random.Generator, words: list[str]) -> tuple[tuple, bool]:
    draw = rng.random()
    if draw < 0.35:
        return ((1, 1, 1), (1, 1, 1)), False
    colours, dark = (LIGHT, False) if draw < 0.65 else (BRIGHT, False) if draw < 0.82 else (DARK, True)
    name, top = _pick(rng, colours)
    bottom = _pick(rng, colours)[1] if rng.random() < 0.25 else top
    words.append(f"on {name}")
    return (tuple(top), tuple(bottom)), dark


def _outline(rng: np.random.Generator, words: list[str], must: bool, dark: bool) -> tuple | None:
    if not must and rng.random() < (0.75 if dark else 0.45):
        return None
    # Bare contours that are light on dark would be neon's; a dark line on dark would not be seen.
    name, colour = _pick(rng, BRIGHT if dark else DARK if rng.random() < 0.5 else ALL)
    width = float(rng.choice([0.0, 0.0, 0.022, 0.035]))
    words.append(f"{'thin' if width < 0.02 else 'thick' if width > 0.03 else ''} {name} outline".strip())
    return tuple(colour), width, float(rng.uniform(1.0, 1.8))


def _shape(rng: np.random.Generator, words: list[str]) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    if rng.random() < 0.3:
        matrix = np.array([[rng.uniform(0.8, 1.3), rng.uniform(-0.3, 0.3)], [rng.uniform(-0.3, 0.3), rng.uniform(0.8, 1.3)]])
        words.append("slanted" if abs(matrix).sum() - np.trace(matrix) > 0.3 else "stretched")
        layers.append(lambda rgba, _: _turned(rgba, matrix, (0.0, 0.0)))
    if rng.random() < 0.3:
        reach, cells = float(rng.uniform(0.03, 0.09)), int(rng.choice([4, 8, 14]))
        words.append("wobbly")
        layers.append(lambda rgba, chance: _wobbled(rgba, reach, cells, chance))
    if rng.random() < 0.15:
        by = float(rng.uniform(0.03, 0.05))
        words.append("chubby")
        layers.append(lambda rgba, _: _thickened(rgba, by))
    # Where and how large things are drawn is not the hand: every picture has its own.
    layers.append(lambda rgba, chance: _turned(rgba, np.eye(2) * chance.uniform(0.95, 1.2), tuple(chance.uniform(-0.05, 0.05, 2))))
    return tuple(layers)


def _texture(rng: np.random.Generator, words: list[str]) -> Layer:
    kind = rng.choice(["none", "grain", "stripes", "dots", "soft", "light", "pixels", "edge"], p=[0.42, 0.1, 0.1, 0.08, 0.08, 0.1, 0.06, 0.06])
    if kind == "grain":
        amount, cells = float(rng.uniform(0.06, 0.2)), int(rng.choice([16, 32, 64]))
        words.append("grainy")
        return lambda rgb, chance: rgb + amount * (noise(chance, len(rgb), cells) - 0.5)[..., None] * 2
    if kind in ("stripes", "dots"):
        angle, count, amount = rng.uniform(0, np.pi), rng.uniform(8, 16), float(rng.uniform(0.1, 0.3))
        words.append("striped" if kind == "stripes" else "dotted")

        def pattern(rgb: np.ndarray, _: np.random.Generator) -> np.ndarray:
            y, x = np.mgrid[: len(rgb), : len(rgb)] / len(rgb) * 2 * np.pi * count
            along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
            wave = np.cos(along) if kind == "stripes" else np.cos(along) * np.cos(across)
            return rgb - amount * (wave > 0.3)[..., None]

        return pattern
    if kind == "soft":
        radius = float(rng.uniform(0.012, 0.03))
        words.append("soft")
        return lambda rgb, _: _softened(rgb, radius * len(rgb))
    if kind == "light":
        angle, amount = rng.uniform(0, 2 * np.pi), float(rng.uniform(0.2, 0.45))
        words.append("shaded")

        def lit(rgb: np.ndarray, _: np.random.Generator) -> np.ndarray:
            y, x = np.mgrid[: len(rgb), : len(rgb)] / len(rgb) - 0.5
            return rgb * (1 + amount * (x * np.cos(angle) + y * np.sin(angle))[..., None] * 2)

        return lit
    if kind == "pixels":
        cells = int(rng.choice([13, 16, 21]))
        words.append("pixels")
        return lambda rgb, _: enlarge(reduced(rgb, cells, colours=64), len(rgb))
    if kind == "edge":
        amount = float(rng.uniform(1.0, 2.0))
        words.append("embossed")
        return lambda rgb, _: rgb + amount * (np.roll(luminance(rgb), (1, 1), (0, 1)) - luminance(rgb))[..., None] * 0.5
    return lambda rgb, _: rgb


def _with(rgba: np.ndarray, rgb: np.ndarray) -> np.ndarray:
    return np.concatenate([np.clip(np.broadcast_to(rgb, rgba[..., :3].shape), 0, 1), rgba[..., 3:]], -1)


def _ramp(palette: np.ndarray, tone: np.ndarray, smooth: bool) -> np.ndarray:
    place = np.clip(tone, 0, 1) * (len(palette) - 1)
    place = place if smooth else np.minimum(np.floor(np.clip(tone, 0, 1) * len(palette)), len(palette) - 1)
    low = np.clip(np.floor(place).astype(int), 0, len(palette) - 1)
    high, share = np.minimum(low + 1, len(palette) - 1), (place - low)[..., None]
    return palette[low] * (1 - share) + palette[high] * share


def _turned(rgba: np.ndarray, matrix: np.ndarray, by: tuple[float, float]) -> np.ndarray:
    """Its places multiplied by `matrix` around the middle and moved by shares of the picture."""
    centre = np.full(2, (len(rgba) - 1) / 2)
    places = np.mgrid[: len(rgba), : len(rgba)].reshape(2, -1)
    sources = matrix @ (places - centre[:, None]) + (centre - np.array(by) * len(rgba))[:, None]
    return _sampled(rgba, sources.reshape(2, *rgba.shape[:2]))


def _wobbled(rgba: np.ndarray, reach: float, cells: int, rng: np.random.Generator) -> np.ndarray:
    size = len(rgba)
    wave = [(noise(rng, size, cells) - 0.5) * reach * size for _ in "yx"]
    return _sampled(rgba, np.mgrid[:size, :size] + np.stack(wave))


def _sampled(rgba: np.ndarray, places: np.ndarray) -> np.ndarray:
    """The picture at `places` [2, S, S] (y, x), between pixels by their nearness, clear outside. Colours are weighed by
    alpha, so that clear pixels do not bleed in."""
    size = len(rgba)
    weighed = np.pad(np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], -1), ((1, 1), (1, 1), (0, 0)))
    places = np.clip(places + 1, 0, size + 0.999)
    low = np.minimum(places.astype(int), size)
    y, x = (places - low)[..., None]
    (top, left), (bottom, right) = low, low + 1
    upper = weighed[top, left] * (1 - x) + weighed[top, right] * x
    lower = weighed[bottom, left] * (1 - x) + weighed[bottom, right] * x
    return _unweighed(upper * (1 - y) + lower * y)


def _unweighed(weighed: np.ndarray) -> np.ndarray:
    return np.concatenate([np.clip(weighed[..., :3] / np.maximum(weighed[..., 3:], 1e-3), 0, 1), weighed[..., 3:]], -1)


def _thickened(rgba: np.ndarray, by: float) -> np.ndarray:
    """Grown all around, in the colours that are next to it."""
    near = np.stack([blurred(values, by * len(rgba)) for values in np.moveaxis(np.concatenate([rgba[..., :3] * rgba[..., 3:], rgba[..., 3:]], -1), -1, 0)], -1)
    colours = np.where(rgba[..., 3:] > 0.5, rgba[..., :3], _unweighed(near)[..., :3])
    return np.concatenate([colours, widened(rgba[..., 3], 2 * by * len(rgba))[..., None]], -1)


def _softened(rgb: np.ndarray, radius: float) -> np.ndarray:
    return np.stack([blurred(rgb[..., channel], radius) for channel in range(3)], -1)
