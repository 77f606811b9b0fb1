# SPDX-License-Identifier: BSD-2-Clause
"""Simulation of the card: harness, models, stories, and the co-simulation with a real kernel."""
