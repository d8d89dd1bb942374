"""The benchmark from base to table. Whatever lies in `out` is not made again."""

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ..drawings import SOURCES
from ..fetch import fetch
from ..sheets import save_sheet
from . import base_alone, reference
from .atelier import TRIGGER, Atelier, write_json, write_works
from .base import Base
from .copying import nearness
from .features import FeatureNetwork, weights_file
from .hands import Drawings, split
from .measure import Instrument
from .sizes import Size

SEED = 0
PRESET_STEPS = {"quick": 100, "balanced": 300, "thorough": 600}
"""Steps of the page's presets, which the reference trainer is given too."""


@dataclass(frozen=True)
class Options:
    work: Path
    out: Path
    preset: str
    size: Size
    with_reference: bool


def run(options: Options, atelier: Atelier) -> dict:
    """All figures: `base` alone, and by hand those of base, adapters and real pictures."""
    fetch(options.work, [*SOURCES, "efficientnet-lite0"])
    size, out, base = options.size, options.out, Base(atelier.model)
    drawings = Drawings(options.work, base.size)
    works, asked = split(drawings, size.works, size.asked)
    labels = [subject.label for subject in asked]
    network = FeatureNetwork(weights_file(options.work))
    instrument = Instrument(network, drawings, asked, size, base.as_shown)
    say("base")
    of_base = atelier.sample(labels, out / "base", None, SEED)
    result = {
        "model": atelier.model.name, "preset": options.preset, "works": size.works, "asked": size.asked,
        "base": base_alone.measure(base, drawings, instrument, drawings.everyday(size.everyday), out),
        "hands": {},
    }
    for hand in size.hands:
        say(hand)
        folder = out / hand
        write_works(drawings, hand, works, folder / "works")
        atelier.train(folder / "works", folder / "adapter.safetensors", options.preset, size.steps, SEED)
        made = {"atelier": atelier.sample(labels, folder / "atelier", folder / "adapter.safetensors", SEED)}
        seen = np.stack([drawings.draw(hand, subject.concept) for subject in works])
        if options.with_reference:
            made["reference"] = _by_reference(options, atelier, base, folder, seen, [subject.label for subject in works], labels)
        real = instrument.real(hand)
        shown = base.as_shown(real)
        scores = {"base": instrument.score(of_base, hand, like_base=True).as_dict()}
        for name, pictures in made.items():
            scores[name] = {**instrument.score(pictures, hand).as_dict(), "nearness": round(nearness(base, pictures, seen, real), 4)}
        scores["autoencoder"] = instrument.score(shown, hand).as_dict()
        scores["real"] = instrument.score(real, hand).as_dict()
        result["hands"][hand] = scores
        _sheet([seen, of_base, *made.values(), shown, real], out / f"{hand}.png")
        write_json(out / "stylebench.json", result)
    return result


def _by_reference(options: Options, atelier: Atelier, base: Base, folder: Path, works: np.ndarray, captions: list[str], labels: list[str]) -> np.ndarray:
    """Pictures by an adapter of diffusers and peft, sampled as ours are, so that only the trainers differ."""
    file = folder / "reference.safetensors"
    if not file.exists():
        settings = reference.Settings(steps=options.size.steps or PRESET_STEPS[options.preset], seed=SEED)
        reference.save(reference.train(base, works, [f"{caption}, {TRIGGER}" for caption in captions], settings), file)
    # Its file knows no trigger, so the prompts say it.
    return atelier.sample([f"{label}, {TRIGGER}" for label in labels], folder / "reference", file, SEED)


def _sheet(rows: list[np.ndarray], file: Path, columns: int = 12) -> None:
    """A row each: works, base, adapters, real pictures through the autoencoder, real pictures."""
    pictures = np.concatenate([row[:columns] for row in rows])
    save_sheet(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1, file, columns)


def say(text: str) -> None:
    print(f"stylebench: {text}", file=sys.stderr, flush=True)
