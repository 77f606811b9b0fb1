/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reset and traps of the soft core (VexRiscv_Lite, RV32IM, machine mode, no mscratch).
 *
 * Interrupts stay off: the firmware polls, and parks on intc.wait. So every trap is a crash.
 */

	.section .reset, "ax"
	.globl _start
_start:
	la	sp, stack_top
	la	t0, trap
	csrw	mtvec, t0
	csrw	mstatus, zero

	la	t0, bss_start
	la	t1, bss_end
	bgeu	t0, t1, 2f
1:	sw	zero, 0(t0)
	addi	t0, t0, 4
	bltu	t0, t1, 1b
2:	call	main
	/* main() does not return; if it did, that would be a crash like any other. */

	.balign	4
trap:
	csrr	a0, mcause
	csrr	a1, mepc
	/* A trap on the way down ends here: the first one is what counts. */
	la	t0, park
	csrw	mtvec, t0
	/* The stack may be what crashed. */
	la	sp, stack_top
	call	crash

	.balign	4
park:
	j	park
