# SPDX-License-Identifier: BSD-2-Clause
# Every command a person needs. `make demo` and `make test` are the two that a newcomer needs; each sets up what it lacks.

SHELL      := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

BUILD  := build
VENV   := .venv
PY     := $(VENV)/bin/python
# What `make demo` takes: see README.md.
SHARE       ?= sim/cosim/share
CARD        ?=
INTERACTIVE ?= 0
FIRMWARE    ?= auto
WAVES       ?= 0
# What `make stories` takes: the same seed each time, so that what fails there is the change. 0 draws one.
SEED        ?= 1
# What `make test-hostile` takes.
SEEDS       ?= 50
SEED_BASE   ?= 0
BLOCK       ?=
# What `make bench` takes.
RECORD      ?=
STRICT      ?=
# What `make timing` takes.
LIMITS      ?= must
PLACER_SEEDS ?= 1 2 3
# What `make project` and `make bitstream` take; RECORD=1 with TOOLCHAIN=open puts its numbers on record.
BOARD       ?=
IMAGE       ?= auto
LANES       ?=
TOOLCHAIN   ?= vivado
# What `make flash` and `make flash-persistent` take.
CABLE       ?=
DRY_RUN     ?=
export SHARE CARD INTERACTIVE FIRMWARE WAVES

step = @printf '\n\033[1m== %s\033[0m\n' "$(1)"

##@ The two commands
.PHONY: demo test
demo: setup driver daemon firmware ## Boot a host, attach SHARE=dir, run CARD='commands' on the card
	@$(PY) -m sim.cosim.demo

test: lint regs-check unit stories cosim ## Set up what is missing and run every test
	$(call step,every test passed)

##@ Parts of `make test`
.PHONY: lint regs-check unit stories cosim
lint: tools ## Style and types of the Python
	$(call step,lint)
	@$(VENV)/bin/ruff check gateware sim tools firmware host-driver
	@$(VENV)/bin/pyright

regs-check: tools ## Generated headers and documents are current
	$(call step,generated files)
	@$(PY) -m vop.regmap --check

unit: tools ## One component at a time; firmware core and ring logic under sanitizers
	$(call step,unit tests)
	@$(PY) -m pytest -n auto -m "not cosim and not long and not bitstream" gateware/tests firmware/tests host-driver/tests
	@echo "not run: the long tests of the copier's parts, which take half an hour: make unit-long"

stories: tools ## The whole endpoint at its pins; SEED=n for other random choices, SEED=0 draws n
	$(call step,stories)
	@$(PY) -m pytest sim -m 'not cosim' --ignore sim/test_stories.py --seed $(SEED)
	@$(PY) -m pytest -n auto sim/test_stories.py --seed $(SEED)

cosim: setup driver deb ## A stock kernel against the RTL, the demo's path included
	$(call step,co-simulation)
	@python3 tools/setup.py chroot
	@$(PY) -m pytest -m "cosim and not long" sim host-driver/tests

##@ Beyond `make test`
.PHONY: unit-long formal test-hostile test-selftest
unit-long: tools ## Every width, alignment and fault of the parts of copier and requester
	$(call step,long unit tests)
	@$(PY) -m pytest -n auto -m long gateware/tests

formal: tools ## Bounded proofs, and a planted bug that each must find
	$(call step,formal proofs)
	@$(PY) -m formal

test-hostile: tools ## Hostile hosts and rings: SEEDS=50 of them from SEED_BASE=0; BLOCK=pcie_usplus-256
	$(call step,hostile seeds)
	@$(PY) -m sim.hostile --seeds $(SEEDS) --base $(SEED_BASE) $(if $(BLOCK),--block $(BLOCK))

test-selftest: setup driver daemon firmware ## The card's self-test whole, with its 100 resets, in the co-simulation
	$(call step,self-test)
	@$(PY) -m pytest -s -m "cosim and long" sim

##@ Measuring
.PHONY: bench synth timing
bench: tools ## Cycles and TLPs against their limits; RECORD=1 records them, STRICT=1 fails on any miss
	$(call step,bench)
	@$(PY) -m sim.bench $(if $(filter-out 0,$(RECORD)),--record) $(if $(filter-out 0,$(STRICT)),--strict)

synth: tools ## Lookup tables, flip-flops and memories of each component, for Xilinx 7-series
	$(call step,synthesis)
	@$(PY) -m vop.xc7.synth

