"""Single-file checkpoints in the layout of LDM (A1111, ComfyUI), made of small random diffusers models.

The way back is diffusers' own: what its single-file loader makes of each file is checked to be the models it came from.
"""

import json

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (
    convert_ldm_clip_checkpoint,
    convert_ldm_unet_checkpoint,
    convert_ldm_vae_checkpoint,
    convert_open_clip_checkpoint,
)
from transformers import CLIPTextConfig, CLIPTextModel

from .common import FOLDER, randomise, save_tensors

UNET, VAE = "model.diffusion_model.", "first_stage_model."
CLIP, OPEN_CLIP = "cond_stage_model.transformer.", "cond_stage_model.model."

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
UNET_REST = {
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP_LAYER = {"layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj"}


def unet_name(name, layers, attends):
    """LDM's name for a UNet's parameter. `attends`: which levels have transformers, from the finest."""
    module, _, kind = name.rpartition(".")
    if module in UNET_REST:
        return f"{UNET_REST[module]}.{kind}"
    parts = module.split(".")
    if parts[0] == "mid_block":
        at = {("resnets", "0"): 0, ("attentions", "0"): 1, ("resnets", "1"): 2}[parts[1], parts[2]]
        prefix = f"middle_block.{at}"
        rest = ".".join(parts[3:])
        return f"{prefix}.{RESNET[rest] if parts[1] == 'resnets' else rest}.{kind}"
    block, what, index, rest = int(parts[1]), parts[2], int(parts[3]), ".".join(parts[4:])
    if parts[0] == "down_blocks":
        at = 1 + block * (layers + 1) + (layers if what == "downsamplers" else index)
        prefix = f"input_blocks.{at}"
    else:
        at = block * (layers + 1) + (layers if what == "upsamplers" else index)
        prefix = f"output_blocks.{at}"
    if what == "resnets":
        return f"{prefix}.0.{RESNET[rest]}.{kind}"
    if what == "attentions":
        return f"{prefix}.1.{rest}.{kind}"
    if what == "downsamplers":
        return f"{prefix}.0.op.{kind}"
    return f"{prefix}.{2 if attends[len(attends) - 1 - block] else 1}.conv.{kind}"


def vae_tensor(name, tensor, levels):
    """LDM's name and shape for an autoencoder's parameter."""
    module, _, kind = name.rpartition(".")
    module = module.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
    parts = module.split(".")
    if "mid_block" in parts:
        half, _, what, index, *rest = parts
        if what == "attentions":
            if kind == "weight" and tensor.dim() == 2:
                tensor = tensor[:, :, None, None]
            return f"{half}.mid.attn_1.{VAE_ATTENTION['.'.join(rest)]}.{kind}", tensor
        return f"{half}.mid.block_{int(index) + 1}.{'.'.join(rest)}.{kind}", tensor
    if len(parts) > 2 and parts[1] in ("down_blocks", "up_blocks"):
        half, blocks, block, what, index, *rest = parts
        way = "down" if blocks == "down_blocks" else "up"
        level = int(block) if way == "down" else levels - 1 - int(block)
        if what == "resnets":
            return f"{half}.{way}.{level}.block.{index}.{'.'.join(rest)}.{kind}", tensor
        return f"{half}.{way}.{level}.{way}sample.conv.{kind}", tensor
    return f"{module}.{kind}", tensor


def open_clip(state, width):
    """OpenCLIP's names, q, k and v in one, and the last layer and projection that nobody uses."""
    out = {
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
    }
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("encoder.layers."))
    for layer in range(layers):
        old, new = f"encoder.layers.{layer}", f"transformer.resblocks.{layer}"
        for kind in ("weight", "bias"):
            joined = [state[f"{old}.self_attn.{x}_proj.{kind}"] for x in "qkv"]
            out[f"{new}.attn.in_proj_{kind}"] = torch.cat(joined)
            out[f"{new}.attn.out_proj.{kind}"] = state[f"{old}.self_attn.out_proj.{kind}"]
            for ours, theirs in OPEN_CLIP_LAYER.items():
                out[f"{new}.{theirs}.{kind}"] = state[f"{old}.{ours}.{kind}"]
    for name in [name for name in out if name.startswith(f"transformer.resblocks.{layers - 1}.")]:
        out[name.replace(f".{layers - 1}.", f".{layers}.")] = torch.full_like(out[name], 0.25)
    out["text_projection"] = torch.full((width, width), 0.5)
    out["logit_scale"] = torch.tensor(4.6)
    return out


