"""Writes a random Stable Diffusion 1.5 (or 2.1) of full size as a single file, to try memory and time with:

    python tests/golden/full_size.py sd1 random-sd15.safetensors

2.1 GB in f16. The pictures are noise; every tensor has the published shape (`ldm/full.json`).
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file


def value(name, shape, generator):
    """N(0, 1 / fan_in) for matrices, small biases, norms of one: nothing grows on the way through."""
    if name.endswith("position_ids"):
        return torch.arange(shape[-1])[None]
    if len(shape) > 1:
        fan_in = torch.Size(shape[1:]).numel()
        return (torch.randn(shape, generator=generator) * (0.7 / fan_in**0.5)).half()
    if name.endswith("bias") or not shape:
        return torch.zeros(shape).half()
    return torch.ones(shape).half()


def main(kind, path):
    published = json.loads((Path(__file__).parent / "ldm/full.json").read_text())
    # Both have the same autoencoder, which is listed once.
    shapes = {name: s for name, s in published["sd1"]["tensors"].items() if name.startswith("first_stage_model.")}
    shapes |= published[kind]["tensors"]
    generator = torch.Generator().manual_seed(0)
    save_file({name: value(name, shape, generator) for name, shape in shapes.items()}, path)


if __name__ == "__main__":
    main(*sys.argv[1:])
