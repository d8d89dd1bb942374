"""What the base does by itself: does it draw what it is asked for, also in pairs it never saw, also what no picture shows."""

from pathlib import Path

import numpy as np
import torch

from ..captions import FAMILY_PHRASES
from ..catalogue import is_held_out
from ..sheets import save_sheet
from .base import Base
from .hands import UNDERLYING, Drawings, Subject
from .measure import FAMILIES, Instrument

BEYOND = (
    "a cat riding a bicycle", "a house on a cloud", "an apple with a face", "a fish in a teacup", "a robot watering a flower",
    "a dog wearing sunglasses", "a rocket made of cheese", "a tree full of stars", "a snail with a castle on its back",
    "a moon over the sea", "two birds on a branch", "a bear reading a book",
)
"""Prompts no training picture shows."""


def measure(base: Base, drawings: Drawings, instrument: Instrument, everyday: list[Subject], out: Path) -> dict:
    """Prompt retrieval over all of `everyday` and over the held-out cells, each with what real pictures score."""
    unet = base.unet()

    def drawn(prompts: list[str], seed: int) -> np.ndarray:
        parts = [base.sample(unet, prompts[first : first + 50], seed + first) for first in range(0, len(prompts), 50)]
        return np.concatenate(parts)

    phrase = FAMILY_PHRASES[UNDERLYING][0]
    known = [subject for subject in everyday if drawings.has(UNDERLYING, subject.concept)]
    asked = drawn([f"{subject.label}, {phrase}" for subject in known], 1000)
    real = np.stack([drawings.draw(UNDERLYING, subject.concept) for subject in known])
    _sheet(asked, out / "base.png", 20)

    cells = [
        (family, subject)
        for family in FAMILIES
        for subject in everyday
        if is_held_out(subject.concept, family) and drawings.has(family, subject.concept)
    ]
    recombined = drawn([f"{subject.label}, {FAMILY_PHRASES[family][0]}" for family, subject in cells], 2000)
    true = np.stack([drawings.draw(family, subject.concept) for family, subject in cells])
    _sheet(recombined, out / "recombination.png", 20)
    _sheet(drawn(list(BEYOND), 3000), out / "beyond.png", 6)

    def found(pictures: np.ndarray, concepts: list[str], left_out: list[str]) -> float:
        return round(instrument.named(pictures, concepts, left_out, everyday), 4)

    concepts, hands = [subject.concept for subject in known], [UNDERLYING] * len(known)
    cell_concepts, cell_hands = [subject.concept for _, subject in cells], [family for family, _ in cells]
    return {
        "prompts": len(known),
        "retrieval": found(asked, concepts, hands),
        "retrieval_as_shown": found(base.as_shown(real), concepts, hands),
        "retrieval_real": found(real, concepts, hands),
        "cells": len(cells),
        "recombination": found(recombined, cell_concepts, cell_hands),
        "recombination_as_shown": found(base.as_shown(true), cell_concepts, cell_hands),
        "recombination_real": found(true, cell_concepts, cell_hands),
    }


def _sheet(pictures: np.ndarray, file: Path, columns: int) -> None:
    save_sheet(torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 127.5 - 1, file, columns)
