# SPDX-License-Identifier: BSD-2-Clause
"""One file for each subject; each has ``PROOFS``, a tuple of :class:`formal.proof.Proof`."""
