"""Step-by-step traces of diffusers' schedulers on fixed model outputs and noise, and the tables beneath them.

diffusers computes its schedules in f32, whose rounding reaches 1e-3 of a result where a schedule ends in zero SNR. So
every trace is made twice: by diffusers as it is, and by the same code with its float32 read as float64 (`wide`). The
second is what the golden file holds, the distance of the first from it is stored beside it as `f32_deviation`.
"""

import contextlib
import json

import numpy
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    DPMSolverSDEScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
    HeunDiscreteScheduler,
    LCMScheduler,
    UniPCMultistepScheduler,
)
from diffusers.schedulers import (
    scheduling_ddim,
    scheduling_ddpm,
    scheduling_dpmsolver_multistep,
    scheduling_dpmsolver_sde,
    scheduling_euler_ancestral_discrete,
    scheduling_euler_discrete,
    scheduling_heun_discrete,
    scheduling_lcm,
    scheduling_unipc_multistep,
)
from diffusers.training_utils import compute_snr

from .common import FOLDER, normal

MODULES = (
    scheduling_ddim,
    scheduling_ddpm,
    scheduling_dpmsolver_multistep,
    scheduling_dpmsolver_sde,
    scheduling_euler_ancestral_discrete,
    scheduling_euler_discrete,
    scheduling_heun_discrete,
    scheduling_lcm,
    scheduling_unipc_multistep,
)
WIDTH = 3  # numbers in a "picture"
MOST_STEPS = 20
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
COSINE = {"beta_schedule": "squaredcos_cap_v2"}
SPACINGS = {
    "leading": {"timestep_spacing": "leading", "steps_offset": 1},
    "trailing": {"timestep_spacing": "trailing"},
    "linspace": {"timestep_spacing": "linspace"},
}
# Our sampler's name -> diffusers' class, the settings it needs, and arguments of its step().
SAMPLERS = {
    "ddim": (DDIMScheduler, {"clip_sample": False, "set_alpha_to_one": False}, {}),
    "ddim_eta": (DDIMScheduler, {"clip_sample": False}, {"eta": 0.6}),
    "euler": (EulerDiscreteScheduler, {}, {}),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, {}, {}),
    "dpmpp_2m": (DPMSolverMultistepScheduler, {}, {}),
    "dpmpp_2m_karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}, {}),
    "heun": (HeunDiscreteScheduler, {}, {}),
    "heun_karras": (HeunDiscreteScheduler, {"use_karras_sigmas": True}, {}),
    "dpmpp_sde": (DPMSolverSDEScheduler, {}, {}),
    "dpmpp_sde_karras": (DPMSolverSDEScheduler, {"use_karras_sigmas": True}, {}),
    "uni_pc": (UniPCMultistepScheduler, {}, {}),
    "uni_pc_karras": (UniPCMultistepScheduler, {"use_karras_sigmas": True}, {}),
    "lcm": (LCMScheduler, {}, {}),
}
# Those that ask the network twice a step, and whose schedulers know no zero terminal SNR.
TWICE = ("heun", "heun_karras", "dpmpp_sde", "dpmpp_sde_karras")
# Those of which a few traces do.
NEWER = (*TWICE, "uni_pc", "uni_pc_karras", "lcm")


class Float32As64:
    """A module (torch, numpy) whose float32 is float64."""

    def __init__(self, module):
        self.module = module

    def __getattr__(self, name):
        return getattr(self.module, "float64" if name == "float32" else name)


@contextlib.contextmanager
def wide():
    """Inside, diffusers' schedulers compute in f64 throughout."""
    for module in MODULES:
        module.torch, module.np = Float32As64(torch), Float32As64(numpy)
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)
        for module in MODULES:
            module.torch, module.np = torch, numpy


class Increments:
    """In place of the Brownian tree: what it returns for noises that are given, one each call.

    Both noises of a DPM++ SDE step are increments of one Brownian motion from the same sigma, over their length's
    root; the second holds the first's share.
    """

    def __init__(self, noises):
        self.noises = noises
        self.at = 0
        self.first = None

    def __call__(self, sigma, sigma_next):
        noise = self.noises[self.at]
        self.at += 1
        if self.first is None or self.first[0] != sigma:
            self.first = (sigma, sigma - sigma_next, noise)
            return noise
        share = self.first[1] / (sigma - sigma_next)
        return share.sqrt() * self.first[2] + (1 - share).sqrt() * noise


