"""The three measures: is it the hand, is it the thing, how far is it from the true picture.

- Hit rate: a linear discriminant over the style statistics names the hand of a picture, among the held-out
  hands and every hand and style that pretraining saw. It learns from real pictures of other concepts, each as it
  is and as the base's autoencoder shows it, so that it tells hands apart and not drawings from reconstructions.
- Concept retrieval: which of the asked concepts a picture's head features are nearest to. The references are
  drawings of those concepts by hands of pretraining, for a procedural hand put through its style, never by the
  hand itself, so that real pictures do not score 1 by being compared with themselves.
- Distance to truth: root mean square difference of standardised features (style and thing weigh the same) to the
  hand's own picture of the concept as the autoencoder shows it, which is the best that can be drawn.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from ..styles import STYLES
from .features import FeatureNetwork, Features
from .hands import HANDS, ICON_SETS, PROCEDURAL, UNDERLYING, Drawings, Subject
from .sizes import Size

FAMILIES = ("noto", "twemoji", "fluent-emoji", "fluent-emoji-flat", "fluent-3d", "fxemoji")
"""Emoji hands of pretraining, the references of retrieval."""

RIVALS = {
    "emoji": ("noto", "twemoji", "emojione", "fxemoji", "fluent-emoji-flat"),
    "soft emoji": ("noto-v1", "fluent-emoji"),
    "3d emoji": ("fluent-3d",),
    "silhouettes": ("fluent-emoji-high-contrast", "emojione-monotone", "game-icons"),
    "line icons": ("icon-park",),
    "poly icons": ("glyphs-poly",),
    **{style: (style,) for style in STYLES},
}
"""Hands of pretraining that the classifier may name; families that are one style to it are one rival."""

SHRINKAGE = 0.2
"""Share of the plain average in covariances that are estimated from fewer pictures than they have entries."""


@dataclass(frozen=True)
class Score:
    """Of a set of pictures, one for each asked concept; shares in 0..1."""

    hit_rate: float
    retrieval: float
    distance: float

    def as_dict(self) -> dict[str, float]:
        return {name: round(value, 4) for name, value in asdict(self).items()}


class Instrument:
    """Knows the real pictures; made once for a base and a set of asked concepts."""

    def __init__(self, network: FeatureNetwork, drawings: Drawings, asked: list[Subject], size: Size, as_shown: Callable[[np.ndarray], np.ndarray]):
        self.network, self.drawings, self.asked, self.size, self.as_shown = network, drawings, asked, size, as_shown
        features, names = self._known_hands()
        self.classifier = _Discriminant(features.style, names)
        self.scale = tuple((part.mean(0), part.std(0) + 1e-6) for part in (features.style, features.thing))
        things = list({subject.concept: subject for subject in (*drawings.everyday(size.everyday), *asked)}.values())
        known = [(family, subject.concept) for family in FAMILIES for subject in things if drawings.has(family, subject.concept)]
        features = network(np.stack([drawings.draw(*drawing) for drawing in known]))
        self.whitening = _whitening(_standard(features.thing, self.scale[1]), [concept for _, concept in known])
        self.known = dict(zip(known, _standard(features.thing, self.scale[1]) @ self.whitening))
        self.references = {hand: self._references(hand) for hand in (*size.hands, UNDERLYING)}
        self.truth = {hand: network(as_shown(self.real(hand))) for hand in size.hands}

    def real(self, hand: str) -> np.ndarray:
        """The hand's own pictures of the asked concepts."""
        return np.stack([self.drawings.draw(hand, subject.concept) for subject in self.asked])

    def score(self, pictures: np.ndarray, hand: str, like_base: bool = False) -> Score:
        """Of `pictures` [asked, S, S, 3] uint8 meant to be in `hand`. `like_base`: the pictures are in no
        held-out hand, so their things are looked up among plain drawings."""
        features = self.network(pictures)
        return Score(
            hit_rate=float(np.mean(self.classifier(features.style) == hand)),
            retrieval=self.retrieval(features, UNDERLYING if like_base else hand),
            distance=float(self._distances(features, self.truth[hand]).mean()),
        )

    def retrieval(self, features: Features, hand: str) -> float:
        """Share of pictures whose nearest reference is that of their own concept."""
        found = (self._thing(features) @ self.references[hand].T).argmax(1)
        return float(np.mean(found == np.arange(len(self.asked))))

    def named(self, pictures: np.ndarray, concepts: list[str], left_out: list[str], among: list[Subject]) -> float:
        """Share of `pictures` that are nearest to their concept of all `among`; the references of a picture leave one family out."""
        seen, places = self._thing(self.network(pictures)), [subject.concept for subject in among]
        found = 0
        for family in set(left_out):
            references = self._plain_references(among, family)
            mine = [index for index, name in enumerate(left_out) if name == family]
            nearest = (seen[mine] @ references.T).argmax(1)
            found += sum(places[place] == concepts[index] for index, place in zip(mine, nearest))
        return found / len(pictures)

    def _known_hands(self) -> tuple[Features, np.ndarray]:
        """Features of real pictures of concepts that are not asked for, and whose hand they are in."""
        asked = {subject.concept for subject in self.asked}
        pictures, names = [], []
        for name, members in {**{hand: (hand,) for hand in HANDS}, **RIVALS}.items():
            for member in members:
                there = self._concepts_of(member) - asked
                chosen = _spread(sorted(there), self.size.pictures_of_a_hand // len(members))
                pictures += [self.drawings.draw(member, concept) for concept in chosen]
                names += [name] * len(chosen)
        pictures = np.stack(pictures)
        return self.network(np.concatenate([pictures, self.as_shown(pictures)])), np.array(names * 2)

    def _concepts_of(self, member: str) -> set[str]:
        if member in HANDS:
            known = self.drawings.families[UNDERLYING]
            return self.drawings.of_hand(member) & known
        return self.drawings.families[UNDERLYING if member in STYLES else member]

    def _references(self, hand: str) -> np.ndarray:
        """Mean whitened head features of each asked concept, of length 1; no drawing is `hand`'s own."""
        if hand in ICON_SETS:
            return self._plain_references(self.asked, None)
        if hand == UNDERLYING:
            return self._plain_references(self.asked, UNDERLYING)
        families = [family for family in FAMILIES if family != UNDERLYING]
        rows = []
        for subject in self.asked:
            drawn = [self.drawings.styled(PROCEDURAL[hand], family, subject.concept) for family in families if self.drawings.has(family, subject.concept)]
            rows.append(self._thing(self.network(np.stack(drawn))).mean(0))
        return _of_length_one(np.stack(rows))

    def _plain_references(self, subjects: list[Subject], left_out: str | None) -> np.ndarray:
        rows = [[self.known[family, subject.concept] for family in FAMILIES if family != left_out and (family, subject.concept) in self.known] for subject in subjects]
        return _of_length_one(np.stack([_of_length_one(np.stack(row)).mean(0) for row in rows]))

    def _thing(self, features: Features) -> np.ndarray:
        return _of_length_one(_standard(features.thing, self.scale[1]) @ self.whitening)

    def _distances(self, pictures: Features, truth: Features) -> np.ndarray:
        parts = [
            ((_standard(seen, scale) - _standard(true, scale)) ** 2).mean(1)
            for seen, true, scale in ((pictures.style, truth.style, self.scale[0]), (pictures.thing, truth.thing, self.scale[1]))
        ]
        return np.sqrt(sum(parts) / 2)


class _Discriminant:
    """Linear discriminant analysis (Fisher 1936) with one shrunk covariance for all classes."""

    def __init__(self, values: np.ndarray, names: np.ndarray):
        self.scale = (values.mean(0), values.std(0) + 1e-6)
        values = _standard(values, self.scale)
        self.names = np.unique(names)
        means = np.stack([values[names == name].mean(0) for name in self.names])
        whitening = _whitening(values, list(names))
        self.weights = whitening @ whitening.T @ means.T
        self.offsets = -0.5 * (means.T * self.weights).sum(0)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        return self.names[(_standard(values, self.scale) @ self.weights + self.offsets).argmax(1)]


def _whitening(values: np.ndarray, names: list[str]) -> np.ndarray:
    """Makes the spread within a name equal in all directions; [features, features], symmetric."""
    names = np.array(names)
    residues = values.copy()
    for name in np.unique(names):
        residues[names == name] -= values[names == name].mean(0)
    covariance = residues.T @ residues / len(residues)
    average = np.trace(covariance) / len(covariance)
    variances, directions = np.linalg.eigh((1 - SHRINKAGE) * covariance + SHRINKAGE * average * np.eye(len(covariance)))
    return directions / np.sqrt(variances) @ directions.T


def _standard(values: np.ndarray, scale: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    return (values - scale[0]) / scale[1]


def _of_length_one(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _spread(items: list, count: int) -> list:
    """`count` of the items, evenly spaced."""
    return items if len(items) <= count else [items[place * len(items) // count] for place in range(count)]
