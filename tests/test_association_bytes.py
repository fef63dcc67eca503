"""The kernel's headers give the same bytes on arm64 (NEON, under qemu) and on this machine, whatever the path."""

import shutil
import subprocess
from pathlib import Path

import pytest

from edgepose._association import PATHS

HERE = Path(__file__).parent
FLAGS = ["-O3", "-fno-math-errno", "-ffp-contract=off", f"-I{HERE.parent / 'cython_ext'}"]
DIGEST = "0171463aac7925e5"


def digest(folder: Path, compiler: str, *how: str, path: str = "0", runner: tuple[str, ...] = ()) -> str:
    program = folder / f"digest-{compiler}"
    subprocess.run([compiler, *FLAGS, *how, str(HERE / "kernel_digest.c"), "-o", str(program), "-lm"], check=True)
    return subprocess.run([*runner, str(program), path], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")
@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_this_machine_gives_the_known_bytes(tmp_path, path):
    assert digest(tmp_path, "gcc", path=str(path)) == DIGEST


@pytest.mark.skipif(
    not (shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64-static")),
    reason="needs the Debian packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user-static",
)
def test_arm64_gives_the_known_bytes(tmp_path):
    assert digest(tmp_path, "aarch64-linux-gnu-gcc", "-static", runner=("qemu-aarch64-static",)) == DIGEST
