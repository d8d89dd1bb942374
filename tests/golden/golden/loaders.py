"""Which LoRA files diffusers loads: names, shapes and metadata of many kinds, and what it made of each."""

import json
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from peft.tuners.tuners_utils import BaseTunerLayer
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

from .clip import merges, tokenizer
from .common import FOLDER

WIDTH = 768  # of Stable Diffusion 1.x's text encoder, by which some tools know the family
BLOCK = "down_blocks_0_attentions_0_transformer_blocks_0"
DOTTED = "down_blocks.0.attentions.0.transformer_blocks.0"
LAYER = "text_model_encoder_layers_0"
# diffusers' own metadata, as PEFT's LoraConfig.
OWN = {"lora_adapter_metadata": json.dumps({"unet.r": 4, "unet.lora_alpha": 4, "unet.target_modules": ["to_q"]})}


def pipeline():
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 16, 24, 24),
        layers_per_block=2,
        attention_head_dim=8,
        cross_attention_dim=WIDTH,
        norm_num_groups=8,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=877, hidden_size=WIDTH, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2
        )
    )
    vae = AutoencoderKL(block_out_channels=(8,), norm_num_groups=4)
    made, _ = tokenizer(merges())
    scheduler = DDIMScheduler(steps_offset=1, clip_sample=False)
    return StableDiffusionPipeline(
        vae, text, made, unet, scheduler, None, None, requires_safety_checker=False
    )


def kohya(module, down=(4, 16), up=(16, 4), alpha=()):
    tensors = {f"{module}.lora_down.weight": down, f"{module}.lora_up.weight": up}
    return tensors if alpha is None else tensors | {f"{module}.alpha": alpha}


def cases():
    """(title, tensors, metadata)"""
    query, key = f"lora_unet_{BLOCK}_attn1_to_q", f"lora_unet_{BLOCK}_attn2_to_k"
    projection = "lora_unet_down_blocks_0_attentions_0_proj_in"
    both = kohya(query) | kohya(key, down=(4, WIDTH))
    te_query = kohya(f"lora_te_{LAYER}_self_attn_q_proj", (4, WIDTH), (WIDTH, 4))
    te = te_query | kohya(f"lora_te_{LAYER}_self_attn_out_proj", (4, WIDTH), (WIDTH, 4))
    yield "kohya", both | te | kohya(projection, (4, 16, 1, 1), (16, 4, 1, 1)), {"ss_v2": "False"}
    yield "kohya, no metadata", both, {}
    yield "kohya, no alpha", kohya(query, alpha=None) | kohya(key, (4, WIDTH), alpha=None), {}
    yield "kohya, alpha of one dimension", kohya(query, alpha=(1,)) | kohya(key, (4, WIDTH), alpha=(1,)), {}
    yield "kohya, self-attention alone", kohya(query), {}
    yield "kohya, text encoder alone", te, {}
    yield "kohya, text encoder without out_proj", both | te_query, {}
    yield "kohya, text encoder's mlp", both | kohya(f"lora_te_{LAYER}_mlp_fc1", (4, WIDTH), (64, 4)), {}
    yield "kohya, XL's name of the first text encoder", both | {k.replace("te_", "te1_"): v for k, v in te.items()}, {}
    yield "kohya, flat projection", both | kohya(projection), {}
    yield "kohya, convolution", both | kohya(
        "lora_unet_down_blocks_0_resnets_0_conv1", (4, 16, 3, 3), (16, 4, 1, 1)
    ), {}
    yield "kohya, a key of its own", both | {"note": (1,)}, {}
    yield "kohya, no up", both | {f"lora_unet_{BLOCK}_attn1_to_v.lora_down.weight": (4, 16)}, {}
    yield "kohya, no down", both | {f"lora_unet_{BLOCK}_attn1_to_v.lora_up.weight": (16, 4)}, {}
    yield "kohya, LoHa", both | {f"lora_unet_{BLOCK}_attn1_to_v.hada_w1_a": (16, 4)}, {}
    yield "kohya, Tucker", both | {f"{query}.lora_mid.weight": (4, 4, 3, 3)}, {}
    yield "kohya, unknown module", both | kohya("lora_unet_down_blocks_9_attentions_0_proj_in"), {}
    yield "kohya, unknown modules alone", kohya("lora_unet_down_blocks_9_attentions_0_proj_in"), {}
    yield "kohya, LDM's blocks", kohya("lora_unet_input_blocks_1_1_transformer_blocks_0_attn1_to_q") | kohya(
        "lora_unet_input_blocks_1_1_transformer_blocks_0_attn2_to_k", (4, WIDTH)
    ), {}
    yield "kohya, other width", kohya(query) | kohya(key, (4, 1024)), {}
    yield "kohya, with diffusers' metadata", both, OWN
    for title, down, up in (
        ("diffusers, as saved", "lora.down.weight", "lora.up.weight"),
        ("diffusers, as PEFT", "lora_A.weight", "lora_B.weight"),
    ):
        own = {}
        for attention, width in (("attn1.to_q", 16), ("attn2.to_k", WIDTH)):
            own |= {f"unet.{DOTTED}.{attention}.{down}": (4, width), f"unet.{DOTTED}.{attention}.{up}": (16, 4)}
        yield title, own, {}
        yield f"{title}, no unet.", {name.removeprefix("unet."): shape for name, shape in own.items()}, {}
        yield f"{title}, with alpha", own | {f"unet.{DOTTED}.attn1.to_q.alpha": ()}, {}
        yield f"{title}, with metadata", own, OWN
    old = {
        f"unet.{DOTTED}.{attention}.processor.{projection}_lora.{part}.weight": shape
        for attention, projection, width in (("attn1", "to_q", 16), ("attn2", "to_k", WIDTH))
        for part, shape in (("down", (4, width)), ("up", (16, 4)))
    }
    yield "diffusers, processors", old, {}
    yield "mixed", both | old, {}
    yield "LDM dotted", {
        f"diffusion_model.input_blocks.1.1.transformer_blocks.0.{attention}.lora_{part}.weight": shape
        for attention, width in (("attn1.to_q", 16), ("attn2.to_k", WIDTH))
        for part, shape in (("A", (4, width)), ("B", (16, 4)))
    }, {}
    yield "nothing", {"something": (1,)}, {}


def outcome(pipe, path):
    """How many layers got an adapter, or the first line of why not."""
    try:
        pipe.load_lora_weights(path, adapter_name="a")
        layers = [
            name
            for part in (pipe.unet, pipe.text_encoder)
            for name, module in part.named_modules()
            if isinstance(module, BaseTunerLayer) and "a" in module.active_adapters and "a" in module.lora_A
        ]
        return {"layers": len(layers)}
    except Exception as error:  # noqa: BLE001  whatever it is, the file was not loaded
        return {"error": f"{type(error).__name__}: {str(error).strip().splitlines()[0][:100]}"}


def make():
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for title, tensors, metadata in cases():
            path = Path(folder) / "adapter.safetensors"
            save_file({name: torch.ones(shape) for name, shape in tensors.items()}, path, metadata=metadata or None)
            # A pipeline each: what a failed loading leaves behind would change the next.
            made = outcome(pipeline(), path)
            print(f"  {title}: {made}")
            rows.append({"title": title, "tensors": tensors, "metadata": metadata, "diffusers": made})
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    (FOLDER / "loaders.json").write_text(f"[\n{text}\n]\n", encoding="utf-8")
