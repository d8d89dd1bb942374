"""The upscaler of saved pictures: Anime4K's CNN 2x (size L, MIT), made for flat drawing, as a safetensors file.

`python -m pretrain.upscaler --work DIR --out www/models/upscaler` converts the weights of npm `@websr/websr`;
`--golden DIR` also writes an input and what the network makes of it.

The network, on pictures [batch, 3, H, W] in 0..1, with crelu(x) = [relu(x), relu(-x)] along the channels:

    features_0 = conv.0(picture)                            3x3, 3 to 8, zero padding; so are the next
    features_i = conv.i(crelu(features_(i-1)))              3x3, 16 to 8; i = 1..6
    residual   = last([crelu(features_0), ..., crelu(features_6)])    1x1, 112 to 12
    result     = bilinear 2x of the picture + pixel_shuffle(residual, 2), cut to 0..1
"""

import argparse
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from .errors import RecipeError
from .fetch import fetch

DEPTH = 7
LICENCE = "Anime4K CNN 2x L, bloc97 and Sam Bhattacharyya (npm @websr/websr 0.0.15), MIT"


def convert(work: Path) -> dict[str, torch.Tensor]:
    """`conv.0` to `conv.6` and `last`, each with `.weight` [out, in, h, w] and `.bias`."""
    fetch(work, ["websr"])
    file = work / "sources" / "websr" / "package" / "weights" / "anime4k" / "cnn-2x-l-an.json"
    layers = json.loads(file.read_text())["layers"]
    state = {}
    for depth in range(DEPTH):
        name = "conv2d_tf" if depth == 0 else f"conv2d_{depth}_tf"
        # Four channels a layer, so two layers side by side are one of eight.
        weight, bias = _joined([layers[name], layers[f"{name}1"]])
        # matrix of (group, x, y): the taps run down the columns
        groups = weight.shape[1] // 36
        weight = weight.reshape(8, groups, 3, 3, 4).permute(0, 1, 4, 3, 2).reshape(8, 4 * groups, 3, 3)
        state[f"conv.{depth}.weight"], state[f"conv.{depth}.bias"] = weight.contiguous(), bias
    if state["conv.0.weight"][:, 3].abs().max() > 0:
        raise RecipeError("The upscaler's first layer reads the picture's transparency, which this conversion leaves out.")
    state["conv.0.weight"] = state["conv.0.weight"][:, :3].contiguous()
    weight, state["last.bias"] = _joined([layers[f"conv2d_last_tf{number}"] for number in ("", 1, 2)])
    state["last.weight"] = weight[..., None, None].contiguous()
    return state


def _joined(layers: list[dict]) -> tuple[torch.Tensor, torch.Tensor]:
    """Weights [4 * layers, inputs] and biases; the file has 4x4 matrices column by column."""
    weights = [torch.tensor(layer["weights"]).reshape(-1, 4, 4).permute(2, 0, 1).reshape(4, -1) for layer in layers]
    return torch.cat(weights), torch.cat([torch.tensor(layer["bias"]) for layer in layers])


def upscale(state: dict[str, torch.Tensor], pictures: torch.Tensor) -> torch.Tensor:
    """[batch, 3, 2 H, 2 W] of `pictures` [batch, 3, H, W] in 0..1."""
    values, found = pictures, []
    for depth in range(DEPTH):
        values = F.conv2d(values, state[f"conv.{depth}.weight"], state[f"conv.{depth}.bias"], padding=1)
        found.append(_crelu(values))
        values = found[-1]
    residual = F.conv2d(torch.cat(found, 1), state["last.weight"], state["last.bias"])
    larger = F.interpolate(pictures, scale_factor=2, mode="bilinear", align_corners=False)
    return (larger + F.pixel_shuffle(residual, 2)).clamp(0, 1)


def _crelu(values: torch.Tensor) -> torch.Tensor:
    return torch.cat([values.relu(), (-values).relu()], 1)


def golden(state: dict[str, torch.Tensor], folder: Path) -> None:
    """`golden.safetensors` with `input` [1, 3, 8, 12], smooth but for a hard edge, and `output` [1, 3, 16, 24]."""
    y, x = torch.meshgrid(torch.linspace(0, 1, 8), torch.linspace(0, 1, 12), indexing="ij")
    picture = torch.stack([x, y, (x + y > 1).float()])[None]
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"input": picture.contiguous(), "output": upscale(state, picture).contiguous()}, folder / "golden.safetensors")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads")
    parser.add_argument("--out", type=Path, required=True, help="folder the weights are written to")
    parser.add_argument("--golden", type=Path, help="folder for the test values")
    options = parser.parse_args()
    try:
        state = convert(options.work)
        options.out.mkdir(parents=True, exist_ok=True)
        save_file(state, options.out / "upscaler.safetensors", metadata={"format": "pt", "source": LICENCE})
        if options.golden:
            golden(state, options.golden)
    except RecipeError as problem:
        sys.exit(f"pretrain: {problem}")


if __name__ == "__main__":
    main()
