"""Pictures from prompts: DDIM with classifier-free guidance, as the page does it."""

from collections.abc import Sequence
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel

from .networks import scheduler
from .sheets import save_sheet
from .text import TextEncoder

STEPS = 25
GUIDANCE = 4.0
PROMPTS = (
    "red apple, flat emoji", "red apple, glossy 3d emoji", "cat face, flat emoji", "dog", "fish, flat emoji", "bird, watercolour",
    "tree, flat emoji", "tree, pixel art", "house, flat emoji", "car, flat emoji", "car, line drawing", "rocket, sticker",
    "grinning face, flat emoji", "heart, glossy 3d emoji", "star, flat colour icon", "mushroom, flat emoji",
    "pizza, flat emoji", "coffee, ink outline, flat colours", "umbrella, blue filled icon with black outline", "guitar, flat emoji",
    "key, black silhouette", "cactus, cross stitch", "moon, at night, dark blue light", "a cat riding a bicycle",
)
"""What previews and the model card's sheet show: concepts by style, and last one that no picture shows."""


@torch.inference_mode()
def sample(unet: UNet2DConditionModel, vae: AutoencoderTiny, text: TextEncoder, prompts: Sequence[str], seed: int, steps: int = STEPS, guidance: float = GUIDANCE) -> torch.Tensor:
    """Pictures [prompts, 3, S, S] in -1..1."""
    schedule = scheduler()
    schedule.set_timesteps(steps)
    states, _ = text.encode([*prompts, *[""] * len(prompts)])
    shape = (len(prompts), unet.config.in_channels, unet.config.sample_size, unet.config.sample_size)
    latents = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(unet.device)
    for timestep in schedule.timesteps:
        with_text, without = unet(latents.repeat(2, 1, 1, 1), timestep, states).sample.chunk(2)
        latents = schedule.step(without + guidance * (with_text - without), timestep, latents).prev_sample
    return vae.decode(latents / vae.config.scaling_factor).sample.clamp(-1, 1)


def save_samples(unet: UNet2DConditionModel, vae: AutoencoderTiny, text: TextEncoder, file: Path, seed: int = 0) -> None:
    """The sheet of `PROMPTS`, six in a row."""
    save_sheet(sample(unet, vae, text, PROMPTS, seed), file, columns=6)
