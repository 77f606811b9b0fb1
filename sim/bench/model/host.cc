// SPDX-License-Identifier: BSD-2-Clause
#include "host.h"

Host::Host() : memory_(HOST_BYTES) {}

void Host::configure(const Settings &settings)
{
    settings_ = settings;
    random_ = settings.seed;
}

void Host::store(Ticks now, int bar, uint64_t offset, const uint8_t *data, unsigned bytes)
{
    uint64_t address = (bar == 0 ? BAR0_BASE : BAR2_BASE) + offset;
    Delivery delivery;
    delivery.words = memory_write(address, data, bytes);
    delivery.bar = bar;
    delivery.address = offset;
    delivery.bytes = bytes;
    stores_.push_back({now, order_++, std::move(delivery)});
}

bool Host::write(const Request &request, const Words &words)
{
    uint8_t *to = find(request.address, 4 * request.length_dw);
    if (!to)
        return false;
    for (unsigned n = 0; n < request.length_dw; n++) {
        unsigned enables = n == 0 ? request.first_enables
                         : n + 1 == request.length_dw ? request.last_enables : 0xf;
        for (unsigned lane = 0; lane < 4; lane++)
            if (enables >> lane & 1)
                to[4 * n + lane] = words[request.header_dw + n] >> (24 - 8 * lane);
    }
    return true;
}

bool Host::read(const Request &request, Ticks left_block)
{
    Ticks ready = left_block + settings_.latency_cycles * TICKS_PER_CYCLE + draw();
    uint64_t address = request.first_byte(), left = request.bytes();
    const uint8_t *from = find(address, left);
    if (!from)
        return false;
    while (left) {
        uint64_t size = settings_.completion_bytes;
        unsigned bytes = std::min(left, size - address % size);
        Delivery delivery;
        delivery.words = completion(request, address, from, bytes, left);
        delivery.is_completion = true;
        delivery.tag = request.tag;
        delivery.address = address;
        delivery.bytes = bytes;
        answers_.push({ready, order_++, std::move(delivery)});
        from += bytes, address += bytes, left -= bytes;
    }
    return true;
}

// What is ready first goes first; of two, the one that was queued first.
bool Host::next(Ticks end, Link &link, Delivery &delivery)
{
    bool is_store = !stores_.empty() && (answers_.empty() || answers_.top() > stores_.front());
    if (!is_store && answers_.empty())
        return false;
    const Due &due = is_store ? stores_.front() : answers_.top();
    if (std::max(due.ready, link.free()) >= end)
        return false;
    Ticks ready = due.ready;
    delivery = due.delivery;
    is_store ? stores_.pop_front() : answers_.pop();
    delivery.link = link.carry(ready, delivery.words.size());
    return true;
}

uint8_t *Host::find(uint64_t address, unsigned bytes)
{
    bool inside = address >= HOST_BASE && address + bytes <= HOST_BASE + HOST_BYTES;
    return inside ? memory_.data() + (address - HOST_BASE) : nullptr;
}

// Uniform from 0 to the jitter. Ref: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number
// Generators" (SplitMix64).
Ticks Host::draw()
{
    if (!settings_.jitter_cycles)
        return 0;
    uint64_t z = random_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return (z ^ z >> 31) % (settings_.jitter_cycles * TICKS_PER_CYCLE + 1);
}
