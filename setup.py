"""Builds the Cython sources of cython_ext/ into edgepose._NAME; everything else stands in pyproject.toml."""

import os
import tomllib
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CCompilerError, ExecError, PlatformError

CHECKED = os.environ.get("EDGEPOSE_CHECKED") == "1"
SETTINGS = tomllib.loads(Path("pyproject.toml").read_text())["tool"]["edgepose"]["cython"]
SOURCES = sorted(Path("cython_ext").glob("*.pyx"))
HEADERS = sorted(str(header) for header in Path("cython_ext").glob("*.h"))


class BuildExtensions(build_ext):
    """There is no slow fallback in Python, so a missing compiler ends the build, in one clear sentence."""

    def run(self) -> None:
        """Build every extension, or stop with what to install."""
        try:
            super().run()
        except (CCompilerError, ExecError, PlatformError) as exc:
            raise SystemExit(
                "edgepose needs a C compiler and Python's headers to build its association kernel: "
                f"on Debian or Raspberry Pi OS, apt install gcc libc6-dev python3-dev. ({exc})"
            ) from exc


setup(
    cmdclass={"build_ext": BuildExtensions},
    ext_modules=cythonize(
        [
            Extension(
                f"edgepose.{source.stem}",
                [str(source)],
                include_dirs=["cython_ext"],
                depends=HEADERS,
                extra_compile_args=["-O3", "-fno-math-errno", "-ffp-contract=off"],
            )
            for source in SOURCES
        ],
        compiler_directives=SETTINGS["checked-directives" if CHECKED else "directives"],
        include_path=["cython_ext"],
        build_dir="build/cython",
    ),
)
