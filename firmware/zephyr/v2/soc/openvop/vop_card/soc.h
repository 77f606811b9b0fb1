/* SPDX-License-Identifier: Apache-2.0 */
/* Some of Zephyr's RISC-V code includes it; there is nothing to say. */
#ifndef VOP_CARD_SOC_H
#define VOP_CARD_SOC_H
#endif
