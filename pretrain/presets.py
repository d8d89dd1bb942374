"""Every size and number of the recipe, in one place, by preset."""

from dataclasses import dataclass

from .errors import RecipeError

LATENT_FACTOR = 8
"""Picture pixels per latent position: three halvings in the autoencoder."""

TEXT_TOKENS = 16
"""Tokens a caption is cut and padded to; the shape of the UNet's condition is [16, 384]."""

TEXT_WIDTH = 384
"""Width of MiniLM's hidden states, and the UNet's `cross_attention_dim`."""


@dataclass(frozen=True)
class AutoencoderPreset:
    """`AutoencoderTiny` and how it is trained."""

    channels: int
    latent_channels: int
    encoder_blocks: tuple[int, ...]
    decoder_blocks: tuple[int, ...]
    batch: int
    steps: int
    learning_rate: float


@dataclass(frozen=True)
class UNetPreset:
    """`UNet2DConditionModel` and how it is trained."""

    channels: tuple[int, ...]
    attention: tuple[bool, ...]
    """Whether the level has self- and cross-attention; one flag a level, the finest first."""
    layers_per_block: int
    head_dim: int
    batch: int
    steps: int
    learning_rate: float
    warmup_steps: int
    cooldown_steps: int
    """How many of the last steps the rate falls to zero over."""
    ema_decay: float
    checkpoint_every: int
    sample_every: int


@dataclass(frozen=True)
class Preset:
    """One size of the whole recipe."""

    name: str
    picture_size: int
    families: dict[str, float]
    """Families of pictures to use, each with how often a picture of it is drawn (1 is usual)."""
    procedural_share: float
    """Chance that a picture gets a procedural version beside its own."""
    procedural_draws: float
    """Share of training draws that go to procedural styles."""
    backdrop_share: float
    """Chance that a picture gets a version on a tint or on dark."""
    made_up_hands: int
    """Hands by chance (`made_up_hands.py`)."""
    pictures_of_a_hand: int
    """Pictures that each of them draws."""
    made_up_draws: float
    """Share of training draws that go to them."""
    captions_per_picture: int
    pictures_limit: int | None
    """Draw only this many pictures (evenly picked) and fetch only what they need; None for all."""
    concepts_limit: int | None
    """Train the UNet only on this many concepts, those that most families draw; None for every picture."""
    autoencoder: AutoencoderPreset
    unet: UNetPreset
    threads: int | None
    """Threads of PyTorch on the CPU; None leaves PyTorch's own choice."""
    seed: int = 20261122


EMOJI = {
    "fluent-3d": 1.0,
    "fluent-emoji": 0.5,
    "fluent-emoji-flat": 1.0,
    "noto": 1.0,
    "noto-v1": 0.5,
    "twemoji": 1.0,
    "emojione": 0.7,
    "fxemoji": 0.7,
    "fluent-emoji-high-contrast": 0.4,
}
ICONS = {
    "icon-park": 0.2,
    "streamline-plump-color": 0.25,
    "streamline-flex-color": 0.25,
    "streamline-sharp-color": 0.25,
    "streamline-ultimate-color": 0.3,
    "streamline-cyber-color": 0.3,
    "glyphs-poly": 0.3,
    "flat-color-icons": 0.4,
    "fluent-color": 0.4,
    "meteocons": 0.3,
    "game-icons": 0.15,
}
EVERYTHING = {
    **EMOJI,
    **{family: 3 * weight for family, weight in ICONS.items()},
    "emojione-monotone": 0.4,
    "streamline-pixel": 0.5,
    "openclipart": 0.6,
}

PRESETS = {
    "cpu": Preset(
        name="cpu",
        picture_size=64,
        families={**EMOJI, **ICONS},
        procedural_share=0.4,
        procedural_draws=0.2,
        backdrop_share=0.1,
        made_up_hands=2000,
        pictures_of_a_hand=12,
        made_up_draws=0.5,
        captions_per_picture=2,
        pictures_limit=None,
        concepts_limit=200,
        autoencoder=AutoencoderPreset(
            channels=32,
            latent_channels=8,
            encoder_blocks=(1, 2, 2, 2),
            decoder_blocks=(2, 2, 2, 1),
            batch=16,
            steps=12000,
            learning_rate=1.5e-3,
        ),
        unet=UNetPreset(
            channels=(96, 160),
            attention=(False, True),
            layers_per_block=1,
            head_dim=32,
            batch=48,
            steps=54000,
            learning_rate=1e-3,
            warmup_steps=100,
            cooldown_steps=3000,
            ema_decay=0.998,
            checkpoint_every=250,
            sample_every=500,
        ),
        threads=1,
    ),
    "gpu": Preset(
        name="gpu",
        picture_size=128,
        families=EVERYTHING,
        procedural_share=1.0,
        procedural_draws=0.4,
        backdrop_share=0.3,
        made_up_hands=4000,
        pictures_of_a_hand=24,
        made_up_draws=0.5,
        captions_per_picture=4,
        pictures_limit=None,
        concepts_limit=None,
        autoencoder=AutoencoderPreset(
            channels=48,
            latent_channels=8,
            encoder_blocks=(1, 3, 3, 3),
            decoder_blocks=(3, 3, 3, 1),
            batch=128,
            steps=4000,
            learning_rate=1e-3,
        ),
        unet=UNetPreset(
            channels=(128, 256, 320),
            attention=(True, True, True),
            layers_per_block=1,
            head_dim=32,
            batch=1024,
            steps=60000,
            learning_rate=5e-4,
            warmup_steps=1000,
            cooldown_steps=10000,
            ema_decay=0.9995,
            checkpoint_every=500,
            sample_every=1000,
        ),
        threads=None,
    ),
    "smoke": Preset(
        name="smoke",
        picture_size=64,
        families={"twemoji": 1.0, "flat-color-icons": 1.0},
        procedural_share=0.5,
        procedural_draws=0.3,
        backdrop_share=0.2,
        made_up_hands=2,
        pictures_of_a_hand=4,
        made_up_draws=0.5,
        captions_per_picture=1,
        pictures_limit=64,
        concepts_limit=None,
        autoencoder=AutoencoderPreset(
            channels=16,
            latent_channels=4,
            encoder_blocks=(1, 1, 1, 1),
            decoder_blocks=(1, 1, 1, 1),
            batch=8,
            steps=20,
            learning_rate=1e-3,
        ),
        unet=UNetPreset(
            channels=(32, 64),
            attention=(False, True),
            layers_per_block=1,
            head_dim=32,
            batch=8,
            steps=20,
            learning_rate=1e-3,
            warmup_steps=5,
            cooldown_steps=5,
            ema_decay=0.9,
            checkpoint_every=10,
            sample_every=20,
        ),
        threads=1,
    ),
}


def preset(name: str) -> Preset:
    """The preset of that name; a `RecipeError` lists the names there are."""
    try:
        return PRESETS[name]
    except KeyError:
        names = ", ".join(PRESETS)
        raise RecipeError(f"There is no preset called {name}. Choose one of: {names}.") from None
