"""Small random Stable Diffusion pipelines of the published layouts, as diffusers saves them, and what diffusers makes
with them: embeddings, latents, pictures.
"""

import json
import logging
import shutil

import torch
from PIL import Image
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    EulerDiscreteScheduler,
    LCMScheduler,
    PNDMScheduler,
    StableDiffusionInpaintPipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from diffusers.schedulers import scheduling_dpmsolver_sde
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig
from peft.tuners.lora import LoraLayer
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel

from . import clip, ldm
from .common import FOLDER, normal, randomise, save_json, save_tensors
from .schedulers import SAMPLERS, Increments

PROMPT = "a watercolour painting of a red fox in the forest, soft light"
NEGATIVE = "lowres, bad anatomy"
# Ninety tokens and one that weighs more: two chunks.
LONG, LONG_WEIGHTED, WEIGHT = "fox " * 90, "cat", 1.3
SEED = 1234
STEPS = 6
GUIDANCE = 5.0
IMAGE_STRENGTH = 0.75
SD = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}
PUBLISHED = SD | {"steps_offset": 1, "set_alpha_to_one": False, "clip_sample": False}
# What is adapted where the text encoder is, too.
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
TEXT = ["q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2"]
DOWN, UP = "CrossAttnDownBlock2D", "CrossAttnUpBlock2D"
FOUR = {
    "down_block_types": (DOWN, DOWN, DOWN, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", UP, UP, UP),
    "block_out_channels": (8, 16, 16, 16),
}
# SD 2.x: linear projections, heads a level, attention scores in f32.
SECOND = FOUR | {"attention_head_dim": (1, 2, 2, 4), "use_linear_projection": True, "upcast_attention": True}
# Three levels and nothing at the bottom, as BK-SDM-Tiny and tiny-sd.
TINY = {
    "down_block_types": (DOWN, DOWN, DOWN),
    "up_block_types": (UP, UP, UP),
    "block_out_channels": (8, 16, 16),
    "layers_per_block": 1,
    "mid_block_type": None,
}
LCM = {
    "down_block_types": (DOWN, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", UP),
    "block_out_channels": (8, 16),
    "layers_per_block": 1,
    "time_cond_proj_dim": 12,
}
# What a single file's loader takes for granted: 32 groups, 8 heads in the UNet, heads of 64 in the text encoder.
SINGLE = {
    "down_block_types": (DOWN, "DownBlock2D"),
    "up_block_types": ("UpBlock2D", UP),
    "block_out_channels": (32, 32),
    "layers_per_block": 1,
    "norm_num_groups": 32,
    "cross_attention_dim": 64,
}


def text_encoder(vocabulary, seed, second=False, width=16, layers=3):
    config = CLIPTextConfig(
        vocab_size=len(vocabulary),
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 64 or 2,
        max_position_embeddings=77,
        hidden_act="gelu" if second else "quick_gelu",
        bos_token_id=vocabulary[clip.START],
        eos_token_id=vocabulary[clip.END],
        pad_token_id=0 if second else vocabulary[clip.END],
    )
    return randomise(CLIPTextModel(config), seed)


def autoencoder(seed, levels=4, groups=4, channels=(4, 8, 8, 8)):
    model = AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        layers_per_block=2 if groups == 4 else 1,
        latent_channels=4,
        norm_num_groups=groups,
        sample_size=64,
    )
    randomise(model, seed)
    # Pictures that are mostly within -1 and 1, where no clamp hides anything.
    model.decoder.conv_out.weight.data *= 0.35
    return model


def unet(seed, **options):
    defaults = {"sample_size": 8, "cross_attention_dim": 16, "norm_num_groups": 4, "attention_head_dim": 8}
    return randomise(UNet2DConditionModel(**(defaults | options)), seed)


def merges():
    """Those of `clip/`: learning them again may swap two that are equally frequent."""
    lines = (FOLDER / "clip/merges.txt").read_text(encoding="utf-8").splitlines()[1:]
    return [tuple(line.split(" ")) for line in lines]


def halved(*models):
    """The models with weights that f16 holds; they compute in f32."""
    for model in models:
        model.half().float().eval()
    return models


def made(kind):
    """A pipeline of one of the published layouts."""
    second = kind in ("sd21v", "turbo")
    tokenizer, vocabulary = clip.tokenizer(merges(), pad="!" if second else clip.END)
    seed = {"sd15": 81, "sd21v": 82, "turbo": 83, "bk_small": 84, "tiny_sd": 85, "lcm": 86, "single": 87}[kind]
    layout = {
        "sd15": FOUR,
        "sd21v": SECOND | {"layers_per_block": 1},
        "turbo": SECOND | {"layers_per_block": 1},
        "bk_small": FOUR | {"layers_per_block": 1, "mid_block_type": None},
        "tiny_sd": TINY,
        "lcm": LCM,
        "single": SINGLE,
    }[kind]
    scheduler = {
        "sd21v": DDIMScheduler(prediction_type="v_prediction", **PUBLISHED),
        "turbo": EulerDiscreteScheduler(timestep_spacing="trailing", **SD),
        "lcm": LCMScheduler(original_inference_steps=50, **PUBLISHED),
    }.get(kind, PNDMScheduler(skip_prk_steps=True, set_alpha_to_one=False, steps_offset=1, **SD))
    if kind == "single":
        encoder, vae = text_encoder(vocabulary, seed + 10, width=64, layers=1), autoencoder(seed + 20, 2, 32, (32, 32))
    else:
        encoder, vae = text_encoder(vocabulary, seed + 10, second), autoencoder(seed + 20)
    network, encoder, vae = halved(unet(seed, **layout), encoder, vae)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=network,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def save(kind, pipeline):
    """As published: what of a variant, shards, old names is met there is in one or another of the folders."""
    folder = FOLDER / "pipelines" / kind
    shutil.rmtree(folder, ignore_errors=True)
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.half()
    pipeline.save_pretrained(
        folder,
        variant="fp16" if kind in ("sd15", "turbo") else None,
        max_shard_size="150KB" if kind in ("sd21v", "turbo") else "10GB",
    )
    for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder):
        part.float()
    path = folder / "scheduler/scheduler_config.json"
    if kind == "bk_small":
        # What a file says counts, whatever scheduler it is read by; what was left to the class does not.
        pipeline.scheduler = type(pipeline.scheduler).from_pretrained(path.parent)
    elif kind != "turbo":
        # Older diffusers did not write this.
        config = json.loads(path.read_text())
        del config["timestep_spacing"]
        path.write_text(json.dumps(config, indent=2) + "\n")
    if kind != "turbo":
        # Published folders have the two older files; transformers writes one of its own.
        for name in ("tokenizer.json", "vocab.json", "merges.txt"):
            (folder / "tokenizer" / name).unlink(missing_ok=True)
        for name in ("vocab.json", "merges.txt"):
            shutil.copyfile(FOLDER / "clip" / name, folder / "tokenizer" / name)
        # Published text encoders have names that transformers no longer writes, and sometimes this besides.
        for path in (folder / "text_encoder").glob("*.safetensors"):
            tensors = {f"text_model.{name}": value for name, value in load_file(path).items()}
            if kind == "sd15":
                tensors["text_model.embeddings.position_ids"] = torch.arange(77)[None]
            save_file(tensors, path)
    if kind == "tiny_sd":
        old_names(folder / "vae/diffusion_pytorch_model.safetensors")
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)


