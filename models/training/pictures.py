"""Folders of pictures."""

from pathlib import Path

from .errors import TrainingError


def pictures_in(folder: Path) -> list[Path]:
    """The pictures of a folder in name order; TrainingError where there is none."""
    if not folder.is_dir():
        raise TrainingError(f"no folder {folder} to take training pictures from")
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not paths:
        raise TrainingError(f"no pictures in {folder}")
    return paths
