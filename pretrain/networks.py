"""The two networks that are trained, built from a preset by their diffusers classes."""

from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from diffusers.models.unets.unet_2d_blocks import AutoencoderTinyBlock
from torch import nn

from .presets import LATENT_FACTOR, TEXT_WIDTH, Preset


def autoencoder(preset: Preset, scaling_factor: float = 1.0) -> AutoencoderTiny:
    """A fresh autoencoder: pictures [batch, 3, S, S] in -1..1 to latents [batch, C, S/8, S/8] and back.

    The UNet sees `encode(x).latents * scaling_factor`, which has unit variance once the factor is measured.
    """
    sizes = preset.autoencoder
    model = AutoencoderTiny(
        encoder_block_out_channels=(sizes.channels,) * 4,
        decoder_block_out_channels=(sizes.channels,) * 4,
        num_encoder_blocks=sizes.encoder_blocks,
        num_decoder_blocks=sizes.decoder_blocks,
        latent_channels=sizes.latent_channels,
        scaling_factor=scaling_factor,
    )
    model.apply(_initialise)
    return model


def _initialise(module: nn.Module) -> None:
    """Keeps the signal's variance from layer to layer (He et al. 2015).

    PyTorch's own start loses two thirds of it in each of these convolutions without normalisation, and
    training stays for long at one plain colour. A block's last convolution starts small (Fixup, Zhang et al. 2019).
    """
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, AutoencoderTinyBlock):
        first, second, last = (layer for layer in module.conv if isinstance(layer, nn.Conv2d))
        for layer in (first, second):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        nn.init.normal_(last.weight, std=0.25 * last.weight.std().item())


def unet(preset: Preset) -> UNet2DConditionModel:
    """A fresh UNet over latents [batch, C, S/8, S/8], conditioned on [batch, 16, 384] text states."""
    sizes = preset.unet
    down = ["CrossAttnDownBlock2D" if flag else "DownBlock2D" for flag in sizes.attention]
    up = ["CrossAttnUpBlock2D" if flag else "UpBlock2D" for flag in reversed(sizes.attention)]
    return UNet2DConditionModel(
        sample_size=preset.picture_size // LATENT_FACTOR,
        in_channels=preset.autoencoder.latent_channels,
        out_channels=preset.autoencoder.latent_channels,
        block_out_channels=sizes.channels,
        down_block_types=down,
        up_block_types=up,
        layers_per_block=sizes.layers_per_block,
        # diffusers keeps an old mistake in this argument's name: it is the number of heads.
        attention_head_dim=[channels // sizes.head_dim for channels in sizes.channels],
        cross_attention_dim=TEXT_WIDTH,
        use_linear_projection=True,
        norm_num_groups=32,
    )


def scheduler() -> DDIMScheduler:
    """The noise schedule of training and sampling: v-prediction with zero terminal SNR (Lin et al. 2023).

    Without it the last training step still carries the picture's mean, and pure white cannot be drawn.
    """
    return DDIMScheduler(
        num_train_timesteps=1000,
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
    )
