"""What torch's CPU generator makes of a seed: `torch.randn` in f32, as diffusers draws its noise.

Only hashes are kept, of the bits of all numbers in order, and the first few numbers for whoever looks for a fault.
"""

import json

import torch

from .common import FOLDER


def make():
    # Without AVX2 torch's logarithm and sine are the C library's, and the last bits differ.
    assert torch.backends.cpu.get_cpu_capability().startswith("AVX"), "noise needs a processor with AVX2"
    rows = [json.dumps(case(seed, sizes)) for seed, sizes in cases()]
    (FOLDER / "noise.json").write_text("[\n" + ",\n".join(rows) + "\n]\n", encoding="utf-8")
    print(f"  {len(rows)} cases")


def cases():
    """(seed, sizes of the tensors drawn one after the other)"""
    for size in [*range(1, 50), 63, 64, 65, 100, 255, 1000, 4 * 16 * 16, 4 * 64 * 64, 4 * 96 * 64 + 3, 1_000_003]:
        yield 1000 + size, [size]
    for seed in (0, 1, 42, 2**31 - 1, 2**32 - 1, 2**32, 2**32 + 42, 2**63 - 1, 2**64 - 1):
        yield seed, [7, 64]
    # A tensor of fewer than 16 leaves the second of its last pair to the next such.
    yield 5, [3, 3, 16, 1, 20, 5, 15, 1, 1]
    # Latents and the noise of each step, past the 624 words of one round of the generator.
    yield 6, [1024] * 12


def case(seed, sizes):
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.cat([torch.randn(size, generator=generator) for size in sizes])
    value = 0xCBF29CE484222325
    for byte in numbers.numpy().astype("<f4").tobytes():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return {"seed": str(seed), "sizes": sizes, "first": numbers[:3].tolist(), "fnv1a": f"{value:016x}"}