def old_names(path):
    """The autoencoder's attention as diffusers called it before 0.18."""
    old = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}

    def rename(name):
        for new, before in old.items():
            name = name.replace(f"attentions.0.{new}.", f"attentions.0.{before}.")
        return name

    save_file({rename(name): value for name, value in load_file(path).items()}, path)


class Drawn:
    """A list whose every next item is drawn from the generator."""

    def __init__(self, shape, generator):
        self.shape, self.generator, self.items = shape, generator, []

    def __getitem__(self, index):
        while len(self.items) <= index:
            self.items.append(torch.randn(self.shape, generator=self.generator))
        return self.items[index]


def picture(pipeline, **options):
    """Eight-bit pixels [height, width, 3], and the latents before the autoencoder."""
    generator = torch.Generator().manual_seed(SEED)
    side = pipeline.unet.config.sample_size
    # Its noise does not come from the generator in diffusers; with us it does.
    scheduling_dpmsolver_sde.BrownianTreeNoiseSampler = lambda *_: Increments(Drawn((1, 4, side, side), generator))
    options = {"num_inference_steps": STEPS, "guidance_scale": GUIDANCE} | options
    if "prompt_embeds" not in options:
        options = {"prompt": PROMPT, "negative_prompt": NEGATIVE} | options
    latents = pipeline(generator=generator, output_type="latent", **options).images
    return decoded(pipeline, latents)


