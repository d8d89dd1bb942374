"""Matrices in 8 bits as the recipe writes them (pretrain/quantise.py), and the values they stand for."""

import sys

import torch

from .common import FOLDER, normal, save_tensors

sys.path.insert(0, str(FOLDER.parent.parent))
from pretrain.quantise import dequantised, quantised  # noqa: E402


def make():
    weights = {
        "layer.weight": normal((3, 128), 1),
        "conv.weight": normal((2, 64, 3, 3), 2, std=0.01),
        "zeros.weight": torch.zeros(2, 64),
        "ragged.weight": normal((4, 63), 3),
        "layer.bias": normal((5,), 4),
    }
    weights["layer.weight"][1] *= 1e-7  # its scales lie at the smallest that half precision has
    held = quantised(weights)
    save_tensors("int8/model.safetensors", held)
    save_tensors("int8/expected.safetensors", dequantised(held))
