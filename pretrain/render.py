"""Step 3: every picture of the catalogue as 128 px RGBA in one pack, `rgba128.npy` [rows, 128, 128, 4].

Beside it `rendered.npy` holds a state for each row, so that an interrupted run goes on where it was.
"""

import io
import json
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from .catalogue import Row

SIZE = 128
WAITING, GOOD, BLANK, FAILED = range(4)

CURRENT_COLOUR = "#222"
"""What `currentColor` of one-coloured icons becomes."""


def render(work: Path, rows: list[Row], target: Path) -> tuple[np.ndarray, np.ndarray]:
    """The pack and the states in `target`, rendering from the sources of `work` what is still missing."""
    shape = (len(rows), SIZE, SIZE, 4)
    pack, states = _open(target / "rgba128.npy", shape), _open(target / "rendered.npy", shape[:1])
    waiting = np.flatnonzero(states == WAITING)
    for count, index in enumerate(waiting):
        states[index] = _render_into(pack, index, work, rows[index])
        if count % 2000 == 1999:
            print(f"rendered {count + 1} of {len(waiting)}", flush=True)
    if len(waiting):
        print(f"render: {(states == GOOD).sum()} good, {(states == BLANK).sum()} blank, {(states == FAILED).sum()} failed")
    return pack, states


def is_rendered(work: Path) -> bool:
    """Whether nothing is left to render, so that the drawings themselves are not needed."""
    return (work / "rendered.npy").exists() and not (np.load(work / "rendered.npy") == WAITING).any()


def _open(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    if file.exists() and np.load(file, mmap_mode="r").shape == shape:
        return np.load(file, mmap_mode="r+")
    return np.lib.format.open_memmap(file, "w+", np.uint8, shape)


def _render_into(pack: np.ndarray, index: int, work: Path, row: Row) -> int:
    try:
        picture = np.asarray(square(_load(work, row)))
    except (OSError, ValueError, Image.DecompressionBombError) as problem:
        print(f"{row.key} could not be rendered: {problem}")
        return FAILED
    pack[index] = picture
    alpha = picture[..., 3:] / 255
    on_white = picture[..., :3] * alpha + 255 * (1 - alpha)
    return BLANK if on_white.std() < 4 else GOOD


def _load(work: Path, row: Row) -> Image.Image:
    if row.kind == "iconify":
        name, icon = row.reference.split("#")
        drawing = icon_svg(_icon_set(work / "sources" / "iconify" / "package" / "json" / f"{name}.json"), icon)
        return rasterise(drawing, SIZE)
    picture = Image.open(work / "sources" / row.reference).convert("RGBA")
    picture.thumbnail((1024, 1024), Image.Resampling.LANCZOS)
    if row.kind == "crop":
        box = picture.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox()
        picture = picture.crop(box) if box else picture
    return picture


def rasterise(drawing: str, size: int) -> Image.Image:
    """An SVG drawn at `size` pixels."""
    import resvg_py  # A machine that only trains, on pictures rendered elsewhere, does not have it.

    return Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=drawing, width=size, height=size)))).convert("RGBA")


@lru_cache(maxsize=2)
def _icon_set(file: Path) -> dict:
    return json.loads(file.read_text())


def icon_svg(icons: dict, name: str) -> str:
    """The whole SVG of one icon of an Iconify set; aliases lead to their parent."""
    while name not in icons["icons"]:
        name = icons["aliases"][name]["parent"]
    icon = icons["icons"][name]
    left, top, width, height = (icon.get(key, icons.get(key, default)) for key, default in (("left", 0), ("top", 0), ("width", 16), ("height", 16)))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{left} {top} {width} {height}" width="{width}" height="{height}" color="{CURRENT_COLOUR}">{icon["body"]}</svg>'
    )


def square(picture: Image.Image) -> Image.Image:
    """Fitted into the square and centred, clear around."""
    scale = SIZE / max(picture.size)
    size = [max(1, round(side * scale)) for side in picture.size]
    picture = picture.resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 0))
    canvas.paste(picture, ((SIZE - size[0]) // 2, (SIZE - size[1]) // 2))
    return canvas
