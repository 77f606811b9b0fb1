# SPDX-License-Identifier: BSD-2-Clause
"""Compile the card together with the bench's block model into one library, once for each content.

Amaranth writes Verilog, Verilator and the C++ compiler make `build/bench/<hash>/libbench.so` of it.
"""

import hashlib
import os
import shutil
import subprocess
from importlib.metadata import version
from pathlib import Path

from vop import verilog
from vop.boards.sim import SimCard

from sim.harness.build import locked, verilator_environment
from sim.harness.recipe import digest_of_folder, key_of

from . import abi
from .card import BenchCard

__all__ = ["BUILD_ROOT", "library"]

BUILD_ROOT = Path(__file__).resolve().parents[2] / "build" / "bench"

_MODEL = Path(__file__).resolve().parent / "model"
_TOP = "bench_card"
_OPTIONS = ("--cc", "--exe", "--build", "-j", "2", "-O3", "-Wno-fatal", "-Wno-lint", "-Wno-style",
            "--x-assign", "fast", "--x-initial", "fast", "--noassert", "--timescale", "1ns/1ns",
            "--prefix", f"V{_TOP}", "-CFLAGS", "-fPIC -std=c++17 -O2",
            "-LDFLAGS", "-shared -fPIC", "-MAKEFLAGS", "OPT_FAST=-O2 OPT_SLOW=-O1")  # fmt: skip
_READY, _LIBRARY = "ready", "libbench.so"


def library(*, waves: bool = False) -> Path:
    """Return the compiled library; with ``waves`` it can record a VCD.

    Raises
    ------
    RuntimeError
        If a tool fails; the message holds the end of its output.
    """
    options = [*_OPTIONS, *(["--trace"] if waves else [])]
    recipe = _recipe(options)
    if recipe is not None and recipe.exists():
        remembered = BUILD_ROOT / recipe.read_text()
        if (remembered / _READY).exists():
            return remembered / _LIBRARY
    folder = _built(options)
    if recipe is not None and recipe == _recipe(options):  # no source was edited meanwhile
        recipe.parent.mkdir(parents=True, exist_ok=True)
        fresh = recipe.with_suffix(f".{os.getpid()}")
        fresh.write_text(folder.name)
        fresh.rename(recipe)
    return folder / _LIBRARY


def _recipe(options: list[str]) -> Path | None:
    """File that names the folder built from the sources as they are, if they allow one."""
    card = key_of(SimCard)
    if card is None:
        return None
    words = (card, digest_of_folder(_MODEL.parent), version("verilator"), *options)
    return BUILD_ROOT / "recipes" / hashlib.sha256("\0".join(words).encode()).hexdigest()[:16]


def _built(options: list[str]) -> Path:
    """Folder with the library, for the Verilog that the sources make now."""
    card = BenchCard()
    text = verilog.convert(card, name=_TOP)
    sources = [*card.sources, *sorted(_MODEL.glob("*.cc"))]
    content = hashlib.sha256("\0".join([text, abi.header(), *options]).encode())
    for path in [*sources, *sorted(_MODEL.glob("*.h"))]:
        content.update(path.read_bytes() + b"\0")
    content.update(version("verilator").encode())
    folder = BUILD_ROOT / content.hexdigest()[:16]
    with locked(folder.with_suffix(".lock")):
        if not (folder / _READY).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            (folder / f"{_TOP}.v").write_text(text)
            (folder / "abi.h").write_text(abi.header())
            _compile(folder, [*options, "--top-module", _TOP], sources)
            (folder / _READY).touch()
    return folder


def _compile(folder: Path, options: list[str], sources: list[Path]) -> None:
    includes = ["-CFLAGS", f"-I{folder} -I{_MODEL}"]
    with verilator_environment():
        done = subprocess.run(
            ["verilator", *options, *includes, "--Mdir", str(folder), "-o", _LIBRARY,
             *map(str, sources), str(folder / f"{_TOP}.v")],
            env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
    (folder / "build.log").write_text(done.stdout)
    if done.returncode:
        raise RuntimeError(f"The bench must compile:\n{done.stdout[-4000:]}")
