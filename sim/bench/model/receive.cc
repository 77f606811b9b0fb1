// SPDX-License-Identifier: BSD-2-Clause
#include "receive.h"

namespace {

constexpr unsigned BAR_HIT_LSB = 2, SOF_LSB = 10, EOF_LSB = 17, PRESENT = 0x10;

// Both halves of a 64-bit BAR are hit.
uint32_t bar_hit(int bar) { return bar < 0 ? 0 : (bar == 2 ? 3u << 2 : 1u << bar) << BAR_HIT_LSB; }

}

void Receive::put(Delivery delivery)
{
    uint64_t beats = (delivery.words.size() + LANES - 1) / LANES;
    uint64_t begin = cycle_at_or_after(delivery.link.begin);
    uint64_t end = cycle_at_or_after(delivery.link.end);
    uint64_t due = std::max(begin, end > beats ? end - beats : 0);
    queue_.push_back({std::move(delivery), due});
}

void Receive::show(uint64_t cycle)
{
    if (valid)
        return;
    unsigned lane = 0;
    user = 0;
    while (lane < LANES && !queue_.empty() && (queue_.front().at || queue_.front().due <= cycle)) {
        Packet &packet = queue_.front();
        if (packet.at == 0) {
            packet.began = cycle;
            straddles += lane > 0;
            user = (user & ~(0x7fu << BAR_HIT_LSB)) | (PRESENT | 4 * lane) << SOF_LSB;
        }
        user |= bar_hit(packet.delivery.bar);
        while (lane < LANES && packet.left())
            data[lane++] = packet.delivery.words[packet.at++];
        valid = true;
        if (packet.left())
            break;
        user |= (PRESENT | (4 * lane - 1)) << EOF_LSB;
        ending_.push_back(std::move(packet));
        queue_.pop_front();
        if (lane > LANES / 2)
            break;
        // The next one may begin in the upper half, unless this one did.
        while (lane < LANES / 2)
            data[lane++] = 0;
    }
}

void Receive::taken(uint64_t cycle,
                    const std::function<void(const Delivery &, uint64_t, uint64_t)> &ended)
{
    valid = false;
    for (; !ending_.empty(); ending_.pop_front())
        ended(ending_.front().delivery, ending_.front().began, cycle);
}
