"""Carrying the recipe to a machine with a GPU and nothing else: everything up to the rendered pictures, in pieces.

`python -m pretrain.packs pack --work DIR --to FOLDER` writes pieces under 60 MB; `unpack --work DIR --from FOLDER`
on the other machine makes a work folder in which `pretrain.run` goes on as if it had fetched and rendered there.
A piece holds lossless WebP pictures; the first holds the catalogue and MiniLM's small files as well, and
MiniLM's weights travel in half precision. `result` writes the trained weights in half precision, without the
optimizer's state, in pieces that `join` puts together; `pretrain.export` and further training take them. `begin` makes
such weights of a published model, where the checkpoints it came from are gone.
"""

import argparse
import io
import sys
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from . import quantise, text, training
from .catalogue import catalogue
from .errors import RecipeError
from .render import GOOD, SIZE, WAITING

PIECE = 58_000_000


def pack(work: Path, target: Path) -> None:
    """Writes `atelier-000.zip` and on, each under 60 MB."""
    rows = catalogue(work)
    pictures, states = np.load(work / "rgba128.npy", mmap_mode="r"), np.load(work / "rendered.npy")
    target.mkdir(parents=True, exist_ok=True)
    with _Pieces(target) as pieces:
        pieces.write("catalogue.jsonl", (work / "catalogue.jsonl").read_bytes(), zipfile.ZIP_DEFLATED)
        pieces.write("rendered.npy", (work / "rendered.npy").read_bytes(), zipfile.ZIP_DEFLATED)
        for file in sorted(text.folder(work).glob("*.*")):
            if file.suffix in (".json", ".txt"):
                pieces.write(f"minilm/{file.name}", file.read_bytes(), zipfile.ZIP_DEFLATED)
        weights = load_file(text.folder(work) / "model.safetensors")
        half = target / "minilm.partial"
        save_file({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in weights.items()}, half)
        pieces.write("minilm/model.safetensors", half.read_bytes())
        half.unlink()
        for index in np.flatnonzero(states == GOOD):
            encoded = io.BytesIO()
            Image.fromarray(pictures[index]).save(encoded, "WEBP", lossless=True, exact=False, method=2)
            pieces.write(f"pictures/{index}.webp", encoded.getvalue())
    print(f"{pieces.count} pieces with {len(rows)} rows in {target}")


def unpack(source: Path, work: Path) -> int:
    """Makes the work folder from pieces, which may arrive one by one. Returns how many pictures are still to come;
    until none is, nothing can be trained in that folder."""
    pieces = sorted(source.glob("atelier-*.zip"))
    if not pieces:
        raise RecipeError(f"There are no atelier-*.zip pieces in {source}. Make them with `python -m pretrain.packs pack`.")
    encoder = text.folder(work)
    encoder.mkdir(parents=True, exist_ok=True)
    pictures = states = None
    for piece in pieces:
        with zipfile.ZipFile(piece) as archive:
            for name in archive.namelist():
                content = archive.read(name)
                if name.startswith("minilm/"):
                    (encoder / name.removeprefix("minilm/")).write_bytes(content)
                elif name.startswith("pictures/"):
                    if pictures is None:
                        pictures, states = _open(work)
                    index = int(Path(name).stem)
                    pictures[index] = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
                    states[index] = GOOD
                elif name == "rendered.npy":
                    expected = np.load(io.BytesIO(content))
                    np.save(work / name, np.where(expected == GOOD, WAITING, expected))
                else:
                    (work / name).write_bytes(content)
    return int((np.load(work / "rendered.npy", mmap_mode="r") == WAITING).sum())


