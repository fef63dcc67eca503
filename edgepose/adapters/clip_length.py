"""How many frames a video will have, for a progress bar: a glance at its header, without decoding."""

from pathlib import Path


def frame_count(path: Path) -> int | None:
    """As the header says, or reckoned from length and rate; None where it can't be told. Never raises."""
    import av

    try:
        with av.open(f"file:{path}", "r") as container:
            stream = container.streams.video[0]
            if stream.frames:
                return int(stream.frames)
            if container.duration and stream.average_rate:
                return round(container.duration / av.time_base * stream.average_rate)
    except (av.FFmpegError, OSError, IndexError):
        pass  # whoever reads the file says what is wrong with it
    return None
