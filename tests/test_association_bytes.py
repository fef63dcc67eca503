"""The kernel's headers give the same bytes on arm64 (NEON, under qemu) and on this machine, whatever the path, also
with the compiler's sanitizers watching.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgepose._association import PATHS

HERE = Path(__file__).parent
FLAGS = ["-O3", "-fno-math-errno", "-ffp-contract=off", f"-I{HERE.parent / 'cython_ext'}"]
DIGEST = "0171463aac7925e5"
QEMU = shutil.which("qemu-aarch64") or shutil.which("qemu-aarch64-static")

needs_gcc = pytest.mark.skipif(not shutil.which("gcc"), reason="no gcc")


def built(folder: Path, compiler: str, *how: str) -> str:
    program = folder / "digest"
    subprocess.run([compiler, *FLAGS, *how, str(HERE / "kernel_digest.c"), "-o", str(program), "-lm"], check=True)
    return str(program)


def printed(*command: str) -> str:
    environment = {**os.environ, "QEMU_CPU": "cortex-a72"}  # a Raspberry Pi 4's
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout.strip()


def of_every_path(program: str) -> dict[str, str]:
    return {name: printed(program, str(path)) for name, path in PATHS.items()}


@needs_gcc
def test_this_machine_gives_the_known_bytes(tmp_path):
    assert of_every_path(built(tmp_path, "gcc")) == dict.fromkeys(PATHS, DIGEST)


@needs_gcc
def test_the_sanitizers_have_nothing_to_say(tmp_path):
    watched = "-O1", "-fsanitize=address,undefined,float-cast-overflow", "-fno-sanitize-recover=all"
    assert of_every_path(built(tmp_path, "gcc", *watched)) == dict.fromkeys(PATHS, DIGEST)


@pytest.mark.skipif(
    not (shutil.which("aarch64-linux-gnu-gcc") and QEMU),
    reason="needs the Debian packages gcc-aarch64-linux-gnu, libc6-dev-arm64-cross and qemu-user (10 or newer)",
)
def test_arm64_gives_the_known_bytes(tmp_path):
    assert printed(str(QEMU), built(tmp_path, "aarch64-linux-gnu-gcc", "-static")) == DIGEST
