"""The whole recipe: `python -m pretrain.run --preset cpu --work DIR --out www/models/sketch`.

Steps that are done are skipped, so the same command goes on after a stop. `--only STEP` runs up to and
including one step; `--minutes` stops training in time for a slice on a borrowed machine.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from . import autoencoder, encode, export, presets, text, training, unet
from .drawings import drawn_in, rows_of
from .errors import RecipeError
from .pictures import prepare
from .plots import save_plot
from .render import render
from .sample import save_samples

STEPS = ("fetch", "render", "pictures", "autoencoder", "encode", "unet", "export")


def run(preset: presets.Preset, work: Path, out: Path | None, last: str, minutes: float | None) -> None:
    """All steps up to `last`."""
    until = time.time() + 60 * minutes if minutes is not None else float("inf")
    folder = work / preset.name
    folder.mkdir(parents=True, exist_ok=True)
    if preset.threads:
        torch.set_num_threads(preset.threads)
    todo = STEPS[: STEPS.index(last) + 1]

    # With several processes the first one makes the files, and the others read them.
    with training.processes().main_process_first():
        rows, pack, states = [], None, None
        if not (folder / "pictures.jsonl").exists():
            rows = rows_of(preset, work)
            pack, states = render(work, rows, drawn_in(preset, work)) if "render" in todo else (None, None)
        if "pictures" not in todo:
            return
        pixels, pictures = prepare(folder, preset, rows, pack, states)
    if "autoencoder" not in todo:
        return
    vae = autoencoder.train(folder, preset, pixels, torch.ones(len(pictures)), until)
    if "encode" not in todo:
        return
    drawn = [place for place, picture in enumerate(pictures) if picture.weight > 0]
    drawn_pictures = [pictures[place] for place in drawn]
    encoder = text.TextEncoder(text.folder(work))
    device = "cuda" if torch.cuda.is_available() else "cpu"
    vae.to(device), encoder.model.to(device)
    with training.processes().main_process_first():
        encode.encode_latents(folder, preset, vae, pixels, torch.tensor(drawn))
        encode.encode_text(folder, encoder, drawn_pictures)
    if "unet" not in todo:
        return

    def preview(model, step: int) -> None:
        save_plot(folder / "unet.log", "loss", folder / "unet.png")
        save_samples(model, vae, encoder, folder / "samples" / f"{step:06}.png")

    unet.train(folder, preset, drawn_pictures, until, preview)
    if "export" in todo and out is not None and training.processes().is_main_process:
        export.export(preset, work, out)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="cpu", choices=list(presets.PRESETS), help="which size of everything")
    parser.add_argument("--work", type=Path, required=True, help="folder for downloads, packs and checkpoints")
    parser.add_argument("--out", type=Path, help="folder the model is written to")
    parser.add_argument("--only", dest="last", default=STEPS[-1], choices=STEPS, help="stop after this step")
    parser.add_argument("--minutes", type=float, help="stop training after this long and export what there is; the same command goes on")
    arguments = parser.parse_args()
    try:
        run(presets.preset(arguments.preset), arguments.work, arguments.out, arguments.last, arguments.minutes)
    except RecipeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
