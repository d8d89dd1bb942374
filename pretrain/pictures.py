"""Step 4: the pictures that the networks are trained on, with their captions.

From each rendered row come its own picture on white, and by chance a version on another ground and one in a
procedural style; to these come pictures in hands that are made up. `pictures.npy` is [pictures, S, S, 3] uint8, `pictures.jsonl` says what each one is.
"""

import json
import multiprocessing
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from .captions import COLOURS, FAMILY_PHRASES, caption, content, main_colour
from .catalogue import Row, is_held_out, share_of
from .errors import RecipeError
from .made_up_hands import made_up_hand
from .presets import Preset
from .render import GOOD
from .styles import STYLES, over

GROUND_COLOURS = {
    "light blue": (0.75, 0.88, 0.98), "pale yellow": (0.99, 0.95, 0.75), "mint": (0.78, 0.95, 0.84), "pale pink": (0.99, 0.85, 0.89),
    "light grey": (0.88, 0.89, 0.90), "dark blue": (0.08, 0.11, 0.28), "black": (0.03, 0.03, 0.04), "dark green": (0.06, 0.22, 0.15),
    **{name: COLOURS[name] for name in ("red", "orange", "purple", "teal")},
}
ONE_COLOURED = {"fluent-emoji-high-contrast", "emojione-monotone", "game-icons", "streamline-pixel"}
"""Families in black: procedural styles of them would mostly look the same."""

GROUP_WEIGHTS = {"symbols": 0.15, "people & body": 0.2}
"""Groups with many near-equal pictures are drawn less often."""

NOT_MIRRORED_GROUPS = {"symbols"}

SOME_STYLE = "in this style"
"""Said of hands that are made up, and by those who train an adapter: a hand that no word tells."""

MADE_UP = "made up"


@dataclass(frozen=True)
class Picture:
    """One training picture; `weight` is its chance to be drawn for the UNet; all together make 1."""

    key: str
    family: str
    style: str
    label: str
    captions: tuple[str, ...]
    mirrored: bool
    """Whether its mirror image is trained on as well."""
    weight: float
    """0 for pictures that only the autoencoder sees."""


def prepare(folder: Path, preset: Preset, rows: list[Row], pack: np.ndarray, states: np.ndarray) -> tuple[np.ndarray, list[Picture]]:
    """Pixels and descriptions, made at the first call and read from `folder` afterwards."""
    pixels_file, about_file = folder / "pictures.npy", folder / "pictures.jsonl"
    if not about_file.exists():
        chosen = [index for index, row in enumerate(rows) if states[index] == GOOD and wanted(preset, row)]
        if not chosen:
            raise RecipeError(f"No picture of the preset {preset.name} was rendered. Look at the messages of the render step.")
        pixels, pictures = [], []
        everyday = _everyday_concepts(rows, preset.concepts_limit)
        with multiprocessing.Pool() as pool:
            for row, versions in pool.imap(_prepared, ((preset, rows[index], pack[index]) for index in chosen), chunksize=16):
                for values, picture in versions:
                    if everyday and row.concept not in everyday:
                        picture = replace(picture, weight=0.0)
                    pixels.append(values)
                    pictures.append(picture)
            pictures = _normalised(pictures, preset.procedural_draws)
            places = {rows[index].key: index for index in chosen}
            drawn = [picture for picture in pictures if picture.style == "own" and picture.weight > 0 and picture.family not in ONE_COLOURED]
            drawings = [(places[picture.key], picture.weight) for picture in drawn]
            tasks = (_task(preset, number, rows, pack, drawings) for number in range(preset.made_up_hands))
            made_up = [version for versions in pool.imap(_made_up, tasks, chunksize=4) for version in versions]
        share = preset.made_up_draws / sum(picture.weight for _, picture in made_up)
        pictures = [replace(picture, weight=picture.weight * (1 - preset.made_up_draws)) for picture in pictures]
        pictures += [replace(picture, weight=picture.weight * share) for _, picture in made_up]
        pixels += [values for values, _ in made_up]
        np.save(pixels_file, np.stack(pixels))
        about_file.write_text("".join(json.dumps(asdict(picture)) + "\n" for picture in pictures))
        print(f"pictures: {len(pictures)} from {len(chosen)} drawings")
    described = [json.loads(line) for line in about_file.read_text().splitlines()]
    return np.load(pixels_file, mmap_mode="r"), [Picture(**{**about, "captions": tuple(about["captions"])}) for about in described]


def wanted(preset: Preset, row: Row) -> bool:
    """Whether the preset trains on it."""
    return row.family in preset.families and not row.held_out


def _everyday_concepts(rows: list[Row], limit: int | None) -> set[str]:
    """The things that most families draw; empty when there is no limit."""
    if limit is None:
        return set()
    families: dict[str, set[str]] = {}
    for row in rows:
        if row.concept and row.group not in GROUP_WEIGHTS:
            families.setdefault(row.concept, set()).add(row.family)
    return set(sorted(families, key=lambda concept: (-len(families[concept]), concept))[:limit])


