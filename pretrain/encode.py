"""Step 6: everything the frozen networks say, once: latents of all pictures and text states of all captions."""

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny

from .autoencoder import load_pictures
from .pictures import Picture
from .presets import LATENT_FACTOR, TEXT_TOKENS, TEXT_WIDTH, Preset
from .text import TextEncoder

BATCH = 128


class Latents:
    """Latents the UNet trains on, [pictures, 2, C, h, w] in half precision; the second is of the mirror image."""

    def __init__(self, folder: Path):
        self.values = np.load(folder / "latents.npy", mmap_mode="r")

    def batch(self, index: torch.Tensor, mirrored: torch.Tensor) -> torch.Tensor:
        pairs = zip(index.tolist(), mirrored.long().tolist())
        return torch.from_numpy(np.stack([self.values[picture, side] for picture, side in pairs])).float()


class TextStates:
    """Text states of all captions; tokens lie one after the other, `starts` says where each caption begins.

    The last caption is the empty one.
    """

    def __init__(self, folder: Path):
        self.tokens = np.load(folder / "text.npy", mmap_mode="r")
        about = json.loads((folder / "captions.json").read_text())
        self.starts: list[int] = about["starts"]
        self.of_picture: list[list[int]] = about["of_picture"]

    def batch(self, captions: list[int]) -> torch.Tensor:
        """[batch, 16, 384], zero after each caption's last token."""
        states = torch.zeros(len(captions), TEXT_TOKENS, TEXT_WIDTH)
        for place, caption in enumerate(captions):
            tokens = self.tokens[self.starts[caption] : self.starts[caption + 1]]
            states[place, : len(tokens)] = torch.from_numpy(tokens.astype(np.float32))
        return states

    @property
    def empty(self) -> int:
        return len(self.starts) - 2


@torch.inference_mode()
def encode_latents(folder: Path, preset: Preset, model: AutoencoderTiny, pixels: np.ndarray, chosen: torch.Tensor) -> None:
    """Writes `latents.npy` of the chosen pictures, already multiplied by `scaling_factor`."""
    file = folder / "latents.npy"
    if file.exists():
        return
    side = preset.picture_size // LATENT_FACTOR
    shape = (len(chosen), 2, preset.autoencoder.latent_channels, side, side)
    partial = file.with_suffix(".partial")
    latents = np.lib.format.open_memmap(partial, "w+", np.float16, shape)
    for index in torch.arange(len(chosen)).split(BATCH):
        pictures = load_pictures(pixels, chosen[index], model.device)
        for mirrored, seen in enumerate((pictures, pictures.flip(-1))):
            latents[index.numpy(), mirrored] = (model.encode(seen).latents * model.config.scaling_factor).cpu().numpy()
    latents.flush()
    partial.rename(file)
    print(f"latents: {latents.shape}, standard deviation {latents[:1000].astype(np.float32).std():.3f}")


def encode_text(folder: Path, encoder: TextEncoder, pictures: list[Picture]) -> None:
    """Writes `text.npy` and `captions.json`."""
    file = folder / "captions.json"
    if file.exists():
        return
    captions = sorted({caption for picture in pictures for caption in picture.captions}, key=len) + [""]
    number = {caption: place for place, caption in enumerate(captions)}
    pieces, starts = [], [0]
    # Captions of similar length go together, so that little of a batch is padding.
    for first in range(0, len(captions), BATCH):
        states, lengths = encoder.encode(captions[first : first + BATCH])
        for caption_states, length in zip(states.cpu(), lengths.tolist()):
            pieces.append(caption_states[:length].to(torch.float16).numpy())
            starts.append(starts[-1] + length)
    np.save(folder / "text.npy", np.concatenate(pieces))
    of_picture = [[number[caption] for caption in picture.captions] for picture in pictures]
    file.write_text(json.dumps({"starts": starts, "of_picture": of_picture}))
    print(f"text: {len(captions)} captions, {starts[-1]} tokens")
