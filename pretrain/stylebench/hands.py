"""The hands that adapters are measured on, and the hands that pretraining saw, drawing by drawing.

Two held-out hands are icon sets, three are procedural styles over one emoji set. Of every hand the benchmark
uses the same concepts: works to learn from, and others to be asked for.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from ..catalogue import NEVER, catalogue, share_of
from ..concepts import Concepts, plain_codepoint
from ..errors import RecipeError
from ..pictures import GROUP_WEIGHTS, scaled
from ..render import GOOD, SIZE, icon_svg, rasterise, render, square
from ..styles import STYLES, over
from .held_out_styles import mosaic, neon, woodcut

ICON_SETS = ("openmoji", "streamline-emojis")
PROCEDURAL = {"woodcut": woodcut, "neon": neon, "mosaic": mosaic}
HANDS = (*ICON_SETS, *PROCEDURAL)

assert NEVER.issuperset(ICON_SETS) and not STYLES.keys() & PROCEDURAL.keys(), "pretraining has seen a hand that is held out"

UNDERLYING = "twemoji"
"""The drawings that procedural styles are laid over."""

Style = Callable[[np.ndarray, np.random.Generator], np.ndarray]

WHITE = (1.0, 1.0, 1.0)


@dataclass(frozen=True)
class Subject:
    """A concept by its code point, and the word it is asked for with."""

    concept: str
    label: str


class Drawings:
    """Pictures [S, S, 3] uint8 by (hand or training family, concept), at the model's own size."""

    def __init__(self, work: Path, size: int):
        self.work, self.size = work, size
        self.rows = catalogue(work)
        self.pack, self.states = render(work, self.rows, work)
        self.concepts = Concepts(work)
        self._rows_of: dict[tuple[str, str], int] = {}
        for index, row in enumerate(self.rows):
            if row.concept and self.states[index] == GOOD:
                self._rows_of.setdefault((row.family, row.concept), index)

    @cached_property
    def families(self) -> dict[str, set[str]]:
        """Concepts of each family that pretraining may draw from."""
        found: dict[str, set[str]] = {}
        for family, concept in self._rows_of:
            found.setdefault(family, set()).add(concept)
        return found

    def everyday(self, count: int) -> list[Subject]:
        """The things that most families draw, which is what a small base was trained on."""
        drawn: dict[str, int] = {}
        for concept in (concept for family in self.families.values() for concept in family):
            drawn[concept] = drawn.get(concept, 0) + 1
        usual = [concept for concept in drawn if concept in self.concepts.by_codepoint and self.concepts.by_codepoint[concept].group not in GROUP_WEIGHTS]
        return [self.subject(concept) for concept in sorted(usual, key=lambda concept: (-drawn[concept], concept))[:count]]

    def subject(self, concept: str) -> Subject:
        return Subject(concept, self.concepts.by_codepoint[concept].label.replace("’", "'"))

    def of_hand(self, hand: str) -> set[str]:
        """Concepts that a held-out hand draws."""
        return set(self._icon_names(hand)) if hand in ICON_SETS else self.families[UNDERLYING]

    def full(self, hand: str, concept: str) -> np.ndarray:
        """One drawing of a held-out hand at 128 px, [128, 128, 3] in 0..1."""
        if hand in ICON_SETS:
            return over(self._icon(hand, concept), WHITE)
        return self._styled(PROCEDURAL[hand], UNDERLYING, concept)

    def draw(self, hand: str, concept: str) -> np.ndarray:
        """One drawing of a held-out hand, a training family or a training style, at the model's size."""
        if hand in HANDS:
            return to_bytes(_shrunk(self.full(hand, concept), self.size))
        if hand in STYLES:
            return self.styled(STYLES[hand][0], UNDERLYING, concept)
        return to_bytes(over(scaled(self.pack[self._rows_of[hand, concept]], self.size), WHITE))

    def styled(self, style: Style, family: str, concept: str) -> np.ndarray:
        """A training family's drawing in a procedural style, at the model's size."""
        return to_bytes(_shrunk(self._styled(style, family, concept), self.size))

    def has(self, family: str, concept: str) -> bool:
        return (family, concept) in self._rows_of

    def _styled(self, style: Style, family: str, concept: str) -> np.ndarray:
        rng = np.random.default_rng(int(share_of(f"{style.__name__}|{concept}") * 2**53))
        return style(self.pack[self._rows_of[family, concept]].astype(np.float32) / 255, rng)

    def _icon(self, hand: str, concept: str) -> np.ndarray:
        drawing = icon_svg(_icon_set(self._icon_file(hand)), self._icon_names(hand)[concept])
        return np.asarray(square(rasterise(drawing, SIZE)), np.float32) / 255

    def _icon_file(self, hand: str) -> Path:
        return self.work / "sources" / "iconify" / "package" / "json" / f"{hand}.json"

    @lru_cache(maxsize=None)
    def _icon_names(self, hand: str) -> dict[str, str]:
        """Icon of each concept, found by code point first, then by name."""
        icons = _icon_set(self._icon_file(hand))
        names: dict[str, str] = {}
        for codepoint, name in icons.get("chars", {}).items():
            names.setdefault(plain_codepoint(codepoint), name)
        for name in [*icons["icons"], *icons.get("aliases", {})]:
            if concept := self.concepts.find(name):
                names.setdefault(concept.codepoint, name)
        return names


def split(drawings: Drawings, works: int, asked: int) -> tuple[list[Subject], list[Subject]]:
    """Concepts to learn from and others to ask for: everyday things that all held-out hands draw, in a fixed order."""
    common = set.intersection(*(drawings.of_hand(hand) for hand in HANDS))
    subjects = [subject for subject in drawings.everyday(200) if subject.concept in common]
    subjects.sort(key=lambda subject: share_of(f"stylebench|{subject.concept}"))
    if len(subjects) < works + asked:
        raise RecipeError(f"Only {len(subjects)} things are drawn by all hands; ask for fewer than {works} works and {asked} pictures.")
    return subjects[:works], subjects[works : works + asked]


def to_bytes(rgb: np.ndarray) -> np.ndarray:
    return (np.clip(rgb, 0, 1) * 255).round().astype(np.uint8)


def _shrunk(rgb: np.ndarray, size: int) -> np.ndarray:
    """128 px to `size` by averaging squares of pixels."""
    factor = len(rgb) // size
    return rgb.reshape(size, factor, size, factor, 3).mean((1, 3))


@lru_cache(maxsize=2)
def _icon_set(file: Path) -> dict:
    return json.loads(file.read_text())