def make():
    model_outputs = normal((MOST_STEPS, WIDTH), seed=71)
    noises = normal((MOST_STEPS, WIDTH), seed=72)
    start, image = normal((WIDTH,), seed=73), normal((WIDTH,), seed=74)
    configs = Configs()
    with wide():
        tables = [table(configs, config) for config in table_configs()]
    value = {
        "start": start.tolist(),
        "image": image.tolist(),
        "model_outputs": model_outputs.tolist(),
        "noises": noises.tolist(),
        "tables": tables,
        "timesteps": [
            timesteps(configs, name, spacing, steps)
            for name in SAMPLERS
            for spacing in SPACINGS
            for steps in (1, 3, 7, 30, 50)
            if name not in NEWER or steps in (1, 7)
        ],
        "traces": [trace(configs, *case, start, image, model_outputs, noises) for case in cases()],
    }
    write({"configs": configs.texts} | value)


class Configs:
    """The scheduler_config.json texts, each once. They stay texts: diffusers writes -Infinity into some."""

    def __init__(self):
        self.texts = []

    def index(self, made):
        text = json.dumps(json.loads(made.to_json_string()))
        if text not in self.texts:
            self.texts.append(text)
        return self.texts.index(text)


def cases():
    """(sampler, scheduler_config.json, steps, strength of image-to-image or None)"""
    for name in SAMPLERS:
        for spacing in SPACINGS:
            if name.startswith("ddim") and spacing == "linspace":
                continue  # diffusers' DDIM then steps to another timestep than it visits next
            for prediction in ("epsilon", "v_prediction"):
                for zero_snr in (False, True):
                    if name.startswith("ddim") and (spacing, prediction, zero_snr) == ("trailing", "epsilon", True):
                        continue  # divides by zero: noise says nothing of the picture at zero SNR
                    config = SD | SPACINGS[spacing]
                    config |= {"prediction_type": prediction, "rescale_betas_zero_snr": zero_snr}
                    if zero_snr and (name in TWICE or (name, prediction) == ("lcm", "epsilon")):
                        continue
                    if name == "lcm" and spacing != "leading":
                        continue  # it has timesteps of its own
                    if name in NEWER:
                        yield name, config, 4 if spacing == "trailing" else 9, None
                        continue
                    for steps in (4, 10, 20):
                        yield name, config, steps, None
        for prediction in ("epsilon", "v_prediction"):
            yield name, SD | SPACINGS["leading"] | {"prediction_type": prediction}, 10, 0.55
        # diffusers truncates these samplers' timesteps where it rounds every other schedule's
        if name not in ("dpmpp_2m_karras", "lcm"):
            yield name, COSINE | SPACINGS["trailing"] | {"prediction_type": "v_prediction"}, 10, None


def scheduler(name, config):
    kind, settings, step_arguments = SAMPLERS[name]
    return kind.from_config(config | settings), step_arguments


def trace(configs, name, config, steps, strength, *tensors):
    """`tensors`: start, image, model_outputs, noises."""
    plain = run(name, config, steps, strength, *tensors)
    with wide():
        exact = run(name, config, steps, strength, *(tensor.double() for tensor in tensors))
    deviations = [
        (a - b).abs().max() / b.abs().max()
        for key in ("model_inputs", "latents")
        for a, b in zip(plain[key], exact[key], strict=True)
    ]
    return {
        "sampler": name,
        "steps": steps,
        "strength": strength,
        "config": configs.index(exact["scheduler"]),
        "f32_deviation": float(f"{max(deviations):.2g}"),
        "timesteps": exact["timesteps"],
        "model_inputs": [state.tolist() for state in exact["model_inputs"]],
        "latents": [state.tolist() for state in exact["latents"]],
    }


