"""Which drawings a preset trains on, fetched where they are not here."""

from pathlib import Path

from .catalogue import Row, catalogue, listed
from .fetch import fetch
from .pictures import wanted
from .presets import Preset
from .render import is_rendered

NEEDED_BY_ALL = ("iconify", "emojibase", "emojilib", "minilm")
NEEDED_BY_FAMILY = {"fluent-3d": ("fluent-3d",), "openclipart": ("openclipart-png", "openclipart-svg")}
SOURCES = (*NEEDED_BY_ALL, *(source for sources in NEEDED_BY_FAMILY.values() for source in sources))
"""By their keys in the lock file."""


def rows_of(preset: Preset, work: Path) -> list[Row]:
    """All pictures there are, fetched unless they are rendered; or the few of a preset that has a limit."""
    if preset.pictures_limit is None:
        if not is_rendered(work):
            fetch(work, list(SOURCES))
        return catalogue(work)
    fetch(work, [*NEEDED_BY_ALL, *(source for family in preset.families for source in NEEDED_BY_FAMILY.get(family, ()))])
    rows = [row for row in listed(work, set(preset.families)) if wanted(preset, row)]
    return [rows[place * len(rows) // preset.pictures_limit] for place in range(min(len(rows), preset.pictures_limit))]


def drawn_in(preset: Preset, work: Path) -> Path:
    """Where the drawings of `rows_of` are rendered: all presets share them, but one that has a limit has its own."""
    return work / preset.name if preset.pictures_limit else work
