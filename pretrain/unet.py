"""Step 7: train the UNet on the latents, conditioned on the text states.

v-prediction on a schedule with zero terminal SNR; the loss is the plain squared error of v, which weighs
the noisiest steps as much as the others (min-SNR would give the last one nothing to learn). The rate is
constant between its warm-up and the cool-down at the end; until that begins the moving average takes its place, so that
a run may be stopped and exported anywhere. It depends on the step alone: a run that goes on sees exactly what an
uninterrupted one would have seen.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from accelerate import Accelerator
from diffusers import UNet2DConditionModel
from torch.nn import functional as F

from . import training
from .encode import Latents, TextStates
from .errors import RecipeError
from .networks import scheduler, unet
from .pictures import Picture
from .presets import Preset

CAPTION_DROPOUT = 0.1
REPORT_EVERY = 20


def train(folder: Path, preset: Preset, pictures: list[Picture], until: float, preview: Callable[[UNet2DConditionModel, int], None]) -> UNet2DConditionModel:
    """The UNet with its averaged weights, after `steps` or at the time `until`; goes on from `folder/unet.pt`.

    `preview(unet, step)` is called with the averaged weights every `sample_every` steps and at the end.
    """
    sizes, checkpoint = preset.unet, folder / "unet.pt"
    accelerator = Accelerator(mixed_precision="bf16")
    torch.manual_seed(preset.seed)
    model = unet(preset)
    state = training.load_checkpoint(checkpoint)
    step = state["step"] if state else 0
    if state:
        model.load_state_dict(state.get("model", state["average"]))
    model.to(accelerator.device)
    average = training.MovingAverage(model, sizes.ema_decay)
    if state:
        average.weights = {name: weight.to(accelerator.device, torch.float32) for name, weight in state["average"].items()}
    optimizer = torch.optim.AdamW(model.parameters(), lr=sizes.learning_rate, betas=(0.9, 0.99), weight_decay=0.01, fused=True)
    if state and "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    trained, optimizer = accelerator.prepare(model, optimizer)
    batches = Batches(folder, preset, pictures, accelerator.process_index, accelerator.num_processes)

    def save() -> None:
        training.save_checkpoint(
            checkpoint,
            {"model": model.state_dict(), "average": average.weights, "optimizer": optimizer.state_dict(), "step": step},
        )

    started, first, losses = time.time(), step, []
    with ThreadPoolExecutor(1) as loader:
        waiting = loader.submit(batches.at, step)
        while step < sizes.steps and not training.time_is_up(accelerator, step, until):
            batch = waiting.result()
            waiting = loader.submit(batches.at, step + 1)
            for group in optimizer.param_groups:
                group["lr"] = sizes.learning_rate * min(1.0, (step + 1) / sizes.warmup_steps, (sizes.steps - step) / sizes.cooldown_steps)
            noisy, timesteps, text, target = (tensor.to(accelerator.device) for tensor in batch)
            loss = F.mse_loss(trained(noisy, timesteps, text).sample.float(), target)
            accelerator.backward(loss)
            accelerator.clip_grad_norm_(trained.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            step += 1
            average.update(model, step)
            losses.append(loss.detach())
            if not accelerator.is_main_process:
                continue
            if step % REPORT_EVERY == 0:
                speed = (step - first) * sizes.batch / (time.time() - started)
                training.log(folder / "unet.log", step=step, pictures=step * sizes.batch, loss=torch.stack(losses).mean().item(), pictures_per_second=speed)
                losses.clear()
            if step % sizes.checkpoint_every == 0:
                save()
            if step % sizes.sample_every == 0:
                preview(_averaged(preset, average, accelerator.device), step)
    result = _averaged(preset, average, accelerator.device)
    if accelerator.is_main_process and step > first:
        save()
        preview(result, step)
    return result


class Batches:
    """Training batches by step: (noisy latents, timesteps, text states, v)."""

    def __init__(self, folder: Path, preset: Preset, pictures: list[Picture], rank: int, ranks: int):
        self.latents, self.text = Latents(folder), TextStates(folder)
        self.weights = torch.tensor([picture.weight for picture in pictures])
        self.may_mirror = torch.tensor([picture.mirrored for picture in pictures])
        self.schedule = scheduler()
        self.batch, self.seed, self.rank, self.ranks = preset.unet.batch, preset.seed, rank, ranks

    def at(self, step: int) -> tuple[torch.Tensor, ...]:
        """This process's part of the batch of that step; the chances of all parts are drawn alike everywhere."""
        index, generator = training.draws(self.weights, self.batch, self.seed, step)

        def chance() -> torch.Tensor:
            return torch.rand(self.batch, generator=generator)

        mirrored = (chance() < 0.5) & self.may_mirror[index]
        which, dropped = chance(), chance() < CAPTION_DROPOUT
        # One timestep from each of `batch` equal strata: less noise in the loss than independent draws.
        steps = len(self.schedule.alphas_cumprod)
        # A chance just below 1 is rounded up to the next stratum, of which the last has none.
        timesteps = ((torch.arange(self.batch) + chance()) / self.batch * steps).long().clamp(max=steps - 1)
        noise = torch.randn((self.batch, *self.latents.values.shape[2:]), generator=generator)

        mine = slice(self.rank, None, self.ranks)
        captions = [self._caption(*choice) for choice in zip(index[mine].tolist(), which[mine].tolist(), dropped[mine].tolist())]
        latents, noise, timesteps = self.latents.batch(index[mine], mirrored[mine]), noise[mine], timesteps[mine]
        noisy = self.schedule.add_noise(latents, noise, timesteps)
        return noisy, timesteps, self.text.batch(captions), self.schedule.get_velocity(latents, noise, timesteps)

    def _caption(self, picture: int, which: float, dropped: bool) -> int:
        captions = self.text.of_picture[picture]
        return self.text.empty if dropped else captions[int(which * len(captions))]


def finished(folder: Path, preset: Preset) -> UNet2DConditionModel:
    """The averaged weights of `folder/unet.pt`, however long they were trained."""
    state = training.load_checkpoint(folder / "unet.pt")
    if not state:
        raise RecipeError(f"There is no UNet in {folder}. Train it with --only unet.")
    model = unet(preset)
    model.load_state_dict(state["average"])
    return model.eval().requires_grad_(False)


def _averaged(preset: Preset, average: training.MovingAverage, device: torch.device) -> UNet2DConditionModel:
    model = unet(preset)
    model.load_state_dict(average.weights)
    return model.to(device).eval().requires_grad_(False)
