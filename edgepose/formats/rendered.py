"""Skeletons over pictures and clips, as files: NAME_rendered.png or .jpg a picture, NAME_rendered.mp4 a clip."""

from pathlib import PurePath

import numpy as np

from edgepose import render
from edgepose.adapters.clip_writer import ClipWriter
from edgepose.domain import ByteArray, FrameResult
from edgepose.formats.folder import OutputFolder
from edgepose.formats.origin import Origin


class Rendered:
    """A writer (edgepose.formats.writers.Writer) of pictures and clips with the people drawn in."""

    def __init__(self, folder: OutputFolder, rotate: int = 0) -> None:
        """rotate: clockwise degrees that were applied before inference. Raises EdgeposeError without Pillow."""
        render.pillow()
        self._folder, self._turns = folder, rotate // 90
        self._clip: ClipWriter | None = None
        self._clip_stem: str | None = None

    def add(self, result: FrameResult, origin: Origin) -> None:
        """Write the picture, or append to the input's clip."""
        drawn = render.draw(self._upright(result), [track.pose for track in result.tracks], result.layout)
        if result.frame.name:
            ending = "jpg" if PurePath(result.frame.name).suffix.lower() in (".jpg", ".jpeg") else "png"
            render.save(drawn, self._folder.fresh(f"{origin.frame_stem}_rendered.{ending}"))
            return
        if self._clip is None or origin.input_stem != self._clip_stem:
            self.close()
            self._clip_stem = origin.input_stem
            self._clip = ClipWriter(self._folder.fresh(f"{origin.input_stem}_rendered.mp4"))
        self._clip.add(drawn, result.frame.t_s)

    def close(self) -> None:
        """Finish the clip that is open."""
        clip, self._clip = self._clip, None
        if clip is not None:
            clip.close()

    def _upright(self, result: FrameResult) -> ByteArray:
        picture = result.frame.picture
        pixels: ByteArray = np.ascontiguousarray(np.rot90(picture.rgb(picture.width, picture.height), -self._turns))
        return pixels
