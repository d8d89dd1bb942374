"""What both trainers share: draws that depend only on the step, learning rate, moving average, checkpoints, log."""

import json
import math
import os
import time
from pathlib import Path

import torch
from accelerate import Accelerator, PartialState
from torch import nn


def draws(weights: torch.Tensor, count: int, seed: int, step: int) -> tuple[torch.Tensor, torch.Generator]:
    """`count` indices drawn by weight for this step, and the generator for its other chances.

    Seeded by (seed, step) alone, so that a resumed run sees just what an uninterrupted one sees.
    """
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    return torch.multinomial(weights, count, replacement=True, generator=generator), generator


def learning_rate(step: int, steps: int, peak: float, warmup: int) -> float:
    """Linear warm-up, then half a cosine down to a twentieth of the peak."""
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = min(1.0, (step - warmup) / max(1, steps - warmup))
    return peak * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * progress)))


def processes() -> PartialState:
    """Who shares this run. Must be asked before any `Accelerator` is made: the first of them decides for the process,
    and without `cpu` several processes on a machine that has no GPU would each take themselves for the only one."""
    return PartialState(cpu=not torch.cuda.is_available())


def time_is_up(accelerator: Accelerator, step: int, until: float) -> bool:
    """Whether to stop here; asked every step, looked at every tenth, and all processes get one answer."""
    if until == math.inf or step % 10:
        return False
    late = torch.tensor(float(time.time() >= until), device=accelerator.device)
    return accelerator.reduce(late, "sum").item() > 0


class MovingAverage:
    """Exponential moving average of a model's weights, young ones forgotten faster (Karras et al. 2022)."""

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.weights = {name: weight.detach().clone() for name, weight in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, weight in model.state_dict().items():
            self.weights[name].lerp_(weight, 1 - decay)


def save_checkpoint(file: Path, state: dict) -> None:
    """Written apart and renamed, so that a stop in the middle leaves the old one whole."""
    partial = file.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, file)


def load_checkpoint(file: Path) -> dict | None:
    return torch.load(file, map_location="cpu", weights_only=True) if file.exists() else None


def log(file: Path, **values) -> None:
    """One line of JSON a report, in the file and on the screen."""
    line = json.dumps({key: round(value, 6) if isinstance(value, float) else value for key, value in values.items()})
    with file.open("a") as stream:
        stream.write(line + "\n")
    print(line, flush=True)
