"""Whether an adapter has begun to copy: how near its pictures come to the works it was trained on, in latent space."""

import numpy as np
import torch

from .base import Base


def nearness(base: Base, pictures: np.ndarray, works: np.ndarray, real: np.ndarray) -> float:
    """Median distance of `pictures` to the nearest work (or its mirror image), in shares of what `real` pictures
    of the same hand and concepts have. 1: as near as the hand's own other pictures; far below 1: copies."""
    latents = torch.cat([base.latents(works), base.latents(works[:, :, ::-1])])
    return float(_to_nearest(base.latents(pictures), latents) / _to_nearest(base.latents(real), latents))


def _to_nearest(latents: torch.Tensor, works: torch.Tensor) -> torch.Tensor:
    return torch.cdist(latents.flatten(1), works.flatten(1)).min(1).values.median()
