"""A small random diffusers `AutoencoderTiny` (TAESD's shape): a picture, its latents, its reconstruction."""

import torch
from diffusers import AutoencoderTiny

from .common import FOLDER, normal, randomise, save_tensors


def small():
    model = AutoencoderTiny(
        encoder_block_out_channels=(12, 12, 12, 12),
        decoder_block_out_channels=(16, 16, 16, 16),
        num_encoder_blocks=(1, 2, 1, 3),
        num_decoder_blocks=(2, 1, 3, 1),
        latent_channels=4,
        scaling_factor=0.75,
    )
    return randomise(model, seed=3, gain=1.2)


def make():
    model = small()
    model.save_pretrained(FOLDER / "vae_tiny")
    # Channel means apart, so that a swap of channels or of the range [-1, 1] shows.
    x = (normal((2, 3, 32, 48), seed=31, std=0.4) + torch.tensor([0.3, 0.0, -0.3])[:, None, None]).clamp(-1, 1)
    with torch.no_grad():
        latents = model.encode(x).latents
        reconstruction = model.decode(latents).sample
        # Latents far outside what the encoder gives, for the decoder's tanh(x / 3) * 3.
        far = normal((1, 4, 3, 5), seed=32, std=5.0)
        far_decoded = model.decode(far).sample
    save_tensors(
        "vae_tiny/io.safetensors",
        {
            "x": x,
            "latents": latents,
            "reconstruction": reconstruction,
            "far_latents": far,
            "far_decoded": far_decoded,
        },
    )
