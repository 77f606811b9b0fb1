# SPDX-License-Identifier: Apache-2.0
"""Compiles the firmware's core for the developer's machine, under sanitizers."""

import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORE = HERE.parent / "core"

SHARED = ("bench.c", "model_card.c", "model_host.c", "model_9p.c")

FLAGS = (
    "-std=gnu11",
    "-g",
    "-O1",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=undefined",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Werror",
)


def _compiler():
    return os.environ.get("CC", "cc")


def _compile(source, folder):
    target = folder / f"{source.stem}.o"
    includes = ["-I", CORE / "include", "-I", CORE / "shell", "-I", HERE]
    subprocess.run([_compiler(), *FLAGS, *includes, "-c", source, "-o", target], check=True)
    return target


def build_shared(folder):
    """Compile the core and the model into ``folder``; return their objects."""
    sources = sorted([*CORE.glob("*.c"), *CORE.glob("shell/*.c")])
    return [_compile(source, folder) for source in [*sources, *(HERE / name for name in SHARED)]]


def build_program(name, folder, shared, *others):
    """Link ``name``.c and ``others`` with ``shared`` in ``folder``; return the program's path."""
    objects = [_compile(HERE / source, folder) for source in (f"{name}.c", *others)]
    program = folder / name
    subprocess.run([_compiler(), *FLAGS, *objects, *shared, "-o", program], check=True)
    return program