def decoded(pipeline, latents):
    with torch.no_grad():
        image = pipeline.vae.decode(latents / pipeline.vae.config.scaling_factor).sample[0]
    pixels = ((image / 2 + 0.5).clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0)
    share = ((pixels == 0) | (pixels == 255)).float().mean()
    spread = pixels.float().std()
    print(f"    deviations: latents {latents.std():.2f}, pixels {spread:.0f}; {share:.0%} black or white")
    return pixels, latents[0]


def pictures(kind, pipeline):
    """Sampler (with what is special about the picture) -> pixels and latents."""
    config = pipeline.scheduler.config
    if kind == "turbo":
        named = {f"euler.{steps}": {"num_inference_steps": steps, "guidance_scale": 0.0} for steps in (1, 2)}
        return {name: picture(pipeline, **options) for name, options in named.items()}
    if kind == "lcm":
        return {"lcm": picture(pipeline, num_inference_steps=4, guidance_scale=8.0)}
    names = [name for name in SAMPLERS if name != "ddim_eta"] if kind == "sd15" else ["ddim", "dpmpp_2m"]
    found = {}
    for name in names:
        scheduler, settings, _ = SAMPLERS[name]
        pipeline.scheduler = scheduler.from_config(config, **settings)
        found[name] = picture(pipeline)
    if kind == "sd15":
        pipeline.scheduler = DDIMScheduler.from_config(config, clip_sample=False)
        # diffusers' own clip_skip leaves the negative prompt as it is; A1111's does not.
        skipped = {name: skip_one(pipeline, text) for name, text in (("", PROMPT), ("negative_", NEGATIVE))}
        found["ddim.clip_skip_1"] = picture(pipeline, **{f"{name}prompt_embeds": x for name, x in skipped.items()})
        positive, negative = long_prompt(pipeline)
        found["ddim.long"] = picture(pipeline, prompt_embeds=positive, negative_prompt_embeds=negative)
        found["ddim.adapter"], found["ddim.adapter_from_base"] = adapted(pipeline)
        found["ddim.adapter_text"] = adapted_text(pipeline.scheduler)
        found["ddim.ours"] = with_ours(pipeline, "sd15")
        found["ddim.ours_text"] = with_ours(pipeline, "sd15_text")
        found["ddim.inpaint"] = inpainted(pipeline)
    pipeline.scheduler = type(pipeline.scheduler).from_config(config)
    return found


def adapted(pipeline):
    """A picture with an adapter, which is left in the folder as diffusers' trainers save theirs; and one where the negative
    prompt is asked without it.
    """
    network = pipeline.unet
    targets = ["to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1"]
    config = LoraConfig(r=2, lora_alpha=4, target_modules=targets, init_lora_weights=False)
    state = with_factors(network, config, seed=95_000)
    made = picture(pipeline), picture_from_base(pipeline)
    folder = FOLDER / "pipelines/sd15"
    StableDiffusionPipeline.save_lora_weights(
        folder,
        unet_lora_layers=state,
        unet_lora_adapter_metadata=config.to_dict(),
        weight_name="adapter.safetensors",
    )
    (folder / "adapter.safetensors").chmod(0o644)
    network.delete_adapters("default")
    return made


def picture_from_base(pipeline):
    """A picture whose unconditional predictions are those of the UNet without its adapter."""
    network = pipeline.unet
    whole = network.forward

    def apart(sample, timestep, encoder_hidden_states, **options):
        negative, prompt = ((sample[row : row + 1], timestep, encoder_hidden_states[row : row + 1]) for row in (0, 1))
        network.disable_adapters()
        unconditional = whole(*negative, **options)[0]
        network.enable_adapters()
        return (torch.cat([unconditional, whole(*prompt, **options)[0]]),)

    network.forward = apart
    made = picture(pipeline)
    del network.forward
    return made


def with_factors(model, config, seed):
    """Puts an adapter of random factors on `model`, and returns them as diffusers' trainers save them."""
    model.add_adapter(config)
    layers = [layer for _, layer in sorted(model.named_modules()) if isinstance(layer, LoraLayer)]
    for index, layer in enumerate(layers):
        down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
        down.data = normal(down.shape, seed + 2 * index, std=down[0].numel() ** -0.5)
        up.data = normal(up.shape, seed + 1 + 2 * index, std=0.2)
    return convert_state_dict_to_diffusers(get_peft_model_state_dict(model))


