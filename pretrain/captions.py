"""What a picture is called: `<content>, <style>`, in the words a user would type."""

import numpy as np

from .catalogue import Row

FAMILY_PHRASES = {
    "fluent-3d": ("glossy 3d emoji", "3d render", "soft 3d icon"),
    "fluent-emoji": ("emoji with soft gradients", "smooth gradient emoji"),
    "fluent-emoji-flat": ("flat emoji", "flat colours, no outline"),
    "fluent-emoji-high-contrast": ("black silhouette", "black and white icon"),
    "noto": ("shaded emoji", "emoji"),
    "noto-v1": ("soft cartoon emoji", "emoji"),
    "twemoji": ("flat emoji", "simple flat colours"),
    "emojione": ("clean flat emoji", "emoji"),
    "emojione-monotone": ("black glyph", "black and white icon"),
    "fxemoji": ("flat emoji, muted colours", "emoji"),
    "icon-park": ("blue filled icon with black outline", "two-tone line icon"),
    "game-icons": ("black ink silhouette", "bold black game icon"),
    "streamline-plump-color": ("chubby blue icon", "round blue two-tone icon"),
    "streamline-flex-color": ("curvy blue icon", "blue two-tone icon"),
    "streamline-sharp-color": ("angular blue icon", "sharp blue two-tone icon"),
    "streamline-ultimate-color": ("colour icon with thin outline", "thin outlined icon"),
    "streamline-cyber-color": ("colour icon with dark outline, offset colours", "retro line icon"),
    "streamline-pixel": ("black pixel icon", "pixel icon"),
    "glyphs-poly": ("low poly icon", "faceted shapes"),
    "flat-color-icons": ("flat colour icon", "simple flat icon"),
    "fluent-color": ("gradient colour icon", "glossy gradient icon"),
    "meteocons": ("weather icon", "soft gradient weather icon"),
    "openclipart": ("clip art", "cartoon clip art"),
}

STYLE_LEFT_OUT = 0.25
"""How often a caption says nothing of the style, so that the bare content works as a prompt."""

COLOUR_SAID = 0.12
"""How often the main colour is said."""

COLOURS = {
    "red": (0.86, 0.15, 0.18), "orange": (0.95, 0.55, 0.15), "yellow": (0.98, 0.82, 0.25), "green": (0.30, 0.68, 0.31),
    "teal": (0.10, 0.62, 0.62), "blue": (0.20, 0.48, 0.90), "purple": (0.52, 0.28, 0.75), "pink": (0.95, 0.50, 0.68),
    "brown": (0.48, 0.30, 0.20), "grey": (0.55, 0.57, 0.60), "black": (0.08, 0.08, 0.09), "white": (0.97, 0.97, 0.97),
}


def caption(row: Row, phrases: tuple[str, ...], ground: str | None, colour: str, rng: np.random.Generator) -> str:
    """One caption of a picture in one of its phrasings; `ground` is the background if it is not the usual one."""
    parts = [content(row, rng)]
    if rng.random() < COLOUR_SAID:
        parts[0] = f"{colour} {parts[0]}"
    if rng.random() >= STYLE_LEFT_OUT:
        parts.append(phrases[rng.integers(len(phrases))])
    if ground is not None:
        parts.append(f"on a {ground} background")
    return ", ".join(parts)


def content(row: Row, rng: np.random.Generator) -> str:
    """Half the label, a quarter label and a keyword or two, a quarter one keyword (icons: mostly the label)."""
    if not row.keywords:
        return row.label
    draw = rng.random()
    if draw < 0.5:
        return row.label
    words = [row.keywords[index] for index in rng.permutation(len(row.keywords))[: 1 + rng.integers(2)]]
    if draw < 0.75:
        return ", ".join([row.label, *words])
    # A keyword like "face" fits hundreds of pictures, so the label stays where the keyword is that general.
    return words[0] if len(words[0]) > 4 or row.concept is None else f"{row.label} {words[0]}"


def main_colour(rgba: np.ndarray) -> str:
    """The name nearest to most of the drawing's pixels; `rgba` [S, S, 4] in 0..1."""
    drawn = rgba[rgba[..., 3] > 0.5][:, :3]
    if len(drawn) == 0:
        return "white"
    distances = ((drawn[:, None] - np.array(list(COLOURS.values()))) ** 2).sum(-1)
    return list(COLOURS)[np.bincount(distances.argmin(1), minlength=len(COLOURS)).argmax()]