def _open(work: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pack and states to write to; the first piece, which has the states, must have come."""
    if not (work / "rendered.npy").exists():
        raise RecipeError("Unpack atelier-000.zip first; it says which pictures there are.")
    states = np.load(work / "rendered.npy", mmap_mode="r+")
    file = work / "rgba128.npy"
    if file.exists():
        return np.load(file, mmap_mode="r+"), states
    return np.lib.format.open_memmap(file, "w+", np.uint8, (len(states), SIZE, SIZE, 4)), states


class _Pieces:
    """Zip files that are closed before they pass the limit."""

    def __init__(self, target: Path):
        self.target, self.count, self.size, self.archive = target, 0, 0, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.archive:
            self.archive.close()

    def write(self, name: str, content: bytes, compression: int = zipfile.ZIP_STORED) -> None:
        if self.archive is None or self.size + len(content) > PIECE:
            if self.archive:
                self.archive.close()
            self.archive = zipfile.ZipFile(self.target / f"atelier-{self.count:03}.zip", "w")
            self.count, self.size = self.count + 1, 0
        self.archive.writestr(name, content, compression)
        self.size += len(content) + 200


def result(work: Path, target: Path, piece: int) -> None:
    """Autoencoder and averaged UNet of `work` (a preset's folder) in half precision, each as `<name>.000` and on."""
    for name in ("autoencoder.pt", "unet.pt"):
        state = training.load_checkpoint(work / name)
        if state is None:
            raise RecipeError(f"There is no {name} in {work}. Train first.")
        weights = "average" if "average" in state else "model"
        kept = {key: state[key] for key in ("step", "scaling_factor") if key in state}
        kept[weights] = {key: tensor.to("cpu", torch.float16) for key, tensor in state[weights].items()}
        target.mkdir(parents=True, exist_ok=True)
        whole = target / name
        training.save_checkpoint(whole, kept)
        for old in target.glob(f"{name}.[0-9][0-9][0-9]"):
            old.unlink()
        content = whole.read_bytes()
        whole.unlink()
        for count, first in enumerate(range(0, len(content), piece)):
            (target / f"{name}.{count:03}").write_bytes(content[first : first + piece])


def join(source: Path, file: Path) -> None:
    """The file again from its pieces."""
    pieces = sorted(source.glob(f"{file.name}.[0-9][0-9][0-9]"))
    if not pieces:
        raise RecipeError(f"There are no pieces of {file.name} in {source}.")
    with file.open("wb") as stream:
        for piece in pieces:
            stream.write(piece.read_bytes())


def begin(model: Path, target: Path, autoencoder_steps: int, unet_steps: int) -> None:
    """Checkpoints in `target` (a preset's folder) from a published model, for training that goes on from it as after so
    many steps. Optimizers start anew."""
    target.mkdir(parents=True, exist_ok=True)
    for name, part, key, steps in (("autoencoder.pt", "vae", "model", autoencoder_steps), ("unet.pt", "unet", "average", unet_steps)):
        file = model / part / "diffusion_pytorch_model.safetensors"
        if not file.exists():
            raise RecipeError(f"There is no {part} in {model}. Name the folder of a model that the recipe has exported.")
        training.save_checkpoint(target / name, {key: quantise.dequantised(load_file(file)), "step": steps})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, first, second in (("pack", "--work", "--to"), ("unpack", "--work", "--from"), ("result", "--work", "--to"), ("join", "--file", "--from"), ("begin", "--work", "--from")):
        command = commands.add_parser(name)
        command.add_argument(first, dest="here", type=Path, required=True)
        command.add_argument(second, dest="folder", type=Path, required=True)
        if name == "result":
            command.add_argument("--megabytes", type=float, default=15, help="size of a piece")
        if name == "begin":
            command.add_argument("--steps", type=int, nargs=2, metavar=("AUTOENCODER", "UNET"), required=True, help="what the model has had")
    arguments = parser.parse_args()
    try:
        match arguments.command:
            case "pack":
                pack(arguments.here, arguments.folder)
            case "unpack":
                if waiting := unpack(arguments.folder, arguments.here):
                    raise RecipeError(f"{waiting} pictures are still to come. Unpack the other pieces too.")
            case "result":
                result(arguments.here, arguments.folder, int(arguments.megabytes * 1e6))
            case "join":
                join(arguments.folder, arguments.here)
            case "begin":
                begin(arguments.folder, arguments.here, *arguments.steps)
    except RecipeError as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
