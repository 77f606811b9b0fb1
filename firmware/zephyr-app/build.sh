#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Builds the Zephyr firmware from the tree at $ZEPHYR_BASE: build/firmware/zephyr/card.bin.
#
# Needs cmake, ninja, dtc, gperf, gcc-riscv64-unknown-elf, and a python3 on PATH that has
# pyelftools, pyyaml, pykwalify, packaging and anytree. Arguments go to cmake:
#
#   ZEPHYR_BASE=~/zephyr firmware/zephyr-app/build.sh -DOVERLAY_CONFIG=debug.conf
set -eu

: "${ZEPHYR_BASE:?must name a Zephyr tree}"
[ -f "$ZEPHYR_BASE/VERSION" ] || { echo "build.sh: $ZEPHYR_BASE is no Zephyr tree" >&2; exit 1; }

app=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$app/../.." && pwd)
build=${BUILD:-$top/build/firmware/zephyr}
cross=${CROSS_COMPILE:-$(command -v riscv64-unknown-elf-gcc | sed 's/gcc$//')}
[ -n "$cross" ] || { echo "build.sh: riscv64-unknown-elf-gcc is not on PATH" >&2; exit 1; }

export ZEPHYR_BASE ZEPHYR_TOOLCHAIN_VARIANT=cross-compile CROSS_COMPILE="$cross"

mkdir -p "$build"
# Zephyr takes the first python3 that it finds; say which.
cmake -GNinja -B "$build/cmake" -S "$app" -DPython3_EXECUTABLE="$(command -v python3)" "$@"
ninja -C "$build/cmake"
cp "$build/cmake/zephyr/zephyr.elf" "$build/card.elf"
cp "$build/cmake/zephyr/zephyr.bin" "$build/card.bin"
