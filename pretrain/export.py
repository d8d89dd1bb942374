"""Last step: write the diffusers folder that the page loads."""

import copy
import json
import shutil
from pathlib import Path

import torch
from diffusers import AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import save_file

from . import text
from .networks import scheduler
from .presets import TEXT_TOKENS


def export(work: Path, out: Path, vae: AutoencoderTiny, unet: UNet2DConditionModel) -> None:
    """Writes models and tokenizer to `out` in half precision, with the file names of diffusers."""
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name, model in (("unet", unet), ("vae", vae)):
        copy.deepcopy(model).to("cpu", torch.float16).to(memory_format=torch.contiguous_format).save_pretrained(out / name)
    scheduler().save_pretrained(out / "scheduler")
    _text_encoder(work, out / "text_encoder")
    _tokenizer(work, out / "tokenizer")
    index = {
        "_class_name": "StableDiffusionPipeline",
        "scheduler": ["diffusers", "DDIMScheduler"],
        "text_encoder": ["transformers", "BertModel"],
        "tokenizer": ["transformers", "BertTokenizerFast"],
        "unet": ["diffusers", "UNet2DConditionModel"],
        "vae": ["diffusers", "AutoencoderTiny"],
        "feature_extractor": [None, None],
        "safety_checker": [None, None],
        "requires_safety_checker": False,
    }
    _write_json(out / "model_index.json", index)
    for file in out.rglob("*.safetensors"):
        file.chmod(0o644)


def _text_encoder(work: Path, out: Path) -> None:
    """MiniLM in half precision without its pooler, which nothing reads."""
    out.mkdir(parents=True)
    model = text.TextEncoder(text.folder(work)).model
    weights = {name: tensor.to(torch.float16).contiguous() for name, tensor in model.state_dict().items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((text.folder(work) / "config.json").read_text())
    for local in ("_name_or_path", "transformers_version"):
        config.pop(local, None)
    _write_json(out / "config.json", {**config, "dtype": "float16"})


def _tokenizer(work: Path, out: Path) -> None:
    out.mkdir(parents=True)
    for name in ("tokenizer.json", "vocab.txt"):
        shutil.copyfile(text.folder(work) / name, out / name)
    # tokenizer.json as published pads and cuts to 128; the UNet was trained on 16.
    tokenizer = json.loads((out / "tokenizer.json").read_text())
    tokenizer["truncation"] = {"direction": "Right", "max_length": TEXT_TOKENS, "strategy": "LongestFirst", "stride": 0}
    tokenizer["padding"] = None
    (out / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False, separators=(",", ":")))
    config = json.loads((text.folder(work) / "tokenizer_config.json").read_text())
    config.pop("name_or_path", None)
    _write_json(out / "tokenizer_config.json", {**config, "model_max_length": TEXT_TOKENS})


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def size_in_bytes(folder: Path) -> int:
    """All files of a folder together: what a visitor of the page downloads."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
