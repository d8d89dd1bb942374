"""Step 5: train the autoencoder that turns pictures into latents an eighth as wide.

Loss: squared and a little absolute error of pixels, and squared error of their differences to the right and
below, so that thin outlines stay sharp. (Absolute error alone stays for long at plain white, the median pixel.) Latents are pulled towards zero mean and unit variance and get a little noise, so that small errors of
the UNet stay small errors of the picture.
"""

import time
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from diffusers import AutoencoderTiny
from torch import nn
from torch.nn import functional as F

from . import training
from .errors import RecipeError
from .networks import autoencoder
from .plots import save_plot
from .presets import LATENT_FACTOR, Preset
from .sheets import save_sheet

ABSOLUTE_WEIGHT = 0.1
EDGE_WEIGHT = 0.5
PRIOR_WEIGHT = 0.01
LATENT_NOISE = 0.05
REPORT_EVERY = 200


def train(folder: Path, preset: Preset, pixels: np.ndarray, weights: torch.Tensor, until: float) -> AutoencoderTiny:
    """The trained autoencoder with its `scaling_factor` measured; goes on from `folder/autoencoder.pt`.

    `until` is the time (seconds since the epoch) at which to stop; the next call goes on from there.
    """
    sizes, checkpoint = preset.autoencoder, folder / "autoencoder.pt"
    accelerator = Accelerator(mixed_precision="bf16")
    torch.manual_seed(preset.seed)
    model = autoencoder(preset).to(memory_format=torch.channels_last)
    state = training.load_checkpoint(checkpoint)
    step = state["step"] if state else 0
    if state:
        model.load_state_dict(state["model"])
    if step < sizes.steps:
        optimizer = torch.optim.AdamW(model.parameters(), lr=sizes.learning_rate, weight_decay=0.0)
        if state and "optimizer" in state:
            optimizer.load_state_dict(state["optimizer"])
        if accelerator.device.type == "cuda":
            # All pictures of the largest preset are 3 GB; drawn one by one on the host they would be the slowest part.
            pixels = torch.from_numpy(np.ascontiguousarray(pixels)).to(accelerator.device)
        trained, optimizer = accelerator.prepare(_RoundTrip(model), optimizer)
        latent_shape = (sizes.batch, sizes.latent_channels) + (preset.picture_size // LATENT_FACTOR,) * 2
        started, first = time.time(), step
        while step < sizes.steps and not training.time_is_up(accelerator, step, until):
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate(step, sizes.steps, sizes.learning_rate, 100)
            index, generator = training.draws(weights, sizes.batch, preset.seed, step)
            noise = torch.randn(latent_shape, generator=generator)
            mine = slice(accelerator.process_index, None, accelerator.num_processes)
            pictures, noise = load_pictures(pixels, index[mine], accelerator.device), noise[mine].to(accelerator.device)
            latents, back = trained(pictures, noise)
            loss = _loss(latents, back, pictures)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(trained.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            if step % REPORT_EVERY == 0 and accelerator.is_main_process:
                psnr = -10 * torch.log10(F.mse_loss(back.detach(), pictures) / 4).item()
                training.log(folder / "autoencoder.log", step=step, loss=loss.item(), psnr=psnr, pictures_per_second=(step - first) * sizes.batch / (time.time() - started))
            if step % 500 == 0 and accelerator.is_main_process:
                _save(checkpoint, model, optimizer, step)
        if accelerator.is_main_process:
            _save(checkpoint, model, optimizer, step)
            save_plot(folder / "autoencoder.log", "psnr", folder / "autoencoder.png")
    if step < sizes.steps:
        raise RecipeError(f"The autoencoder has had {step} of {sizes.steps} steps in the time given. Run the same command again to go on.")
    if accelerator.is_main_process and not (state and "scaling_factor" in state):
        model = model.to("cpu").eval().requires_grad_(False)
        factor = _scaling_factor(model, pixels, weights, preset)
        training.save_checkpoint(checkpoint, {"model": model.state_dict(), "step": step, "scaling_factor": factor})
        _reconstructions(folder, preset, model, pixels, weights)
    accelerator.wait_for_everyone()
    return finished(folder, preset)


def finished(folder: Path, preset: Preset) -> AutoencoderTiny:
    """The trained autoencoder of `folder/autoencoder.pt`, frozen, with its `scaling_factor`."""
    state = training.load_checkpoint(folder / "autoencoder.pt")
    if not state or "scaling_factor" not in state:
        raise RecipeError(f"There is no finished autoencoder in {folder}. Train it with --only autoencoder.")
    model = autoencoder(preset, state["scaling_factor"])
    model.load_state_dict(state["model"])
    return model.eval().requires_grad_(False)


def load_pictures(pixels: np.ndarray | torch.Tensor, index: torch.Tensor, device: torch.device | str = "cpu") -> torch.Tensor:
    """Pictures of the pack as [batch, 3, S, S] in -1..1, on `device`."""
    if isinstance(pixels, torch.Tensor):
        batch = pixels[index.to(pixels.device)].to(device)
    else:
        batch = torch.from_numpy(np.stack([pixels[i] for i in index.tolist()])).to(device)
    return (batch.permute(0, 3, 1, 2).float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


class _RoundTrip(nn.Module):
    """Pictures to latents and, with noise on them, back; one forward call, as data parallelism wants it."""

    def __init__(self, model: AutoencoderTiny):
        super().__init__()
        self.model = model

    def forward(self, pictures: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        latents = self.model.encode(pictures).latents
        return latents.float(), self.model.decode(latents + LATENT_NOISE * noise).sample.float()


def _loss(latents: torch.Tensor, back: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
    error = back - pictures
    pixels = error.square().mean() + ABSOLUTE_WEIGHT * error.abs().mean()
    edges = sum(error.diff(dim=axis).square().mean() for axis in (2, 3))
    mean, variance = latents.mean((0, 2, 3)), latents.var((0, 2, 3))
    prior = (mean**2 + (variance - 1) ** 2).mean()
    return pixels + EDGE_WEIGHT * edges + PRIOR_WEIGHT * prior


def _save(checkpoint: Path, model: torch.nn.Module, optimizer, step: int) -> None:
    training.save_checkpoint(checkpoint, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step})


@torch.inference_mode()
def _scaling_factor(model: AutoencoderTiny, pixels: np.ndarray | torch.Tensor, weights: torch.Tensor, preset: Preset) -> float:
    """One over the latents' standard deviation about zero, from 512 pictures."""
    index, _ = training.draws(weights, 512, preset.seed, 2**30)
    latents = torch.cat([model.encode(load_pictures(pixels, part)).latents for part in index.split(64)])
    return round(1 / latents.square().mean().sqrt().item(), 5)


@torch.inference_mode()
def _reconstructions(folder: Path, preset: Preset, model: AutoencoderTiny, pixels: np.ndarray | torch.Tensor, weights: torch.Tensor) -> None:
    """A sheet of 32 pictures, each above its reconstruction."""
    index, _ = training.draws(weights, 32, preset.seed, 2**31)
    pictures = load_pictures(pixels, index)
    back = model.decode(model.encode(pictures).latents).sample
    error = F.mse_loss(back.clamp(-1, 1), pictures)
    training.log(folder / "autoencoder.log", reconstruction_psnr=-10 * torch.log10(error / 4).item())
    rows = [part for pair in zip(pictures.split(8), back.split(8)) for part in pair]
    save_sheet(torch.cat(rows), folder / "reconstructions.png", columns=8)
