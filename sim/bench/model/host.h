// SPDX-License-Identifier: BSD-2-Clause
// The host: its memory, the stores of its CPU, and its answers to the card's reads.
//
// Reads are pipelined: each is answered `latency` after it left the block, plus what the jitter
// draws for it, whatever the others do. Completions end at multiples of their size.
#pragma once
#include <deque>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "abi.h"
#include "link.h"
#include "tlp.h"

// A TLP on its way to the card.
struct Delivery {
    Words words;
    int bar = -1;              // that it hits, or none
    bool is_completion = false;
    unsigned tag = 0;          // completions
    uint64_t address = 0;      // first byte
    unsigned bytes = 0;        // of payload
    Passage link{};
};

class Host {
public:
    Host();

    uint8_t *memory() { return memory_.data(); }
    void configure(const Settings &);
    // A store of the host's CPU at time `now`.
    void store(Ticks now, int bar, uint64_t offset, const uint8_t *data, unsigned bytes);
    // A write of the card; false if it touches anything outside the memory.
    bool write(const Request &, const Words &);
    // A read of the card, which left the block at time `left`; false likewise.
    bool read(const Request &, Ticks left);
    // Take the next TLP that is ready before `end`, if any, and put it on the link.
    bool next(Ticks end, Link &, Delivery &);
    bool quiet() const { return stores_.empty() && answers_.empty(); }

private:
    struct Due {
        Ticks ready;
        uint64_t order;
        Delivery delivery;
        bool operator>(const Due &other) const
        {
            return ready != other.ready ? ready > other.ready : order > other.order;
        }
    };

    uint8_t *find(uint64_t address, unsigned bytes);
    Ticks draw();

    std::vector<uint8_t> memory_;
    std::deque<Due> stores_;
    std::priority_queue<Due, std::vector<Due>, std::greater<Due>> answers_;
    Settings settings_{};
    uint64_t random_ = 0, order_ = 0;
};
