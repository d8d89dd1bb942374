"""Our own trainer and sampler, by the command line."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ..errors import RecipeError
from .hands import Drawings, Subject, to_bytes

TRIGGER = "in this style"
"""What the page puts after every caption unless the artist changes it."""


@dataclass(frozen=True)
class Atelier:
    """The program `atelier` with the model it works on."""

    program: Path
    model: Path
    device: str

    def train(self, works: Path, out: Path, preset: str, steps: int | None, seed: int) -> None:
        """Writes an adapter for the pictures and captions in `works`, unless it is there."""
        if out.exists():
            return
        partial = out.with_suffix(".partial")
        options = ["--preset", preset, "--trigger", TRIGGER, "--seed", str(seed)]
        if steps is not None:
            options += ["--steps", str(steps)]
        self._run("train", "--works", str(works), "--out", str(partial), *options)
        partial.rename(out)

    def sample(self, prompts: list[str], folder: Path, adapter: Path | None, seed: int) -> np.ndarray:
        """Pictures [prompts, S, S, 3] uint8, the first with `seed`, each further one with the next; kept in `folder`."""
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            options = [option for prompt in prompts for option in ("--prompt", prompt)]
            if adapter:
                options += ["--adapter", str(adapter)]
            self._run("sample", "--seed", str(seed), "--out", str(partial), *options)
            partial.rename(folder)
        return np.stack([np.asarray(Image.open(folder / f"{place:03}.png").convert("RGB")) for place in range(len(prompts))])

    def _run(self, command: str, *options: str) -> None:
        arguments = [str(self.program), "--json", command, "--model", str(self.model), "--device", self.device, *options]
        result = subprocess.run(arguments, capture_output=True, text=True)
        if result.returncode != 0:
            raise RecipeError(f"`{' '.join(arguments)}` failed: {result.stderr.strip()[-500:]}")


def write_works(drawings: Drawings, hand: str, subjects: list[Subject], folder: Path) -> None:
    """The hand's drawings of `subjects` as an artist would drop them in: PNG at 128 px, captions beside them."""
    folder.mkdir(parents=True, exist_ok=True)
    for place, subject in enumerate(subjects):
        Image.fromarray(to_bytes(drawings.full(hand, subject.concept))).save(folder / f"{place:02}.png")
        (folder / f"{place:02}.txt").write_text(subject.label)


def write_json(file: Path, value: object) -> None:
    partial = file.with_suffix(".partial")
    partial.write_text(json.dumps(value, indent=1) + "\n")
    partial.rename(file)
