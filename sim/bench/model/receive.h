// SPDX-License-Identifier: BSD-2-Clause
// m_axis_rx at 128 bits: TLPs on their way to the card, straddling where they can.
//
// A TLP is shown so early that its last beat follows the link's last byte without a gap.
// Ref: PG054, "Receive Interface".
#pragma once
#include <deque>
#include <functional>

#include "host.h"

class Receive {
public:
    static constexpr unsigned LANES = 4;
    uint64_t straddles = 0;

    // Pins.
    uint32_t data[LANES] = {}, user = 0;
    bool valid = false;

    void put(Delivery delivery);
    // Put the beat of `cycle` on the pins, unless one still stands there.
    void show(uint64_t cycle);
    // The card has taken the beat on the pins; `ended` learns of each TLP that it ends.
    void taken(uint64_t cycle,
               const std::function<void(const Delivery &, uint64_t began, uint64_t cycle)> &ended);
    bool quiet() const { return queue_.empty() && !valid; }

private:
    struct Packet {
        Delivery delivery;
        uint64_t due;        // cycle of its first beat, at the earliest
        unsigned at = 0;     // DWs shown
        uint64_t began = 0;  // cycle of its first beat
        unsigned left() const { return delivery.words.size() - at; }
    };

    std::deque<Packet> queue_;
    std::deque<Packet> ending_;  // those that end in the beat on the pins
};
