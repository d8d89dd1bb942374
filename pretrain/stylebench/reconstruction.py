"""How well an autoencoder brings pictures back: `python -m pretrain.stylebench.reconstruction --work DIR --vae FOLDER`.

Prints, for pictures no training has seen (the held-out cells on white, and 60 of each held-out hand), the PSNR, and
root mean square errors (of 255) on outlines and in flat colour apart, since those are what a drawing is made of.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny

from ..pictures import scaled
from ..presets import LATENT_FACTOR
from ..render import GOOD
from ..sheets import save_sheet
from ..styles import over
from .hands import HANDS, WHITE, Drawings, split, to_bytes
from .sizes import FULL

ON_WHITE = 192
"""Pictures of the held-out cells."""

STEP = 50
"""Difference of neighbours, of 255 in any channel, that makes an outline."""

PAPER = 245
"""Pixels lighter than this in all channels are paper, which is flat but no colour."""


def unseen(drawings: Drawings) -> dict[str, np.ndarray]:
    """Pictures [count, S, S, 3] uint8 by where they come from."""
    held_out = [index for index, row in enumerate(drawings.rows) if row.held_out and drawings.states[index] == GOOD]
    spread = held_out[:: max(1, len(held_out) // ON_WHITE)][:ON_WHITE]
    on_white = np.stack([to_bytes(over(scaled(drawings.pack[index], drawings.size), WHITE)) for index in spread])
    _, asked = split(drawings, FULL.works, FULL.asked)
    hands = {hand: np.stack([drawings.draw(hand, subject.concept) for subject in asked]) for hand in HANDS}
    return {"on white": on_white, **hands}


@torch.inference_mode()
def through(model: AutoencoderTiny, pictures: np.ndarray) -> np.ndarray:
    """The pictures as the autoencoder shows them."""
    parts = []
    for part in np.array_split(pictures, -(-len(pictures) // 64)):
        values = torch.from_numpy(part).permute(0, 3, 1, 2).float() / 127.5 - 1
        back = model.decode(model.encode(values).latents).sample.clamp(-1, 1)
        parts.append(((back + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
    return np.concatenate(parts)


def figures(pictures: np.ndarray, shown: np.ndarray) -> tuple[float, float, float]:
    """PSNR in dB over all pictures, error on outlines, error in flat colour (nan where there is none)."""
    squares = (pictures.astype(np.float64) - shown) ** 2
    outline, flat = _outlines_and_flats(pictures)
    errors = [float(np.sqrt(squares[mask].mean())) if mask.any() else float("nan") for mask in (outline, flat)]
    return float(10 * np.log10(255**2 / squares.mean())), *errors


def _outlines_and_flats(pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Masks [count, S, S]: both pixels of each step between neighbours; pixels two or more away from any, but paper."""
    values = pictures.astype(int)
    outline = np.zeros(pictures.shape[:3], bool)
    across, down = (np.abs(np.diff(values, axis=axis)).max(-1) > STEP for axis in (2, 1))
    outline[:, :, 1:] |= across
    outline[:, :, :-1] |= across
    outline[:, 1:] |= down
    outline[:, :-1] |= down
    near = outline | np.any([np.roll(outline, by, axis) for axis in (1, 2) for by in (1, -1)], axis=0)
    return outline, ~near & (pictures.min(-1) < PAPER)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="the recipe's folder of downloads and rendered pictures")
    parser.add_argument("--vae", type=Path, default=Path("www/models/sketch/vae"), help="diffusers' folder of an AutoencoderTiny")
    parser.add_argument("--size", type=int, default=8 * LATENT_FACTOR, help="pixels a side of the pictures")
    parser.add_argument("--sheet", type=Path, help="PNG of twelve pictures of each kind, each row above its reconstruction")
    arguments = parser.parse_args()
    model = AutoencoderTiny.from_pretrained(arguments.vae, torch_dtype=torch.float32).eval().requires_grad_(False)
    rows = []
    print(f"{'pictures':<20}{'PSNR':>8}{'outline':>10}{'flat':>8}")
    for name, pictures in unseen(Drawings(arguments.work, arguments.size)).items():
        shown = through(model, pictures)
        psnr, outline, flat = figures(pictures, shown)
        print(f"{name:<20}{psnr:>8.2f}{outline:>10.1f}{flat:>8.1f}")
        rows += [pictures[:12], shown[:12]]
    if arguments.sheet:
        save_sheet(torch.from_numpy(np.concatenate(rows)).permute(0, 3, 1, 2).float() / 127.5 - 1, arguments.sheet, 12)


if __name__ == "__main__":
    main()