def adapted_text(scheduler):
    """A picture with an adapter on the text encoder too, left in the folder as diffusers' trainers save theirs, and
    the same when loaded from there.
    """
    folder, name = FOLDER / "pipelines/sd15", "adapter_text.safetensors"
    pipeline = made("sd15")
    pipeline.scheduler = scheduler
    # Each with its own rank and scale, lest one be taken for the other's.
    configs = {
        "unet": LoraConfig(r=2, lora_alpha=4, target_modules=ATTENTION, init_lora_weights=False),
        "text_encoder": LoraConfig(r=4, lora_alpha=6, target_modules=TEXT, init_lora_weights=False),
    }
    saved = {}
    for index, (part, config) in enumerate(configs.items()):
        saved[f"{part}_lora_layers"] = with_factors(getattr(pipeline, part), config, seed=96_000 + 1000 * index)
        saved[f"{part}_lora_adapter_metadata"] = config.to_dict()
    pixels, latents = picture(pipeline)
    StableDiffusionPipeline.save_lora_weights(folder, weight_name=name, **saved)
    pipeline = StableDiffusionPipeline.from_pretrained(folder, variant="fp16", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = scheduler
    said = load_adapter(pipeline, folder, name)
    assert not said, said
    assert all(torch.equal(one, other) for one, other in zip(picture(pipeline), (pixels, latents)))
    return pixels, latents


def load_adapter(pipeline, folder, name):
    """Loads an adapter, and returns what was said of it: nothing where nothing was left over."""
    said = []
    listener = logging.Handler()
    listener.emit = lambda record: said.append(record.getMessage())
    loggers = [logging.getLogger(library) for library in ("diffusers", "peft", "transformers")]
    for logger in loggers:
        logger.addHandler(listener)
    pipeline.load_lora_weights(folder, weight_name=name)
    for logger in loggers:
        logger.removeHandler(listener)
    return said


def with_ours(pipeline, name):
    """A picture with an adapter that Atelier trained and wrote; it is loaded with nothing left over."""
    said = load_adapter(pipeline, FOLDER / "ours", f"{name}.safetensors")
    # What every adapter of the UNet alone is told.
    said = [line for line in said if not line.startswith("No LoRA keys associated to CLIPTextModel")]
    assert not said, said
    made = picture(pipeline)
    pipeline.unload_lora_weights()
    return made


def to_inpaint():
    """A picture [64, 64, 3] of three waves, and which part of it is made anew [64, 64], of 8 by 8 pixels a latent."""
    at = torch.linspace(0, 1, 64)
    x, y = torch.meshgrid(at, at, indexing="xy")
    waves = torch.stack([torch.sin(9 * x + 4 * y), torch.sin(7 * y - 3 * x), torch.cos(11 * x * y)], -1)
    mask = torch.zeros(64, 64, dtype=torch.uint8)
    mask[16:48, 24:64] = 255
    return (127 + 110 * waves).round().to(torch.uint8), mask


def inpainted(pipeline):
    """Part of a picture made anew by a model that was not made for it; the rest is the picture's own pixels."""
    image, mask = to_inpaint()
    # It would draw from the posterior, which of a random autoencoder is wide. What it draws is drawn.
    sample = DiagonalGaussianDistribution.sample
    mean = lambda self, generator=None: self.mean + 0 * torch.randn(self.mean.shape, generator=generator)
    DiagonalGaussianDistribution.sample = mean
    latents = StableDiffusionInpaintPipeline(**pipeline.components, requires_safety_checker=False)(
        PROMPT,
        negative_prompt=NEGATIVE,
        image=Image.fromarray(image.numpy()),
        mask_image=Image.fromarray(mask.numpy()),
        height=64,
        width=64,
        strength=IMAGE_STRENGTH,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        generator=torch.Generator().manual_seed(SEED),
        output_type="latent",
    ).images
    DiagonalGaussianDistribution.sample = sample
    pixels, latents = decoded(pipeline, latents)
    return torch.where(mask[:, :, None] > 0, pixels, image), latents


def skip_one(pipeline, text):
    """The embedding of `text` by all layers but the last, normalised as the last one's output would be."""
    ids = pipeline.tokenizer(text, padding="max_length", max_length=77, return_tensors="pt").input_ids
    with torch.no_grad():
        return hidden_states(pipeline.text_encoder, ids, 1)


def hidden_states(encoder, ids, skip):
    final = getattr(encoder, "text_model", encoder).final_layer_norm
    return final(encoder(ids, output_hidden_states=True).hidden_states[-1 - skip])


def long_prompt(pipeline):
    """What A1111 makes of a prompt of two chunks in which one word weighs more, and of an empty negative one."""
    tokenizer, encoder = pipeline.tokenizer, pipeline.text_encoder
    own = tokenizer(LONG)["input_ids"][1:-1]
    weighted = tokenizer(LONG_WEIGHTED)["input_ids"][1:-1]
    tokens, weights = own + weighted, [1.0] * len(own) + [WEIGHT] * len(weighted)
    start, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    chunks = []
    for at in range(0, len(tokens), 75):
        ids, scale = tokens[at : at + 75], weights[at : at + 75]
        ids = [start, *ids, end] + [tokenizer.pad_token_id] * (75 - len(ids))
        scale = torch.tensor([1.0, *scale] + [1.0] * (76 - len(scale)))
        with torch.no_grad():
            plain = encoder(torch.tensor([ids]))[0]
        scaled = plain * scale[None, :, None]
        chunks.append(scaled * (plain.mean() / scaled.mean()))
    assert len(chunks) == 2
    empty = torch.tensor([[start] + [end] + [tokenizer.pad_token_id] * 75])
    with torch.no_grad():
        nothing = encoder(empty)[0]
    return torch.cat(chunks, 1), torch.cat([nothing] * len(chunks), 1)


def parts(kind, pipeline):
    """Inputs and outputs of each network by itself."""
    tokenizer, encoder, vae, network = pipeline.tokenizer, pipeline.text_encoder, pipeline.vae, pipeline.unet
    ids = tokenizer([PROMPT, ""], padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    x = (normal((2, 3, 6 * factor, 5 * factor), seed=91, std=0.4) + 0.1).clamp(-1, 1)
    latents = normal((1, 4, 11, 7), seed=92)
    sample, timestep = normal((2, 4, 8, 6), seed=93), torch.tensor([17.0, 801.0])
    with torch.no_grad():
        hidden = {f"hidden_{skip}": hidden_states(encoder, ids, skip) for skip in (0, 1)}
        assert torch.equal(hidden["hidden_0"], encoder(ids).last_hidden_state)
        inputs, found = {"input_ids": ids, "sample": sample, "timestep": timestep}, {}
        if kind in ("sd15", "tiny_sd"):
            inputs |= {"x": x, "latents": latents}
            found = {"mean": vae.encode(x).latent_dist.mean, "decoded": vae.decode(latents).sample}
            # Tiles of four latents that share one.
            vae.enable_tiling()
            vae.tile_latent_min_size, vae.tile_sample_min_size = 4, 4 * factor
            found |= {"tiled_mean": vae.encode(x).latent_dist.mean, "tiled_decoded": vae.decode(latents).sample}
            vae.disable_tiling()
        condition = None
        if network.config.time_cond_proj_dim:
            scale = torch.tensor([7.0, 2.5])
            condition = pipeline.get_guidance_scale_embedding(scale - 1, network.config.time_cond_proj_dim)
            found |= {"guidance_scale": scale, "timestep_cond": condition}
        text = hidden["hidden_0"]
        found["output"] = network(sample, timestep, encoder_hidden_states=text, timestep_cond=condition).sample
    return inputs | hidden | found


def make():
    for kind in ("sd15", "sd21v", "turbo", "bk_small", "tiny_sd", "lcm"):
        print(f"  {kind}")
        pipeline = made(kind)
        save(kind, pipeline)
        write(kind, pipeline)
    print("  single")
    pipeline = made("single")
    vae, network, encoder = pipeline.vae, pipeline.unet, pipeline.text_encoder
    file = ldm.single_file("sd1", network, vae, encoder)
    ldm.check(file, network, vae, encoder, second=False)
    folder = FOLDER / "pipelines/single"
    shutil.rmtree(folder, ignore_errors=True)
    tensors = {name: value.half() if value.is_floating_point() else value for name, value in file.items()}
    save_tensors("pipelines/single/model.safetensors", tensors)
    write("single", pipeline)
    save_json(
        "pipelines/settings.json",
        {
            "prompt": PROMPT,
            "negative_prompt": NEGATIVE,
            "long": f"{LONG}({LONG_WEIGHTED}:{WEIGHT})",
            "seed": SEED,
            "steps": STEPS,
            "guidance_scale": GUIDANCE,
            "image_strength": IMAGE_STRENGTH,
        },
    )


def write(kind, pipeline):
    tensors = parts(kind, pipeline)
    if kind == "sd15":
        tensors["image"], tensors["mask"] = to_inpaint()
    for name, (pixels, latents) in pictures(kind, pipeline).items():
        tensors |= {f"pixels.{name}": pixels, f"latents.{name}": latents}
    save_tensors(f"pipelines/{kind}/expected.safetensors", tensors)
    count = sum(p.numel() for part in (pipeline.unet, pipeline.vae, pipeline.text_encoder) for p in part.parameters())
    print(f"    {count} parameters")

