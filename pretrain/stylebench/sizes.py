"""How much StyleBench looks at."""

from dataclasses import dataclass

from .hands import HANDS


@dataclass(frozen=True)
class Size:
    hands: tuple[str, ...]
    works: int
    """Works an adapter is trained on."""
    asked: int
    """Concepts it is asked for, none of them among the works."""
    steps: int | None
    """Training steps; None leaves the preset's."""
    everyday: int
    """Everyday things that the instrument learns to tell apart and that the base is asked for."""
    pictures_of_a_hand: int
    """Real pictures the classifier learns each of its classes from."""


FULL = Size(hands=HANDS, works=20, asked=60, steps=None, everyday=200, pictures_of_a_hand=60)
SMALL = Size(hands=("openmoji", "neon"), works=10, asked=12, steps=60, everyday=60, pictures_of_a_hand=20)
"""A test of the whole way in about two minutes."""
