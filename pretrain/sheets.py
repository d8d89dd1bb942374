"""Contact sheets: many pictures in one PNG."""

from pathlib import Path

import torch
from PIL import Image

GAP = 2


def save_sheet(pictures: torch.Tensor, file: Path, columns: int) -> None:
    """Writes pictures [count, 3, S, S] in -1..1 row by row, on grey."""
    size = pictures.shape[-1]
    rows = -(-len(pictures) // columns)
    sheet = Image.new("RGB", (columns * (size + GAP) - GAP, rows * (size + GAP) - GAP), (160, 160, 160))
    bytes_ = ((pictures.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    for place, pixels in enumerate(bytes_):
        sheet.paste(Image.fromarray(pixels), (place % columns * (size + GAP), place // columns * (size + GAP)))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, optimize=True)