def scaled(rgba: np.ndarray, size: int) -> np.ndarray:
    """To `size` px and 0..1; colours are weighed by alpha so that clear pixels do not bleed into edges."""
    scaled = Image.fromarray(rgba).convert("RGBa").resize((size, size), Image.Resampling.BOX).convert("RGBA")
    return np.asarray(scaled, np.float32) / 255


def _prepared(task: tuple[Preset, Row, np.ndarray]) -> tuple[Row, list[tuple[np.ndarray, Picture]]]:
    """The versions of one drawing [128, 128, 4], each [S, S, 3] uint8; by chances that depend on the seed and the row alone."""
    preset, row, drawing = task
    rng = np.random.default_rng([preset.seed, int(share_of(row.key) * 2**53)])
    versions = _versions(preset, row, scaled(drawing, preset.picture_size), rng)
    return row, [((np.clip(values, 0, 1) * 255).round().astype(np.uint8), picture) for values, picture in versions]


def _versions(preset: Preset, row: Row, rgba: np.ndarray, rng: np.random.Generator) -> Iterator[tuple[np.ndarray, Picture]]:
    """The row's own picture, and its other versions."""
    colour, family_phrases = main_colour(rgba), FAMILY_PHRASES[row.family]
    weight = preset.families[row.family] * GROUP_WEIGHTS.get(row.group, 1.0)

    def picture(style: str, phrases: tuple[str, ...], ground: str | None, weight: float) -> Picture:
        texts = [caption(row, phrases, ground, colour, rng) for _ in range(preset.captions_per_picture)]
        mirrored = row.group not in NOT_MIRRORED_GROUPS
        return Picture(row.key, row.family, style, row.label, tuple(dict.fromkeys(texts)), mirrored, weight)

    yield over(rgba, (1, 1, 1)), picture("own", family_phrases, None, weight)
    if rng.random() < preset.backdrop_share and row.family not in ONE_COLOURED:
        ground = list(GROUND_COLOURS)[rng.integers(len(GROUND_COLOURS))]
        yield over(rgba, GROUND_COLOURS[ground]), picture("backdrop", family_phrases, ground, weight)
    if rng.random() < preset.procedural_share and row.family not in ONE_COLOURED:
        style = list(STYLES)[rng.integers(len(STYLES))]
        if not is_held_out(row.concept, style):
            draw, phrases = STYLES[style]
            yield draw(rgba, rng), picture(style, phrases, None, weight)


@dataclass(frozen=True)
class _Hand:
    """What one made-up hand is to draw."""

    preset: Preset
    number: int
    drawings: list[tuple[Row, np.ndarray, float]]
    """Each with its pixels [128, 128, 4] and its weight."""


def _task(preset: Preset, number: int, rows: list[Row], pack: np.ndarray, drawings: list[tuple[int, float]]) -> _Hand:
    """The drawings of one hand, drawn from `drawings` (index and weight) by chances that depend on the seed and its number alone."""
    rng = np.random.default_rng([preset.seed, number])
    weights = np.array([weight for _, weight in drawings])
    chosen = rng.choice(len(drawings), min(preset.pictures_of_a_hand, len(drawings)), replace=False, p=weights / weights.sum())
    return _Hand(preset, number, [(rows[index], pack[index], weight) for index, weight in (drawings[place] for place in chosen)])


def _made_up(task: _Hand) -> list[tuple[np.ndarray, Picture]]:
    """The pictures of one hand, [S, S, 3] uint8 each."""
    rng = np.random.default_rng([task.preset.seed, task.number, 1])
    hand, versions = made_up_hand(rng), []
    for row, drawing, weight in task.drawings:
        values = hand.draw(scaled(drawing, task.preset.picture_size), rng)
        words = list(rng.permutation(hand.words)[:2]) or [SOME_STYLE]
        texts = (f"{content(row, rng)}, {SOME_STYLE}", ", ".join([content(row, rng), *words]))
        picture = Picture(row.key, row.family, MADE_UP, row.label, texts, row.group not in NOT_MIRRORED_GROUPS, weight)
        versions.append(((values * 255).round().astype(np.uint8), picture))
    return versions


def _normalised(pictures: list[Picture], procedural_draws: float) -> list[Picture]:
    """Weights scaled so that procedural styles get their share and all make 1."""
    totals = {True: 0.0, False: 0.0}
    for picture in pictures:
        totals[picture.style in STYLES] += picture.weight
    shares = {True: procedural_draws, False: 1 - procedural_draws} if totals[True] else {True: 0.0, False: 1.0}
    return [
        replace(picture, weight=picture.weight * shares[picture.style in STYLES] / totals[picture.style in STYLES])
        for picture in pictures
    ]
