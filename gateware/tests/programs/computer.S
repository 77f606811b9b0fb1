/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Greets, then parks; answers each doorbell with a character and each timer interrupt with another.
 * The sum of a loop through RAM, bytes and multiplication goes to the marker. Addresses are defined
 * on the command line, from vop.regs.
 */

	.section .text
	.globl	_start
_start:
	la	sp, stack_top
	la	t0, trap
	csrw	mtvec, t0
	li	s0, REGISTERS
	li	s1, REGISTERS + TIMER
	li	s2, REGISTERS + INTC
	li	s3, REGISTERS + UART

	/* Sum of squares of 1 to 10 through a table of bytes in RAM: 385. */
	la	a0, table
	li	a1, 0
	li	a2, 10
1:	lbu	t1, 0(a0)
	mul	t1, t1, t1
	add	a1, a1, t1
	sb	t1, 0(a0)
	addi	a0, a0, 1
	addi	a2, a2, -1
	bnez	a2, 1b
	li	t0, REGISTERS + STATS_MARKER
	sw	a1, 0(t0)

	/* What is nowhere reads all ones. */
	li	t0, 0x40000000
	lw	t1, 0(t0)
	addi	t1, t1, 1
	bnez	t1, bad
	sw	zero, 0(t0)

	la	a0, greeting
2:	lbu	a1, 0(a0)
	beqz	a1, 3f
	call	put
	addi	a0, a0, 1
	j	2b

3:	li	t0, -1
	sw	t0, DOORBELL_H2C_ENABLE(s0)
	li	t0, 0xf06
	sw	t0, INTC_ENABLE(s2)
	li	t0, 2
	sw	t0, LINK_BOOT_STATE(s0)

park:	lw	t0, INTC_WAIT(s2)
	beqz	t0, timer
	lw	t1, DOORBELL_H2C_PENDING(s0)
	sw	t1, DOORBELL_H2C_PENDING(s0)
	andi	t0, t0, 0x6
	sw	t0, INTC_CLEAR(s2)
	li	a1, 'l'
	bnez	t0, 4f
	li	a1, 'd'
4:	call	put
	/* A tick 1000000 cycles from now. */
	li	t2, MTIME_LO
	add	t2, t2, s1
	lw	t0, 0(t2)
	li	t1, 1000000
	add	t0, t0, t1
	li	t2, MTIMECMP_LO
	add	t2, t2, s1
	sw	t0, 0(t2)
	sw	zero, 4(t2)
	j	park

timer:	li	t0, -1
	li	t2, MTIMECMP_LO
	add	t2, t2, s1
	sw	t0, 4(t2)
	li	a1, 't'
	call	put
	j	park

put:	lw	t0, UART_STATUS(s3)
	andi	t0, t0, 1
	beqz	t0, put
	sw	a1, 0(s3)
	ret

	.balign	4
trap:
bad:	li	a1, '!'
	call	put
5:	j	5b

	.balign	4
table:	.byte	1, 2, 3, 4, 5, 6, 7, 8, 9, 10
greeting:
	.asciz	"card\n"
	.balign	16
	.space	64
stack_top:
