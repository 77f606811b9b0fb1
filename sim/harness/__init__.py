# SPDX-License-Identifier: BSD-2-Clause
"""The harness: builds a component into a simulator, runs stories on it, and judges the outcome."""