timing: tools ## Place and route for the NiteFury II, PLACER_SEEDS='1 2 3'; LIMITS=recorded judges by what was reached
	$(call step,timing)
	@python3 tools/setup.py nextpnr
	@$(PY) -m vop.xc7.timing --limits $(LIMITS) --seeds $(PLACER_SEEDS)

##@ Boards
.PHONY: boards project bitstream test-bitstream flash flash-persistent
boards: tools ## The boards that there are
	@$(PY) -m vop.vivado list

project_options = --firmware $(IMAGE) $(if $(LANES),--lanes $(LANES))
project: firmware ## Write the Vivado project of BOARD=name, or all; IMAGE=file or none, LANES=1
	$(call step,project)
	@$(PY) -m vop.vivado project $(BOARD) $(project_options)

ifeq ($(TOOLCHAIN),open)
bitstream: tools
	$(call step,bench image)
	@python3 tools/setup.py nextpnr prjxray
	@$(MAKE) --no-print-directory -C firmware/baremetal PROGRAM=bench
	@$(PY) -m vop.bench_image $(BOARD) $(if $(filter-out 0,$(RECORD)),--record docs/boards/utilisation.md)
else
bitstream: firmware ## The same, and run Vivado on it; TOOLCHAIN=open: the bench image, without Vivado
	@test "$(TOOLCHAIN)" = vivado || { echo "TOOLCHAIN must be vivado or open, not $(TOOLCHAIN)" >&2; exit 2; }
	$(call step,bitstream)
	@$(PY) -m vop.vivado bitstream $(BOARD) $(project_options)
endif

test-bitstream: tools ## The bench image by open tools, read back by a test; takes 10 minutes
	$(call step,test of the bench image)
	@python3 tools/setup.py nextpnr prjxray
	@$(PY) -m pytest -s -m bitstream gateware/tests

flash_options = --toolchain $(TOOLCHAIN) $(if $(CABLE),--cable $(CABLE)) $(if $(filter-out 0,$(DRY_RUN)),--dry-run)
flash: tools ## Load the bitstream of BOARD=name until power goes; CABLE=kind, DRY_RUN=1, TOOLCHAIN=open
	@$(PY) -m vop.flash $(BOARD) $(flash_options)

flash-persistent: tools ## Write it to the board's configuration flash, and read it back
	@$(PY) -m vop.flash $(BOARD) --persistent $(flash_options)

##@ Building
.PHONY: setup tools regs firmware driver daemon
setup: ## Debian packages, Python environment, QEMU and a kernel, in private folders
	@python3 tools/setup.py

tools:
	@python3 tools/setup.py packages python

regs: tools ## Write the generated headers and documents
	@$(PY) -m vop.regmap

firmware: tools ## The card's firmware: bare metal, and Zephyr where ZEPHYR_BASE names a tree
	$(call step,firmware)
	@$(MAKE) --no-print-directory -C firmware/baremetal
	@if [ -n "$${ZEPHYR_BASE:-}" ]; then PATH="$(CURDIR)/$(VENV)/bin:$$PATH" firmware/zephyr-app/build.sh; fi

driver: setup ## The kernel module, against Debian 12's headers
	$(call step,kernel module)
	@$(MAKE) --no-print-directory -C host-driver/kernel KDIR=$(CURDIR)/.cache/kernel/build

daemon: tools ## vopd and vopctl
	$(call step,daemon)
	@$(MAKE) --no-print-directory -C host-driver/daemon

##@ Installing: docs/install.md
.PHONY: install-host uninstall-host deb
install-host: daemon firmware ## Module (by DKMS), firmware, vopd, vopctl onto this machine, as root; or below DESTDIR=
	$(call step,install on the host)
	@$(MAKE) --no-print-directory -C host-driver/packaging install

uninstall-host: ## Remove all of that again
	$(call step,uninstall)
	@$(MAKE) --no-print-directory -C host-driver/packaging uninstall

deb: daemon firmware ## build/deb: the Debian packages openvop-dkms and openvop-tools
	$(call step,Debian packages)
	@$(MAKE) --no-print-directory -C host-driver/packaging deb

##@ Housekeeping
.PHONY: help clean distclean
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	     /^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' Makefile

clean: ## Remove what was built, keep what was downloaded
	@rm -rf $(BUILD)

distclean: clean ## Remove everything that is not in the repository
	@rm -rf $(VENV) .cache
