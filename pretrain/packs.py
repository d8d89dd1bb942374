"""Carrying the recipe to a machine with a GPU and nothing else: everything up to the rendered pictures, in pieces.

`python -m pretrain.packs pack --work DIR --to FOLDER` writes pieces under 60 MB; `unpack --work DIR --from FOLDER`
on the other machine makes a work folder in which `pretrain.run` goes on as if it had fetched and rendered there.
A piece holds lossless WebP pictures; the first holds the catalogue and MiniLM's small files as well, and
MiniLM's weights travel in half precision. `split` and `join` do the same for any other file, such as a checkpoint.
"""

import argparse
import io
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from safetensors.torch import load_file, save_file

from . import text
from .catalogue import catalogue
from .errors import RecipeError
from .render import GOOD, SIZE

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


def unpack(source: Path, work: Path) -> None:
    """Makes the work folder from all pieces; pieces may arrive one by one, so this may be called again."""
    pieces = sorted(source.glob("atelier-*.zip"))
    if not pieces:
        raise RecipeError(f"There are no atelier-*.zip pieces in {source}. Make them with `python -m pretrain.packs pack`.")
    encoder = text.folder(work)
    encoder.mkdir(parents=True, exist_ok=True)
    pictures = None
    for piece in pieces:
        with zipfile.ZipFile(piece) as archive:
            for name in archive.namelist():
                content = archive.read(name)
                if name.startswith("minilm/"):
                    (encoder / name.removeprefix("minilm/")).write_bytes(content)
                elif name.startswith("pictures/"):
                    if pictures is None:
                        pictures = _empty_pack(work)
                    pictures[int(Path(name).stem)] = np.asarray(Image.open(io.BytesIO(content)).convert("RGBA"))
                else:
                    (work / name).write_bytes(content)


def _empty_pack(work: Path) -> np.ndarray:
    file, count = work / "rgba128.npy", len(np.load(work / "rendered.npy"))
    if file.exists():
        return np.load(file, mmap_mode="r+")
    return np.lib.format.open_memmap(file, "w+", np.uint8, (count, SIZE, SIZE, 4))


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


def split(file: Path, target: Path, piece: int) -> None:
    """Cuts a file into `<name>.000` and on, each of at most `piece` bytes."""
    target.mkdir(parents=True, exist_ok=True)
    with file.open("rb") as stream:
        for count in range(1000):
            content = stream.read(piece)
            if not content:
                return
            (target / f"{file.name}.{count:03}").write_bytes(content)


def join(source: Path, file: Path) -> None:
    """The file again from its pieces."""
    pieces = sorted(source.glob(f"{file.name}.[0-9][0-9][0-9]"))
    if not pieces:
        raise RecipeError(f"There are no pieces of {file.name} in {source}.")
    with file.open("wb") as stream:
        for piece in pieces:
            stream.write(piece.read_bytes())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, second in (("pack", "--to"), ("unpack", "--from")):
        command = commands.add_parser(name)
        command.add_argument("--work", type=Path, required=True)
        command.add_argument(second, dest="folder", type=Path, required=True)
    for name, second in (("split", "--to"), ("join", "--from")):
        command = commands.add_parser(name)
        command.add_argument("--file", type=Path, required=True)
        command.add_argument(second, dest="folder", type=Path, required=True)
        if name == "split":
            command.add_argument("--megabytes", type=float, default=15)
    arguments = parser.parse_args()
    match arguments.command:
        case "pack":
            pack(arguments.work, arguments.folder)
        case "unpack":
            unpack(arguments.folder, arguments.work)
        case "split":
            split(arguments.file, arguments.folder, int(arguments.megabytes * 1e6))
        case "join":
            join(arguments.folder, arguments.file)


if __name__ == "__main__":
    main()
