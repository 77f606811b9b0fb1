/* SPDX-License-Identifier: Apache-2.0 */
/* What Zephyr's RISC-V code asks of a SoC: causes and masks of the privileged architecture. */
#ifndef VOP_CARD_SOC_H
#define VOP_CARD_SOC_H

#include <soc_common.h>

#endif
