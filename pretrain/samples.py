"""The works to try the page with: `python -m pretrain.samples --work DIR --out www/samples`.

Three hands that Sketch never sees in training, so that what an adapter learns of them is the adapter's.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from . import fetch
from .errors import RecipeError
from .render import icon_svg, rasterise

SIZE = 256
MARGIN = 0.04
"""Clear border around a drawing, in shares of the picture."""

GERALD = {
    "food/fruit/applf": "red apple", "food/fruit/orange_simple": "orange", "food/fruit/lemon_simple": "lemon",
    "food/fruit/pear_simple": "pear", "food/fruit/peach_simple": "peach", "food/fruit/strawberry_simple": "strawberry",
    "food/fruit/grapes_simple": "purple grapes", "food/fruit/watermelon_simple": "slice of watermelon",
    "food/fruit/orange_wedge": "wedge of orange", "food/beverages/coffee_ganson": "mug of coffee",
    "food/beverages/teacup_ganson": "cup of tea on a saucer", "food/beverages/apple_juice_box": "box of apple juice with a straw",
    "food/beverages/pop_can": "red can of soda", "food/beverages/soft_drink": "soft drink with a straw",
    "food/breads_and_carbs/muffin2": "chocolate muffin", "food/breads_and_carbs/muffin_3": "blueberry muffin",
    "food/meats_and_eggs/hamburger_ganson": "hamburger", "food/meats_and_eggs/hot_dog": "hot dog with mustard",
    "food/meats_and_eggs/fried_egg": "fried egg", "food/pizza_pepperoni": "slice of pizza with mushrooms",
    "food/desserts/pie_cherry": "slice of cherry pie", "food/desserts/pie_pumpkin": "slice of pumpkin pie",
    "food/desserts/cone2_ganson": "ice cream cone with two scoops", "food/desserts/cone_soft_chocolate": "chocolate soft ice cream cone",
    "food/fries_ganson": "french fries",
}
FLAT_UI = {
    "bag": "orange backpack", "basket": "yellow shopping basket", "book": "red book", "bowling": "bowling ball and pin", "box": "cardboard box",
    "camera": "blue camera", "chair": "armchair", "converse": "red sneaker", "donut": "donut with sprinkles",
    "dynamite": "bundle of dynamite", "flask": "flask with green liquid", "flower": "red tulip", "gift-box": "red gift box", "icecream": "ice lolly",
    "lock": "yellow padlock", "medal": "gold medal", "mic": "microphone", "pig": "piggy bank", "rocket": "red rocket", "safe": "lifebuoy",
    "trunk": "red truck", "ubmrella": "blue umbrella",
}
KENNEY = {
    "alien/alienBlue_front": "blue alien", "enemies/bee": "bee", "enemies/fishGreen": "green fish", "enemies/frog": "green frog",
    "enemies/ladybug": "ladybug", "enemies/mouse": "grey mouse", "enemies/slimePurple": "purple slime", "enemies/wormPink": "pink worm",
    "items/coinGold": "gold coin", "items/flagRed1": "red flag", "items/gemBlue": "blue gem", "items/keyYellow": "yellow key",
    "items/star": "gold star", "tiles/bomb": "bomb", "tiles/boxCrate_double": "wooden crate", "tiles/bush": "green bush",
    "tiles/cactus": "cactus", "tiles/lockRed": "red lock", "tiles/mushroomRed": "red mushroom", "tiles/rock": "grey rock",
    "tiles/torch1": "burning torch", "tiles/signRight": "wooden arrow sign", "animated_characters/robot/robot_idle": "blue robot",
    "animated_characters/zombie/zombie_idle": "green zombie",
}
"""By each source's own names, what they show; no words of style, since that is for the adapter to learn."""


@dataclass(frozen=True)
class SampleSet:
    """One hand. `load` gives a work's picture from the folder of sources and its name in `captions`."""

    id: str
    title: str
    author: str
    licence: str
    source: str
    captions: dict[str, str]
    load: Callable[[Path, str], Image.Image]


def _gerald(sources: Path, name: str) -> Image.Image:
    drawing = sources / "openclipart-svg" / "usr" / "share" / "openclipart" / "svg" / f"{name}.svg"
    return rasterise(drawing.read_text(errors="replace"), 2 * SIZE)


def _flat_ui(sources: Path, name: str) -> Image.Image:
    icons = json.loads((sources / "iconify" / "package" / "json" / "flat-ui.json").read_text())
    return rasterise(icon_svg(icons, name), SIZE)


def _kenney(sources: Path, name: str) -> Image.Image:
    return Image.open(sources / "arcade" / "arcade" / "resources" / "assets" / "images" / f"{name}.png").convert("RGBA")


SETS = (
    SampleSet("gerald-food", "Food", "Gerald G.", "Public domain", "https://openclipart.org", GERALD, _gerald),
    SampleSet("flat-ui", "Flat UI", "Designmodo, Inc.", "MIT", "https://github.com/designmodo/Flat-UI", FLAT_UI, _flat_ui),
    SampleSet("kenney", "Platformer", "Kenney", "CC0", "https://kenney.nl", KENNEY, _kenney),
)


def make(work: Path, out: Path) -> None:
    """Writes a folder of PNG for each set, and `samples.json`, which the page reads."""
    fetch.fetch(work, ["openclipart-svg", "iconify", "arcade"])
    listing = out / "samples.json"
    # What the page drew of a set is made by tests/e2e/pictures.mjs, and stays.
    before = json.loads(listing.read_text()) if listing.exists() else []
    drawn = {known["id"]: {"drawn": known["drawn"]} for known in before if "drawn" in known}
    about = [
        {**_described(chosen), "works": list(_works(work / "sources", out / chosen.id, chosen)), **drawn.get(chosen.id, {})}
        for chosen in SETS
    ]
    listing.write_text(json.dumps(about, indent=1) + "\n")


def _described(chosen: SampleSet) -> dict[str, str]:
    return {key: getattr(chosen, key) for key in ("id", "title", "author", "licence", "source")}


def _works(sources: Path, folder: Path, chosen: SampleSet) -> Iterator[dict[str, str]]:
    """Writes the set's pictures and gives what `samples.json` says of each; `file` is relative to the set's folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, caption in chosen.captions.items():
        file = caption.replace(" ", "-") + ".png"
        _centred(chosen.load(sources, name)).quantize(256, Image.Quantize.FASTOCTREE).save(folder / file, optimize=True)
        yield {"file": file, "caption": caption}


def _centred(picture: Image.Image) -> Image.Image:
    """The drawing cut out and fitted into a clear square: `SIZE` px, or half that for a small bitmap."""
    box = picture.getchannel("A").point(lambda alpha: 255 if alpha > 8 else 0).getbbox()
    picture = picture.crop(box) if box else picture
    side = SIZE if max(picture.size) > SIZE // 2 else SIZE // 2
    scale = side * (1 - 2 * MARGIN) / max(picture.size)
    # Premultiplied, so that clear pixels do not bleed into the edges.
    size = [max(1, round(length * scale)) for length in picture.size]
    picture = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS)
    canvas = Image.new("RGBa", (side, side))
    canvas.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return canvas.convert("RGBA")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads")
    parser.add_argument("--out", type=Path, required=True, help="folder of the finished samples")
    options = parser.parse_args()
    try:
        make(options.work, options.out)
    except RecipeError as problem:
        sys.exit(f"pretrain: {problem}")


if __name__ == "__main__":
    main()