def run(name, config, steps, strength, *tensors):
    # a batch of one: UniPC wants two dimensions at least
    start, image, model_outputs, noises = (tensor.unsqueeze(-2) for tensor in tensors)
    made, step_arguments = scheduler(name, config)
    made.set_timesteps(steps)
    visited = made.timesteps
    if strength is None:
        # Else diffusers would look the first timestep up, and miss it where rounding made two of it.
        if hasattr(made, "set_begin_index"):
            made.set_begin_index(0)
        latents = start * made.init_noise_sigma
    else:  # as diffusers' image-to-image pipelines
        first = max(steps - min(int(steps * strength), steps), 0)
        visited = visited[first * made.order :]
        if hasattr(made, "set_begin_index"):
            made.set_begin_index(first * made.order)
        latents = made.add_noise(image, start, visited[:1])

    # Neither has an argument for its noise.
    scheduling_dpmsolver_sde.BrownianTreeNoiseSampler = lambda *_: Increments(noises)
    inputs, states = [], [latents]
    for index, timestep in enumerate(visited):
        inputs.append(made.scale_model_input(latents, timestep))
        arguments = dict(step_arguments)
        if "eta" in arguments:
            arguments["variance_noise"] = noises[index]
        for module in (scheduling_euler_ancestral_discrete, scheduling_lcm):
            module.randn_tensor = lambda *_, noise=noises[index], **__: noise
        latents = made.step(model_outputs[index], timestep, latents, **arguments).prev_sample
        states.append(latents)
    assert all(torch.isfinite(state).all() and state.dtype == start.dtype for state in states), (name, config, steps)
    inputs, states = ([state.squeeze(0) for state in part] for part in (inputs, states))
    return {"scheduler": made, "timesteps": visited.tolist(), "model_inputs": inputs, "latents": states}


def timesteps(configs, name, spacing, steps):
    with wide():
        made, _ = scheduler(name, SD | SPACINGS[spacing])
        made.set_timesteps(steps)
    return {
        "sampler": name,
        "steps": steps,
        "config": configs.index(made),
        "timesteps": made.timesteps.tolist(),
    }


def table_configs():
    for prediction in ("epsilon", "v_prediction"):
        for betas in (SD, COSINE, {"beta_schedule": "linear"}):
            for zero_snr in (False, True):
                yield betas | {"prediction_type": prediction, "rescale_betas_zero_snr": zero_snr}


def table(configs, config):
    """alphas_cumprod, what noising multiplies by, the SNR, and the coefficients of the training target."""
    made = DDPMScheduler.from_config(config)
    at = torch.tensor([0, 1, 10, 100, 250, 500, 750, 900, 990, 998, 999])
    one, zero = torch.ones(len(at), 1).double(), torch.zeros(len(at), 1).double()
    velocity = [made.get_velocity(a, b, at).flatten().tolist() for a, b in ((one, zero), (zero, one))]
    return {
        "config": configs.index(made),
        "timesteps": at.tolist(),
        "alphas_cumprod": made.alphas_cumprod[at].tolist(),
        "noisy_from_latents": made.add_noise(one, zero, at).flatten().tolist(),
        "noisy_from_noise": made.add_noise(zero, one, at).flatten().tolist(),
        "velocity_from_latents": velocity[0],
        "velocity_from_noise": velocity[1],
        "snr": compute_snr(made, at).tolist(),
    }


def write(value):
    """A line a trace: large enough that indenting every number would triple it."""
    parts = []
    for key, part in value.items():
        nested = key in ("configs", "tables", "timesteps", "traces")
        body = "[\n" + ",\n".join(short(row) for row in part) + "\n]" if nested else short(part)
        parts.append(f"{json.dumps(key)}: {body}")
        print(f"  {key}: {len(part)}")
    for name in SAMPLERS:
        worst = max(trace["f32_deviation"] for trace in value["traces"] if trace["sampler"] == name)
        print(f"  {name}: f32 moves diffusers by at most {worst}")
    (FOLDER / "schedulers.json").write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def short(value):
    """Twelve digits of each number: a hundred times finer than any tolerance here."""
    rounded = json.loads(json.dumps(value), parse_float=lambda text: float(f"{float(text):.12g}"))
    return json.dumps(rounded, separators=(",", ":"))
