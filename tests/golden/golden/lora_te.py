"""LoRA on the text encoder and the UNet of the pipeline `sd15` by peft: both learn from one loss, by AdamW."""

import torch
from diffusers import UNet2DConditionModel
from safetensors.torch import load_file
from transformers import CLIPTextModel, CLIPTokenizer

from .common import FOLDER, save_tensors
from .lora import ADAMW, CLIPPINGS, adamw, adapted, kohya_file, sd_batch
from .pipelines import PROMPT, TEXT

PIPELINE = FOLDER / "pipelines/sd15"
PROMPTS = [PROMPT, "a flat icon of a cat"]
# Half of `lora`'s, for smaller files.
RANK, ALPHA = 2, 4
TEXT_RATE = 4e-4


def loaded(kind, part):
    """A part of the committed pipeline, in f32; every weight is the file's, whatever its name is nowadays."""
    model = kind.from_pretrained(PIPELINE / part, variant="fp16").float().eval()
    (path,) = (PIPELINE / part).glob("*.safetensors")
    file = {name.removeprefix("text_model."): value for name, value in load_file(path).items()}
    file.pop("embeddings.position_ids", None)
    state = model.state_dict()
    assert state.keys() == file.keys() and all(torch.equal(state[name], file[name].float()) for name in file)
    return model


def prompts():
    tokenizer = CLIPTokenizer.from_pretrained(PIPELINE / "tokenizer")
    return tokenizer(PROMPTS, padding="max_length", max_length=77, return_tensors="pt").input_ids


def make():
    network, encoder = loaded(UNet2DConditionModel, "unet"), loaded(CLIPTextModel, "text_encoder")
    # Two rows at the bottom: attention to itself alone has no gradient, and AdamW would make steps of its rounding.
    batch = sd_batch((2, 4, 16, 8), seed=75) | {"input_ids": prompts()}
    save_tensors("lora_te/train.safetensors", batch)
    unet = adapted(network, seed=70, rank=RANK, alpha=ALPHA)
    # kohya's files have `text_model`, whatever transformers calls its modules.
    text = adapted(encoder, seed=71, prefix="lora_te_text_model_", targets=TEXT, rank=RANK, alpha=ALPHA)
    kohya_file("lora_te/adapter.safetensors", unet | text, ALPHA)

    def loss():
        hidden = encoder(batch["input_ids"])[0]
        prediction = network(batch["noisy_latents"], batch["timesteps"], encoder_hidden_states=hidden).sample
        return torch.nn.functional.mse_loss(prediction, batch["target"])

    start = {name: factor.detach().clone() for name, factor in (unet | text).items()}
    groups = [(unet, ADAMW["lr"]), (text, TEXT_RATE)]
    save_tensors("lora_te/adamw.safetensors", adamw(loss, groups, None, kept=(1, 10)))
    for name, factor in (unet | text).items():
        factor.data.copy_(start[name])
    clipped = adamw(loss, groups, CLIPPINGS["adamw_clipped_hard"], kept=(10,))
    # Enough to show whether both were clipped as one.
    clipped = {name: clipped[name] for name in ("losses", "grad_norms")}
    save_tensors("lora_te/adamw_clipped_hard.safetensors", clipped)
