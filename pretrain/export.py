"""Last step: write the diffusers folder that the page loads.

By itself, `python -m pretrain.export --preset gpu --work DIR --out www/models/sketch`, it needs of the training
only `autoencoder.pt` and `unet.pt`.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from . import autoencoder, quantise, text, unet
from .drawings import drawn_in, rows_of
from .errors import RecipeError
from .networks import scheduler
from .notice import notice
from .pictures import wanted
from .presets import PRESETS, TEXT_TOKENS, Preset
from .render import GOOD
from .sample import save_samples


def export(preset: Preset, work: Path, out: Path, int8_unet: bool = False) -> None:
    """Writes models and tokenizer to `out`, with the file names of diffusers; NOTICE and samples.

    In half precision, but for the text encoder's matrices and those of the UNet where it is `int8_unet`: these are in
    8 bits (`quantise.py`), which diffusers and transformers do not read by themselves.
    """
    vae, denoiser = autoencoder.finished(work / preset.name, preset), unet.finished(work / preset.name, preset)
    for name in ("unet", "vae", "text_encoder", "tokenizer", "scheduler"):
        shutil.rmtree(out / name, ignore_errors=True)
    for name, model in (("unet", denoiser), ("vae", vae)):
        model.save_config(out / name)
        _save(model, out / name / "diffusion_pytorch_model.safetensors", name == "unet" and int8_unet)
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
    rows = rows_of(preset, work)
    states = np.load(drawn_in(preset, work) / "rendered.npy")
    (out / "NOTICE").write_text(notice(work, [row for row, state in zip(rows, states, strict=True) if state == GOOD and wanted(preset, row)]))
    save_samples(denoiser, vae, text.TextEncoder(text.folder(work)), out / "samples.png")
    print(f"exported to {out}: {size_in_bytes(out) / 1e6:.1f} MB")


def _text_encoder(work: Path, out: Path) -> None:
    """MiniLM without its pooler, which nothing reads."""
    out.mkdir(parents=True)
    _save(text.TextEncoder(text.folder(work)).model, out / "model.safetensors", True)
    config = json.loads((text.folder(work) / "config.json").read_text())
    for local in ("_name_or_path", "transformers_version"):
        config.pop(local, None)
    _write_json(out / "config.json", {**config, "dtype": "float16"})


def _save(model: nn.Module, file: Path, int8: bool) -> None:
    weights = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    small = quantise.quantised(weights) if int8 else {name: tensor.to(torch.float16).contiguous() for name, tensor in weights.items()}
    save_file(small, file, metadata={"format": "pt"})


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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", required=True, choices=list(PRESETS))
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads, packs and checkpoints")
    parser.add_argument("--out", type=Path, required=True, help="folder the model is written to")
    parser.add_argument("--int8-unet", action="store_true", help="write the UNet's matrices in 8 bits too")
    arguments = parser.parse_args()
    try:
        export(PRESETS[arguments.preset], arguments.work, arguments.out, arguments.int8_unet)
    except RecipeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
