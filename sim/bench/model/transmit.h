// SPDX-License-Identifier: BSD-2-Clause
// s_axis_tx at 128 bits and the block's transmit buffer.
//
// The buffer holds a few TLPs until the link has carried them. tready falls only between TLPs,
// while no buffer is free; tx_buf_av tells the truth. Ref: PG054, "Transmit Interface".
#pragma once
#include <deque>
#include <functional>
#include <string>

#include "link.h"
#include "tlp.h"

class Transmit {
public:
    static constexpr unsigned BUFFERS = 8;

    // Pins.
    bool ready = true;
    unsigned buffers_free = BUFFERS;
    unsigned least_free = BUFFERS;

    using Taken = std::function<void(const Words &, uint64_t began, uint64_t cycle, Passage)>;

    // A beat crosses the pins in `cycle`; `taken` learns of the TLP that it ends.
    void beat(uint64_t cycle, const uint32_t *data, unsigned keep, bool last, Link &link,
              const Taken &taken);
    // What the pins show from the beginning of `cycle` on.
    void settle(uint64_t cycle);
    bool in_packet() const { return !words_.empty(); }
    bool quiet() const { return words_.empty() && leaving_.empty(); }

private:
    Words words_;
    uint64_t began_ = 0;
    std::deque<Ticks> leaving_;  // when each held TLP has left
};