def models(kind, full):
    """The UNet, autoencoder and text encoder of Stable Diffusion `kind`, in full size or small."""
    second = kind == "sd2"
    text_width = (1024 if second else 768) if full else 8
    down = ("CrossAttnDownBlock2D",) * (3 if full else 2) + ("DownBlock2D",)
    up = ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * (3 if full else 2)
    channels = (320, 640, 1280, 1280) if full else (8, 8, 16)
    unet = UNet2DConditionModel(
        sample_size=64,
        in_channels=4,
        block_out_channels=channels,
        down_block_types=down,
        up_block_types=up,
        layers_per_block=2 if full or not second else 1,
        cross_attention_dim=text_width,
        attention_head_dim=([5, 10, 20, 20] if second else 8) if full else 2,
        use_linear_projection=second,
        norm_num_groups=32 if full else 4,
    )
    vae = AutoencoderKL(
        block_out_channels=(128, 256, 512, 512) if full else (8, 8, 16),
        down_block_types=("DownEncoderBlock2D",) * (4 if full else 3),
        up_block_types=("UpDecoderBlock2D",) * (4 if full else 3),
        latent_channels=4,
        layers_per_block=2 if full else 1,
        norm_num_groups=32 if full else 4,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=49408 if full else 40,
            hidden_size=text_width,
            intermediate_size=4 * text_width,
            num_hidden_layers=23 if second else (12 if full else 2),
            num_attention_heads=(16 if second else 12) if full else 2,
            max_position_embeddings=77 if full else 9,
        )
    )
    return unet, vae, text


def text_state(text):
    """A text encoder's parameters without the prefix `text_model.`, which not every transformers writes."""
    return {name.removeprefix("text_model."): value for name, value in text.state_dict().items()}


def single_file(kind, unet, vae, text):
    attends = ["CrossAttn" in name for name in unet.config.down_block_types]
    layers, levels = unet.config.layers_per_block, len(vae.config.block_out_channels)
    out = {UNET + unet_name(name, layers, attends): value for name, value in unet.state_dict().items()}
    for name, value in vae.state_dict().items():
        old, tensor = vae_tensor(name, value, levels)
        out[VAE + old] = tensor
    if kind == "sd2":
        width = text.config.hidden_size
        out |= {OPEN_CLIP + name: value for name, value in open_clip(text_state(text), width).items()}
    else:
        out |= {f"{CLIP}text_model.{name}": value for name, value in text_state(text).items()}
        length = text.config.max_position_embeddings
        out[f"{CLIP}text_model.embeddings.position_ids"] = torch.arange(length)[None]
    return out


def check(file, unet, vae, text, second):
    """That diffusers makes the models of the file again."""
    same(convert_ldm_unet_checkpoint(file, unet.config), unet.state_dict())
    same(convert_ldm_vae_checkpoint(file, vae.config), vae.state_dict())
    back = convert_open_clip_checkpoint(text, file) if second else convert_ldm_clip_checkpoint(file)
    back = {name.removeprefix("text_model."): value for name, value in back.items()}
    dropped = ("embeddings.position_ids", "text_projection.weight")
    same({name: value for name, value in back.items() if name not in dropped}, text_state(text))


def same(got, expected):
    assert got.keys() == expected.keys(), got.keys() ^ expected.keys()
    for name, value in expected.items():
        assert got[name].shape == value.shape and torch.equal(got[name], value), name


def fnv1a(data):
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def make():
    expected = {}
    for seed, kind in enumerate(("sd1", "sd2"), start=51):
        parts = unet, vae, text = models(kind, full=False)
        for module in parts:
            randomise(module, seed).half()
        file = single_file(kind, *parts)
        # What trainers leave in such files, and nobody reads.
        file["model_ema.decay"], file["betas"] = torch.tensor(0.9999), torch.linspace(0, 1, 5)
        check(file, *parts, kind == "sd2")
        save_tensors(f"ldm/{kind}.safetensors", {k: v.half() if v.is_floating_point() else v for k, v in file.items()})
        folders = {"unet": unet.state_dict(), "vae": vae.state_dict()}
        folders["text_encoder"] = {f"text_model.{name}": value for name, value in text_state(text).items()}
        expected[kind] = {
            folder: {name: [list(t.shape), fnv1a(t.contiguous().numpy().tobytes())] for name, t in state.items()}
            for folder, state in folders.items()
        }
    rows = [f"{json.dumps(kind)}: {json.dumps(value, separators=(',', ':'))}" for kind, value in expected.items()]
    (FOLDER / "ldm/folders.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")

    # Full sizes: shapes alone, and a hash of what the folder then has.
    full = {}
    for kind in ("sd1", "sd2"):
        with torch.device("meta"):
            parts = unet, vae, text = models(kind, full=True)
            file = single_file(kind, *parts)
        folders = {"unet": unet.state_dict(), "vae": vae.state_dict()}
        folders["text_encoder"] = {f"text_model.{name}": value for name, value in text_state(text).items()}
        lines = {
            folder: "".join(sorted(f"{name} {list(t.shape)}\n" for name, t in state.items()))
            for folder, state in folders.items()
        }
        # Both have the same autoencoder: once is enough.
        shapes = {name: list(t.shape) for name, t in file.items() if kind == "sd1" or not name.startswith(VAE)}
        full[kind] = {"tensors": shapes, "folders": {folder: fnv1a(text.encode()) for folder, text in lines.items()}}
    rows = [f"{json.dumps(kind)}: {json.dumps(value, separators=(',', ':'))}" for kind, value in full.items()]
    (FOLDER / "ldm/full.json").write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
