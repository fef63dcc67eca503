"""A daemon at work for an hour: `python tests/bench/soak.py [--minutes M] [--fps F] [--out FILE.csv]`.

A camera of 30 frames a second (or, with --fps 0, as quick as the network allows), a real broker, a reader, and a
supervisor that notes when the watchdog is fed.
What it prints: the slope of resident memory after a warm-up, descriptors and threads at both ends, and the longest gap
between two feedings. Pages of files count as resident while the system keeps them, and come and go as it likes; what
the daemon itself has taken is the anonymous part, and decides.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import av
import yaml

from edgepose.demo_clip import CLIP
from tests.broker import Mosquitto, Reader
from tests.daemon import config

WATCHDOG_S = 10.0
WARM_UP_S = 600.0


@dataclass(frozen=True)
class Sample:
    """The daemon at one moment."""

    t_s: float
    rss_kb: int
    anonymous_kb: int
    files: int
    threads: int


def sample(pid: int, t_s: float) -> Sample:
    """What /proc tells of a process."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    files = len(list(Path(f"/proc/{pid}/fd").iterdir()))
    rss_kb, anonymous_kb = (int(status[name].split()[0]) for name in ("VmRSS", "RssAnon"))
    return Sample(t_s, rss_kb, anonymous_kb, files, int(status["Threads"]))


def slope_mb_per_h(samples: list[Sample], of: Callable[[Sample], int] = attrgetter("anonymous_kb")) -> float:
    """Least squares over the samples after the warm-up."""
    late = [each for each in samples if each.t_s >= min(WARM_UP_S, samples[-1].t_s / 3)]
    if len(late) < 3:
        return float("nan")
    fit = statistics.linear_regression([each.t_s for each in late], [of(each) for each in late])
    return fit.slope * 3600 / 1024


def clip_at(fps: float, path: Path) -> Path:
    """The demo clip's very pictures at another rate: the packets are copied, their times stretched."""
    with av.open(str(CLIP)) as source, av.open(str(path), "w") as copy:
        here = source.streams.video[0]
        there = copy.add_stream_from_template(here)
        stretch = float(here.average_rate or fps) / fps
        for packet in source.demux(here):
            if packet.dts is None:
                continue
            packet.pts, packet.dts = round((packet.pts or 0) * stretch), round(packet.dts * stretch)
            packet.duration = round((packet.duration or 0) * stretch)
            packet.stream = there
            copy.mux(packet)
    return path


class Supervisor:
    """Listens where systemd would."""

    def __init__(self, path: Path) -> None:
        self.beats: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            if b"WATCHDOG=1" in self._socket.recv(4096):
                self.beats.append(time.monotonic())

    def longest_gap_s(self) -> float:
        """Between two feedings."""
        return max((later - sooner for sooner, later in zip(self.beats, self.beats[1:], strict=False)), default=0.0)


def main() -> int:
    """Run and print; fails where memory, descriptors or threads grow, or the watchdog was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--fps", type=float, default=30.0, help="0: as quick as the network allows")
    parser.add_argument("--out", type=Path, help="a CSV file for the samples")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        return soak(Path(name), args.minutes * 60, args.fps, args.out)


def soak(folder: Path, seconds: float, fps: float, out: Path | None) -> int:
    """One run in a folder."""
    broker = Mosquitto(folder / "broker").start()
    supervisor = Supervisor(folder / "notify")
    clip = clip_at(fps, folder / "clip.mp4") if fps else CLIP
    made = config(broker.port, {"type": "file", "path": str(clip), "loop": True, "realtime": bool(fps)})
    made["mqtt"]["pose"] = {}
    (folder / "edgepose.yaml").write_text(yaml.safe_dump(made))
    environment = {
        **os.environ,
        "STATE_DIRECTORY": str(folder / "state"),
        "NOTIFY_SOCKET": str(folder / "notify"),
        "WATCHDOG_USEC": str(int(WATCHDOG_S * 1e6)),
    }
    reader = Reader(broker.port, "edgepose/flat/+/status")
    with (folder / "log").open("w") as log:
        daemon = subprocess.Popen(
            [sys.executable, "-m", "edgepose", "run", "--config", str(folder / "edgepose.yaml")],
            stdout=log,
            stderr=log,
            env=environment,
        )
    samples: list[Sample] = []
    try:
        reader.wait_for("edgepose/flat/room/status", b"online")
        started = time.monotonic()
        while (t_s := time.monotonic() - started) < seconds:
            samples.append(sample(daemon.pid, t_s))
            if len(samples) % 30 == 0:
                print(
                    f"{t_s:7.0f} s  {samples[-1].rss_kb / 1024:.1f} MB, "
                    f"anonymous {samples[-1].anonymous_kb / 1024:.1f} MB {slope_mb_per_h(samples):+.2f} MB/h",
                    flush=True,
                )
            time.sleep(5)
    finally:
        daemon.terminate()
        code = daemon.wait(10)
        reader.close()
        broker.kill()
    if out:
        out.write_text("".join(f"{s.t_s:.0f},{s.rss_kb},{s.anonymous_kb},{s.files},{s.threads}\n" for s in samples))
    first, last = samples[min(3, len(samples) - 1)], samples[-1]
    log = (folder / "log").read_text()
    print(f"{last.t_s / 60:.1f} minutes, {log.strip().splitlines()[-1]}")
    print(f"resident memory {first.rss_kb / 1024:.1f} MB, at the end {last.rss_kb / 1024:.1f} MB")
    print(f"anonymous {first.anonymous_kb / 1024:.1f} MB, at the end {last.anonymous_kb / 1024:.1f} MB")
    resident = slope_mb_per_h(samples, attrgetter("rss_kb"))
    print(f"slope after the warm-up: resident {resident:+.2f} MB/h, anonymous {slope_mb_per_h(samples):+.2f} MB/h")
    print(f"descriptors {first.files}, at the end {last.files}; threads {first.threads}, at the end {last.threads}")
    print(
        f"watchdog fed {len(supervisor.beats)} times, longest gap {supervisor.longest_gap_s():.1f} of {WATCHDOG_S:g} s"
    )
    grown = slope_mb_per_h(samples) > 1 or last.files > first.files or last.threads > first.threads
    return int(grown or supervisor.longest_gap_s() >= WATCHDOG_S or code != 0)


if __name__ == "__main__":
    sys.exit(main())
