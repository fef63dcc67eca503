"""ESTIMATES of what a frame costs on a Raspberry Pi 4 and 5, from instructions counted on x86-64 with callgrind.

usage: python tests/bench/estimate_pi.py [NETWORK …]     (valgrind has to be installed)
Nothing here has run on a Pi. What is counted: instructions of one frame (AVX2, one thread), for the network
alone and for the whole chain without decoding. What is assumed, and may be wrong by a factor of two:
- Cortex-A72 (Pi 4) has no 8-bit dot product and 128-bit vectors: twice the instructions of AVX2. 1.8 GHz.
- Cortex-A76 (Pi 5) has the dot product, sixteen multiplications an instruction as AVX2's: as many. 2.4 GHz.
- 1 to 2 instructions a cycle on the A72, 1.5 to 3 on the A76.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

BOARDS = {"Pi 4": (2.0, 1.8e9, (1.0, 2.0)), "Pi 5": (1.0, 2.4e9, (1.5, 3.0))}
"""Instructions for one of AVX2, Hz, instructions a cycle at worst and at best."""
FEW, MANY = 2, 5


def work(what: str, name: str, frames: int) -> None:
    """What is counted; the difference between few and many frames is what a frame costs."""
    from edgepose import networks
    from edgepose.adapters.picture_av import picture_from_rgb
    from edgepose.care.settings import Care, Tracking
    from edgepose.clock import WallClock
    from edgepose.config import Model
    from edgepose.demo_clip import CLIP
    from edgepose.domain import Frame
    from edgepose.people_watch import PeopleWatch
    from tests.clips import frames_of

    network = networks.load(name)
    pictures = frames_of(CLIP, 100, MANY)[:frames]
    if what == "network":
        model = networks.open_plain(network, Model(threads=1))
        model.input_view()[...] = 99
        for _ in pictures:
            model.infer()
        return
    pipeline = networks.build_pipeline(network, Model(threads=1))
    layout = network.sidecar.skeleton.layout
    watch = PeopleWatch(
        camera="x", layout=layout, zones={}, tracking=Tracking(confirm_s=0), care=Care(), clock=WallClock()
    )
    for number, picture in enumerate(pictures):
        watch(pipeline(Frame(picture_from_rgb(picture), number / 15, 0, number)))


def instructions(what: str, name: str, frames: int) -> int:
    """As callgrind counts them."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "counted"
        tool = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}"]
        command = [*tool, sys.executable, __file__, "--work", what, name, str(frames)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-2000:])
        totals = next(line for line in out.read_text().splitlines() if line.startswith(("totals:", "summary:")))
    return int(totals.split()[1])


def main() -> None:
    """Count and print."""
    if sys.argv[1:2] == ["--work"]:
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    if not shutil.which("valgrind"):
        raise SystemExit("valgrind is not installed; sudo apt-get install valgrind")
    print("ESTIMATES from counted instructions; nothing of this was measured on a Pi")
    for name in sys.argv[1:] or ["edgepose_192x256_int8"]:
        for what in ("network", "chain"):
            each = (instructions(what, name, MANY) - instructions(what, name, FEW)) / (MANY - FEW)
            line = f"{name}, {what}: {each / 1e6:.0f} million instructions a frame"
            for board, (factor, hertz, (worst, best)) in BOARDS.items():
                low, high = (1e3 * each * factor / hertz / per_cycle for per_cycle in (best, worst))
                line += f"; {board} {low:.0f} to {high:.0f} ms"
            print(line, flush=True)


if __name__ == "__main__":
    main()
