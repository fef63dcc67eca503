"""The head's weights on disk: a small .npz, and beside it a record of what they were trained on."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from .errors import TrainingError

Array = Any


def save_head(path: Path, weights: dict[str, Array]) -> None:
    """Writes `weights` as float16, which is exact enough: int8 weights are coarser."""
    write_arrays(path, {name: np.asarray(weight, np.float16) for name, weight in weights.items()})


def load_head(path: Path) -> dict[str, Array]:
    """The weights of a file by save_head, as float32; TrainingError if it is not one."""
    try:
        with np.load(path) as stored:
            return {name: stored[name].astype(np.float32) for name in stored.files}
    except (OSError, ValueError) as error:
        raise TrainingError(f"{path} holds no head weights ({error})") from error


def write_record(weights: Path, trained: str, data: list[tuple[Path, int]]) -> None:
    """Writes the record of `weights`: how they were trained, on which annotation files and how many pictures.

    Licence and maker of the data are for a person to fill in; `export` copies all of it into the sidecars.
    """
    entries = [
        {
            "what": "training data",
            "source": f"{annotations.name}, {pictures} pictures",
            "sha256": sha256_of(annotations),
            "licence": "unknown",
            "maker": "unknown",
        }
        for annotations, pictures in data
    ]
    text = yaml.safe_dump({"trained": trained, "data": entries}, sort_keys=False, width=110)
    record_path(weights).write_text(text)


def extend_record(weights: Path, other: Path, trained: str) -> None:
    """Gives the weights `other`, which training made of `weights`, their record and what was done since."""
    record = read_record(weights)
    record["trained"] = f"{record['trained']}; then {trained}"
    record_path(other).write_text(yaml.safe_dump(record, sort_keys=False, width=110))


def copy_record(weights: Path, other: Path) -> None:
    """Gives the weights `other` the record of `weights`, of which they were made."""
    record_path(other).write_bytes(record_path(weights).read_bytes())


def read_record(weights: Path) -> dict[str, Any]:
    """The record beside `weights`: `trained` and `data`; TrainingError if there is none."""
    try:
        record = yaml.safe_load(record_path(weights).read_text())
        return {"trained": str(record["trained"]), "data": list(record["data"])}
    except (OSError, KeyError, TypeError, yaml.YAMLError) as error:
        raise TrainingError(
            f"{record_path(weights)} does not say what {weights.name} was trained on ({error!r})"
        ) from error


def record_path(weights: Path) -> Path:
    """Where the record of a weight file lies."""
    return weights.with_suffix(".yaml")


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_arrays(path: Path, arrays: dict[str, Array]) -> None:
    """Writes an .npz that is whole or not there."""
    part = path.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(path)
