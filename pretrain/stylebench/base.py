"""The base under measurement, a diffusers folder, in PyTorch: what the reference trainer and the instrument need of it."""

from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from safetensors.torch import load_file

from ..presets import LATENT_FACTOR
from ..quantise import dequantised
from ..text import TextEncoder

GUIDANCE = 4.0
STEPS = 20


class Base:
    """Models of `folder`, frozen, in full precision."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.vae = AutoencoderTiny.from_pretrained(folder / "vae", torch_dtype=torch.float32).eval().requires_grad_(False)
        self.text = TextEncoder(folder / "text_encoder", folder / "tokenizer")
        self.schedule = DDIMScheduler.from_pretrained(folder / "scheduler")
        self.size = self.unet().config.sample_size * LATENT_FACTOR

    def unet(self) -> UNet2DConditionModel:
        """A fresh copy, since adapters are hung into it."""
        folder = self.folder / "unet"
        unet = UNet2DConditionModel.from_config(UNet2DConditionModel.load_config(folder)).eval().requires_grad_(False)
        unet.load_state_dict(dequantised(load_file(folder / "diffusion_pytorch_model.safetensors")))
        return unet

    @torch.inference_mode()
    def latents(self, pictures: np.ndarray) -> torch.Tensor:
        """[count, C, S/8, S/8] of pictures [count, S, S, 3] uint8, scaled as the UNet takes them."""
        values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 127.5 - 1
        return self.vae.encode(values).latents * self.vae.config.scaling_factor

    @torch.inference_mode()
    def decode(self, latents: torch.Tensor) -> np.ndarray:
        """The way back."""
        values = self.vae.decode(latents / self.vae.config.scaling_factor).sample.clamp(-1, 1)
        return ((values + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()

    def as_shown(self, pictures: np.ndarray) -> np.ndarray:
        """Pictures as the autoencoder can draw them, the best that any adapter can reach."""
        return np.concatenate([self.decode(self.latents(part)) for part in np.array_split(pictures, -(-len(pictures) // 64))])

    @torch.inference_mode()
    def sample(self, unet: UNet2DConditionModel, prompts: list[str], seed: int, steps: int = STEPS) -> np.ndarray:
        """Pictures [prompts, S, S, 3] uint8: DDIM with guidance; a prompt's noise depends on the seed and its place alone."""
        self.schedule.set_timesteps(steps)
        states, _ = self.text.encode([*prompts, *[""] * len(prompts)])
        side = unet.config.sample_size
        latents = torch.randn((len(prompts), unet.config.in_channels, side, side), generator=torch.Generator().manual_seed(seed))
        for timestep in self.schedule.timesteps:
            with_text, without = unet(latents.repeat(2, 1, 1, 1), timestep, states).sample.chunk(2)
            latents = self.schedule.step(without + GUIDANCE * (with_text - without), timestep, latents).prev_sample
        return self.decode(latents)
