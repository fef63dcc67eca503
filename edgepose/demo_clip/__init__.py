"""The bundled clip, rendered by models/training/render, and the exact joints of the people in it."""

from importlib.resources import files
from pathlib import Path

_FOLDER = Path(str(files(__name__)))
CLIP = _FOLDER / "clip.mp4"
TRUTH = _FOLDER / "truth.json"
