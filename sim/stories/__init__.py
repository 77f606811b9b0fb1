# SPDX-License-Identifier: BSD-2-Clause
"""Stories: what the whole endpoint does, told from the host's side of the link."""
