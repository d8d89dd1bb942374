"""Matrices in whole numbers of 8 bits, scaled block by block: half of half precision.

A matrix `NAME` [rows, columns] becomes two tensors: `NAME` of the same shape in I8, and `NAME.scales`
[rows, columns / 64] in F16. Number `c` of row `r` is `NAME[r, c] * NAME.scales[r, c / 64]`; there is no offset, and
-128 does not occur. Kernels of convolutions are matrices with one row for each output. What does not come out in
whole blocks, and vectors, stay in half precision.
"""

import torch

BLOCK = 64
"""Numbers that share a scale, one after the other in a row."""

SCALES = ".scales"
LARGEST = 127


def quantised(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights with all matrices that come out in whole blocks in 8 bits, and the rest in half precision."""
    result = {}
    for name, tensor in weights.items():
        if tensor.ndim < 2 or tensor[0].numel() % BLOCK:
            result[name] = tensor.to(torch.float16).contiguous()
            continue
        blocks = tensor.float().reshape(len(tensor), -1, BLOCK)
        # A block of zeros has any scale but zero; the numbers are rounded to the scale as it is stored.
        smallest = torch.finfo(torch.float16).smallest_normal
        scales = (blocks.abs().amax(-1) / LARGEST).clamp(min=smallest).to(torch.float16)
        numbers = (blocks / scales.float()[..., None]).round().clamp(-LARGEST, LARGEST)
        result[name], result[name + SCALES] = numbers.to(torch.int8).reshape(tensor.shape), scales
    return result


def dequantised(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights in full precision again; what was never quantised is only converted."""
    result = {}
    for name, tensor in weights.items():
        if name.endswith(SCALES):
            continue
        values = tensor.float()
        if tensor.dtype == torch.int8:
            values = (values.reshape(len(tensor), -1, BLOCK) * weights[name + SCALES].float()[..., None]).reshape(tensor.shape)
        result[name] = values
    return result
