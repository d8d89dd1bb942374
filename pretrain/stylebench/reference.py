"""The reference trainer: the same adapter with diffusers and peft, the field's own tools."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from peft import LoraConfig, get_peft_model_state_dict, inject_adapter_in_model
from safetensors.torch import save_file

from .base import Base

TRANSFORMERS = ("to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out")
CONVOLUTIONS = ("conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv")


@dataclass(frozen=True)
class Settings:
    """As in `crates/protocol/src/settings.rs`. `min_snr_gamma` None weighs all timesteps alike (0 there)."""

    steps: int = 300
    rank: int = 16
    learning_rate: float = 1e-3
    batch_size: int = 4
    caption_dropout: float = 0.1
    min_snr_gamma: float | None = None
    convolutions: bool = True
    seed: int = 0


def train(base: Base, works: np.ndarray, captions: list[str], settings: Settings, watch: Callable[[int, UNet2DConditionModel], None] = lambda *_: None) -> UNet2DConditionModel:
    """The UNet with an adapter trained on `works` [works, S, S, 3] uint8; `watch(step, unet)` is called after each step."""
    torch.manual_seed(settings.seed)
    unet = base.unet()
    targets = [*TRANSFORMERS, *(CONVOLUTIONS if settings.convolutions else ())]
    inject_adapter_in_model(LoraConfig(r=settings.rank, lora_alpha=settings.rank, target_modules=targets), unet)
    parameters = [parameter for parameter in unet.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=settings.learning_rate, weight_decay=1e-2)
    latents = torch.stack([base.latents(works), base.latents(works[:, :, ::-1])]).clone()
    states = base.text.encode([*captions, ""])[0].clone()
    alpha_bar = base.schedule.alphas_cumprod
    weights = _weights(alpha_bar, settings.min_snr_gamma)
    generator = torch.Generator().manual_seed(settings.seed)
    for step in range(settings.steps):
        count = settings.batch_size
        chosen = torch.randint(len(works), (count,), generator=generator)
        mirrored = torch.randint(2, (count,), generator=generator)
        dropped = torch.rand(count, generator=generator) < settings.caption_dropout
        timesteps = torch.randint(len(alpha_bar), (count,), generator=generator)
        clean = latents[mirrored, chosen]
        noise = torch.randn(clean.shape, generator=generator)
        noisy, target = base.schedule.add_noise(clean, noise, timesteps), base.schedule.get_velocity(clean, noise, timesteps)
        text = states[torch.where(dropped, len(captions), chosen)]
        error = (unet(noisy, timesteps, text).sample - target).square().mean((1, 2, 3))
        (error * weights[timesteps]).mean().backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = _rate(settings.learning_rate, step, settings.steps)
        optimizer.step()
        optimizer.zero_grad()
        watch(step + 1, unet)
    return unet


def save(unet: UNet2DConditionModel, file: Path) -> None:
    """The adapter as diffusers writes it, for any tool that loads adapters; `alpha` is the rank."""
    state = get_peft_model_state_dict(unet)
    save_file({f"unet.{name}": tensor.contiguous() for name, tensor in state.items()}, file)


def _weights(alpha_bar: torch.Tensor, gamma: float | None) -> torch.Tensor:
    """Min-SNR weights of v (Hang et al. 2023), [timesteps]."""
    if gamma is None:
        return torch.ones_like(alpha_bar)
    snr = alpha_bar / (1 - alpha_bar)
    return snr.clamp(max=gamma) / (snr + 1)


def _rate(peak: float, step: int, steps: int) -> float:
    """Warm-up over a twentieth of the steps, at most 50, then a cosine down to a tenth, as `crates/training` has it."""
    warm_up = min(max(steps // 20, 1), 50)
    if step < warm_up:
        return peak * (step + 1) / warm_up
    return peak * (0.1 + 0.45 * (1 + math.cos(math.pi * (step - warm_up) / max(steps - warm_up, 1))))
