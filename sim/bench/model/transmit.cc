// SPDX-License-Identifier: BSD-2-Clause
#include "transmit.h"

void Transmit::beat(uint64_t cycle, const uint32_t *data, unsigned keep, bool last, Link &link,
                    const Taken &taken)
{
    if (words_.empty())
        began_ = cycle;
    for (unsigned lane = 0; lane < 4; lane++)
        if (keep >> 4 * lane & 1)
            words_.push_back(data[lane]);
    if (!last)
        return;
    // Stored and forwarded: the link begins when the last beat is in.
    Passage passage = link.carry(start_of(cycle + 1), words_.size());
    leaving_.push_back(passage.end);
    Words words = std::move(words_);
    words_.clear();
    taken(words, began_, cycle, passage);
}

void Transmit::settle(uint64_t cycle)
{
    while (!leaving_.empty() && leaving_.front() <= start_of(cycle))
        leaving_.pop_front();
    unsigned held = leaving_.size() + in_packet();
    buffers_free = BUFFERS - held;
    least_free = std::min(least_free, buffers_free);
    ready = in_packet() || buffers_free > 0;
}
