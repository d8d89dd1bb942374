"""What the makers share: where files go, seeded numbers, weights that are worth testing with."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent.parent


def normal(shape, seed, std=1.0):
    """Normal numbers of `shape` in f32 from their own seed, so that adding one tensor moves no other."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator) * std


def randomise(module, seed, gain=1.0, bias=0.1, norm=0.2):
    """Gives every parameter a value that a wrong implementation cannot hide behind.

    Fresh models start with zero biases and norms of weight one: an implementation that forgets either still
    agrees. Here matrices get N(0, gain^2 / fan_in), biases N(0, bias^2), norm weights N(1, norm^2).
    Embedding tables, whose rows are looked up rather than summed, get N(0, 1).
    """
    tables = {id(m.weight) for m in module.modules() if isinstance(m, torch.nn.Embedding)}
    for index, (name, parameter) in enumerate(sorted(module.named_parameters())):
        value = normal(parameter.shape, seed * 100_003 + index)
        if id(parameter) in tables:
            pass
        elif parameter.dim() > 1:
            fan_in = parameter[0].numel()
            value = value * (gain / fan_in**0.5)
        elif name.endswith("bias"):
            value = value * bias
        else:
            value = 1 + value * norm
        parameter.data.copy_(value)
    return module.eval()


def save_tensors(path, tensors, metadata=None):
    """Writes a safetensors file of contiguous f32 (or integer) tensors."""
    path = FOLDER / path
    path.parent.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}
    save_file(tensors, path, metadata=metadata)
    for made in path.parent.glob("*.safetensors"):
        made.chmod(0o644)  # safetensors files come out readable by their owner alone
    describe(path.relative_to(FOLDER), tensors)


def save_json(path, value, indent=1):
    """Writes JSON that reads well in a diff."""
    path = FOLDER / path
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=indent, ensure_ascii=False) + "\n", encoding="utf-8")


def describe(title, tensors):
    print(f"{title}:")
    for name, tensor in tensors.items():
        if len(tensors) > 60 and "lora_" in name:
            continue
        spread = f"std {tensor.float().std():.3f}" if tensor.numel() > 1 else f"value {tensor.item():.6g}"
        print(f"  {name} {list(tensor.shape)} {spread}")
