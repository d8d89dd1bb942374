"""Makes every golden file beside this script: `python tests/golden/make.py [part ...]`.

Parts: unet, vae_tiny, bert, clip, int8, ldm, loaders, lora, lora_te, noise, pipelines, schedulers (all of them when none is named). README.md says what each file
holds. Everything comes from fixed seeds on one CPU thread, so a second run writes the same bytes.
"""

import sys

import torch

from golden import bert, clip, int8, ldm, loaders, lora, lora_te, noise, pipelines, schedulers, unet, vae_tiny

PARTS = {
    "unet": unet.make,
    "vae_tiny": vae_tiny.make,
    "bert": bert.make,
    "clip": clip.make,
    "int8": int8.make,
    "ldm": ldm.make,
    "loaders": loaders.make,
    "lora": lora.make,
    "noise": noise.make,
    "schedulers": schedulers.make,
    "pipelines": pipelines.make,
    "lora_te": lora_te.make,  # on one of the pipelines
}


def main(names):
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"no such part: {', '.join(unknown)}; the parts are: {', '.join(PARTS)}")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    for name in names or PARTS:
        print(f"== {name}")
        PARTS[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
