"""Two small random diffusers `UNet2DConditionModel`s, their inputs, outputs, and the gradient of the input."""

import torch
from diffusers import UNet2DConditionModel

from .common import FOLDER, normal, randomise, save_tensors


def small():
    """The newer options: attention at the deep levels only, linear projections, heads a level, one layer a block."""
    model = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 24, 32),
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        attention_head_dim=(2, 4, 2),
        cross_attention_dim=24,
        use_linear_projection=True,
        norm_num_groups=8,
    )
    return randomise(model, seed=1)


def sd():
    """SD 1.x's options at a fraction of its width: 1x1 convolutions as projections, two layers, four levels."""
    model = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(16, 16, 24, 24),
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        layers_per_block=2,
        attention_head_dim=8,
        cross_attention_dim=20,
        use_linear_projection=False,
        norm_num_groups=8,
    )
    return randomise(model, seed=2)


def make():
    write("unet", small(), sample=normal((2, 4, 8, 12), seed=11), text=normal((2, 7, 24), seed=12), seed=13)
    write("unet_sd", sd(), sample=normal((2, 4, 16, 8), seed=21), text=normal((2, 9, 20), seed=22), seed=23)


def write(folder, model, sample, text, seed):
    model.save_pretrained(FOLDER / folder)
    # One fractional and the largest; then zero and a middling one, each picture of the batch with its own.
    cases = {"": torch.tensor([17.5, 999.0]), "_1": torch.tensor([0.0, 500.0])}
    tensors = {"sample": sample, "encoder_hidden_states": text, "probe": normal(sample.shape, seed)}
    for suffix, timestep in cases.items():
        hidden = {}
        hooks = record(model, hidden) if suffix == "" else []
        leaf = sample.clone().requires_grad_()
        output = model(leaf, timestep, encoder_hidden_states=text).sample
        (output * tensors["probe"]).sum().backward()
        for hook in hooks:
            hook.remove()
        tensors |= {f"timestep{suffix}": timestep, f"output{suffix}": output, f"grad_sample{suffix}": leaf.grad}
        tensors |= hidden
        deviation(model, sample, timestep, text, output)
    save_tensors(f"{folder}/io.safetensors", tensors)
    print(f"  {sum(p.numel() for p in model.parameters())} parameters")


def record(model, hidden):
    """Keeps each part's output under `hidden.<its name>`: where the first one differs, look there."""

    def keep(name):
        def hook(_module, _arguments, output):
            # A down block returns (hidden, skips).
            hidden[f"hidden.{name}"] = (output[0] if isinstance(output, tuple) else output).detach().clone()

        return hook

    parts = {"time_embedding": model.time_embedding, "conv_in": model.conv_in, "mid_block": model.mid_block}
    parts |= {f"down_blocks.{i}": block for i, block in enumerate(model.down_blocks)}
    parts |= {f"up_blocks.{i}": block for i, block in enumerate(model.up_blocks)}
    return [part.register_forward_hook(keep(name)) for name, part in parts.items()]


def deviation(model, sample, timestep, text, output):
    """Prints how far f32 itself is from f64: no tolerance can be below that."""
    exact = model.double()(sample.double(), timestep.double(), encoder_hidden_states=text.double()).sample
    model.float()
    print(f"  f32 against f64: max abs {(exact - output).abs().max():.2e}")
