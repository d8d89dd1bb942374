"""LoRA (rank 4, alpha 8) by peft on the small UNet: outputs, one training step, and AdamW from there."""

import torch
from diffusers import DDPMScheduler
from peft import LoraConfig
from peft.tuners.lora import LoraLayer

from . import unet
from .common import normal, save_tensors

RANK, ALPHA = 4, 8
TARGETS = ["to_q", "to_k", "to_v", "to_out.0", "ff.net.0.proj", "ff.net.2", "proj_in", "proj_out"]
ADAMW = {"lr": 1e-3, "betas": (0.9, 0.999), "eps": 1e-8, "weight_decay": 1e-2}
# AdamW hardly sees a common factor of the gradients: only clipping that brings them near its eps shows at once.
CLIPPINGS = {"adamw": None, "adamw_clipped": 1e-2, "adamw_clipped_hard": 1e-5}
# Those of SD, rescaled to zero terminal SNR: what Sketch trains with.
SCHEDULE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "rescale_betas_zero_snr": True}


def adapted(model, seed, prefix="lora_unet_", targets=TARGETS, rank=RANK, alpha=ALPHA):
    """Puts random non-zero factors on `model` and returns them under kohya's names."""
    model.add_adapter(LoraConfig(r=rank, lora_alpha=alpha, target_modules=targets, init_lora_weights=False))
    factors = {}
    for index, (path, layer) in enumerate(model.named_modules()):
        if isinstance(layer, LoraLayer):
            down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
            down.data = normal(down.shape, seed * 100_003 + 2 * index, std=down[0].numel() ** -0.5)
            up.data = normal(up.shape, seed * 100_003 + 2 * index + 1, std=0.3 * rank**-0.5)
            name = prefix + path.replace(".", "_")
            factors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
    return factors


def kohya_file(path, factors, alpha=ALPHA):
    downs = [name for name in factors if name.endswith(".lora_down.weight")]
    alphas = {name.replace("lora_down.weight", "alpha"): torch.tensor(float(alpha)) for name in downs}
    save_tensors(path, dict(sorted((factors | alphas).items())))


def make():
    model = unet.sd()
    factors = outputs("lora_sd", model, (2, 4, 16, 8), (2, 9, 20), seed=60)
    batch = sd_batch((2, 4, 16, 8), seed=65) | {"encoder_hidden_states": normal((2, 9, 20), seed=67)}
    save_tensors("lora_sd/train.safetensors", batch)
    groups = [(factors, ADAMW["lr"])]
    save_tensors("lora_sd/adamw.safetensors", adamw(lambda: loss_of(model, batch)[0], groups, None, kept=(1, 10)))

    model = unet.small()
    factors = outputs("lora", model, (2, 4, 8, 12), (2, 7, 24), seed=50)
    batch = training_batch(seed=55)
    save_tensors("lora/train.safetensors", one_step(model, factors, batch))
    start = {name: factor.detach().clone() for name, factor in factors.items()}
    groups = [(factors, ADAMW["lr"])]
    for title, max_grad_norm in CLIPPINGS.items():
        for name, factor in factors.items():
            factor.data.copy_(start[name])
        save_tensors(f"lora/{title}.safetensors", adamw(lambda: loss_of(model, batch)[0], groups, max_grad_norm))


def outputs(folder, model, sample_shape, text_shape, seed):
    sample, text, timestep = normal(sample_shape, seed), normal(text_shape, seed + 1), torch.tensor([321.0, 7.0])
    with torch.no_grad():
        base = model(sample, timestep, encoder_hidden_states=text).sample
        factors = adapted(model, seed + 2)
        full = model(sample, timestep, encoder_hidden_states=text).sample
        model.set_adapters("default", weights=0.5)
        half = model(sample, timestep, encoder_hidden_states=text).sample
        model.set_adapters("default", weights=1.0)
    kohya_file(f"{folder}/adapter.safetensors", factors)
    save_tensors(
        f"{folder}/io.safetensors",
        {
            "sample": sample,
            "timestep": timestep,
            "encoder_hidden_states": text,
            "output_base": base,
            "output_strength_1": full,
            "output_strength_0_5": half,
        },
    )
    return factors


def training_batch(seed):
    """Two pictures at v-prediction, one of them at the last timestep, where the SNR is zero."""
    schedule = DDPMScheduler(prediction_type="v_prediction", **SCHEDULE)
    latents, noise = normal((2, 4, 8, 12), seed), normal((2, 4, 8, 12), seed + 1)
    timesteps = torch.tensor([999, 250])
    return {
        "latents": latents,
        "noise": noise,
        "timesteps": timesteps.float(),
        "encoder_hidden_states": normal((2, 7, 24), seed + 2),
        "noisy_latents": schedule.add_noise(latents, noise, timesteps),
        "target": schedule.get_velocity(latents, noise, timesteps),
    }


def sd_batch(shape, seed):
    """As Stable Diffusion 1.x is trained: noise is predicted, and there is some picture at every timestep."""
    schedule = DDPMScheduler(**(SCHEDULE | {"rescale_betas_zero_snr": False}))
    latents, noise = normal(shape, seed), normal(shape, seed + 1)
    timesteps = torch.tensor([999, 250])
    return {
        "latents": latents,
        "noise": noise,
        "timesteps": timesteps.float(),
        "noisy_latents": schedule.add_noise(latents, noise, timesteps),
        "target": noise,
    }


def loss_of(model, batch):
    prediction = model(
        batch["noisy_latents"], batch["timesteps"], encoder_hidden_states=batch["encoder_hidden_states"]
    ).sample
    return torch.nn.functional.mse_loss(prediction, batch["target"]), prediction


def one_step(model, factors, batch):
    model.zero_grad()
    loss, prediction = loss_of(model, batch)
    loss.backward()
    gradients = {f"grad.{name}": factor.grad for name, factor in factors.items()}
    print(f"  loss {loss.item():.7f}")
    return batch | {"prediction": prediction, "loss": loss} | gradients


def adamw(loss_now, groups, max_grad_norm, kept=(1, 3)):
    """Steps on the same batch, each group (factors, learning rate) at its own rate and clipped as one; the factors
    after those of `kept`, of which the last one ends it.
    """
    optimizer = torch.optim.AdamW([{"params": factors.values(), "lr": rate} for factors, rate in groups], **ADAMW)
    factors = {name: factor for group, _ in groups for name, factor in group.items()}
    losses, norms, found = [], [], {}
    for step in range(1, kept[-1] + 1):
        optimizer.zero_grad()
        loss = loss_now()
        loss.backward()
        limit = float("inf") if max_grad_norm is None else max_grad_norm
        norms.append(torch.nn.utils.clip_grad_norm_(factors.values(), limit))
        optimizer.step()
        losses.append(loss.detach())
        if step in kept:
            found |= {f"step{step}.{name}": factor.detach().clone() for name, factor in factors.items()}
    losses.append(loss_now().detach())
    print(f"  losses {[f'{loss:.6f}' for loss in losses]}, norms before clipping {[f'{norm:.5f}' for norm in norms]}")
    return {"losses": torch.stack(losses), "grad_norms": torch.stack(norms)} | found
