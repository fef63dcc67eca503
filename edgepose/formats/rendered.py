"""Skeletons over pictures and clips, as files: NAME_rendered.png or .jpg a picture, NAME_rendered.mp4 a clip."""

from pathlib import Path, PurePath

import numpy as np

from edgepose import render
from edgepose.adapters.clip_length import frame_count
from edgepose.adapters.clip_writer import ClipWriter
from edgepose.domain import ByteArray, FrameResult
from edgepose.formats.folder import OutputFolder
from edgepose.formats.origin import Origin


class Drawing:
    """Draws the people of a frame, over the upright picture or on black."""

    def __init__(self, rotate: int = 0, *, black: bool = False) -> None:
        """rotate: clockwise degrees that were applied before inference. Raises EdgeposeError without Pillow."""
        render.pillow()
        self._turns, self._black = rotate // 90, black

    def of(self, result: FrameResult) -> ByteArray:
        """(H, W, 3) uint8 RGB."""
        return render.draw(self._ground(result), [track.pose for track in result.tracks], result.layout)

    def _ground(self, result: FrameResult) -> ByteArray:
        if self._black:
            return np.zeros((result.size[1], result.size[0], 3), np.uint8)
        picture = result.frame.picture
        pixels: ByteArray = np.ascontiguousarray(np.rot90(picture.rgb(picture.width, picture.height), -self._turns))
        return pixels


class Rendered:
    """A writer (edgepose.formats.writers.Writer) of pictures and clips with the people drawn in."""

    def __init__(self, folder: OutputFolder, drawing: Drawing) -> None:
        self._folder, self._drawing = folder, drawing
        self._clip: ClipWriter | None = None
        self._clip_stem: str | None = None
        self._whole: dict[str, bool] = {}

    def has(self, origin: Origin) -> bool:
        """Whether the picture is there; of a clip, whether it is there with all its frames."""
        if origin.still:
            return self._folder.holds(_picture_name(origin))
        if origin.input_stem not in self._whole:
            name = _clip_name(origin)
            drawn = frame_count(self._folder.path / name) if self._folder.holds(name) else None
            self._whole[origin.input_stem] = drawn is not None and drawn == frame_count(Path(origin.source))
        return self._whole[origin.input_stem]

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the picture, or append to the input's clip."""
        drawn = self._drawing.of(result)
        if origin.still:
            self._folder.put(_picture_name(origin), lambda path: render.save(drawn, path))
            return
        if self._clip is None or origin.input_stem != self._clip_stem:
            self.close()
            self._clip_stem = origin.input_stem
            self._clip = ClipWriter(self._folder.fresh(_clip_name(origin)))
        self._clip.add(drawn, result.frame.t_s)

    def close(self) -> None:
        """Finish the clip that is open."""
        clip, self._clip = self._clip, None
        if clip is not None:
            clip.close()


class OneClip:
    """A writer of everything, drawn, into one clip: clips at their own pace, pictures at `fps`."""

    def __init__(self, path: Path, drawing: Drawing, fps: float | None) -> None:
        """fps: of every frame; None: clips keep their pace, and pictures get 30."""
        self._clip, self._drawing, self._fps = ClipWriter(path), drawing, fps
        self._next_s, self._shift_s = 0.0, 0.0
        self._input: str | None = None

    def has(self, origin: Origin) -> bool:  # noqa: ARG002
        """It is always made afresh."""
        return False

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Append the frame."""
        self._clip.add(self._drawing.of(result), self._time_s(result, origin))

    def close(self) -> None:
        """Finish the clip."""
        self._clip.close()

    def _time_s(self, result: FrameResult, origin: Origin) -> float:
        if origin.still or self._fps:
            now_s = self._next_s
            step_s = 1 / (self._fps or 30.0)
        else:
            if origin.source != self._input:
                self._input, self._shift_s = origin.source, self._next_s - result.frame.t_s
            now_s = result.frame.t_s + self._shift_s
            step_s = max(now_s - self._next_s, 0.0) + 1 / 30.0
        self._next_s = now_s + step_s
        return now_s


def _picture_name(origin: Origin) -> str:
    ending = "jpg" if PurePath(origin.source).suffix.lower() in (".jpg", ".jpeg") else "png"
    return f"{origin.frame_stem}_rendered.{ending}"


def _clip_name(origin: Origin) -> str:
    return f"{origin.input_stem}_rendered.mp4"
