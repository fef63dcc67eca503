"""The folder that a command writes into: nothing outside it, and no input is ever overwritten."""

from collections.abc import Callable, Iterable
from pathlib import Path

from edgepose.errors import EdgeposeError, UsageError


class OutputFolder:
    """Names files inside one folder, which it makes."""

    def __init__(self, path: Path, inputs: Iterable[Path] = ()) -> None:
        """inputs: files that must stay as they are. Raises UsageError when path can't be a folder."""
        self._inputs = frozenset(file.resolve() for file in inputs)
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError as exc:
            raise UsageError(f"{path} is a file; name a folder to write into") from exc
        except OSError as exc:
            raise UsageError(f"can't make the folder {path}: {exc.strerror}") from exc
        self.path = path

    def holds(self, name: str) -> bool:
        """Whether an earlier run has left a file of that name."""
        return (self.path / name).is_file()

    def put(self, name: str, write: Callable[[Path], None]) -> None:
        """Let `write` fill a file that gets its name only when it is whole. Raises EdgeposeError and what it raises."""
        path = self.fresh(name)
        # The ending stays, since it tells some writers what to write.
        unfinished = self.fresh(f".unfinished-{name}")
        write(unfinished)
        try:
            unfinished.replace(path)
        except OSError as exc:
            raise EdgeposeError(f"can't write {path}: {exc.strerror}") from exc

    def fresh(self, name: str) -> Path:
        """The path of a file of that name, after removing what an earlier run left there.

        A link is removed, not followed. Raises EdgeposeError when the name belongs to an input or can't be written.
        """
        if name != Path(name).name or name in ("", ".."):
            raise EdgeposeError(f"{name!r} is not the name of a file in {self.path}")
        path = self.path / name
        if path.resolve() in self._inputs:
            raise EdgeposeError(f"{path} is one of the inputs and is left as it is; write into another folder")
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise EdgeposeError(f"can't replace {path}: {exc.strerror}") from exc
        return path
