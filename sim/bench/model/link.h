// SPDX-License-Identifier: BSD-2-Clause
// One direction of the link: TLPs one after the other, each for as many ticks as it has bytes.
//
// Gen2 x4 carries 16 bytes in a cycle of 8 ns, so a tick is the time of one byte. Each TLP is
// charged its header and 8 bytes of framing (STP, sequence number, LCRC, END); ACK, UpdateFC and
// SKP cost nothing. Ref: PCI Express Base 4.0, 3.5 and 4.2.1.
#pragma once
#include <algorithm>
#include <cstdint>

using Ticks = uint64_t;
constexpr Ticks TICKS_PER_CYCLE = 16;
constexpr unsigned FRAMING_BYTES = 8;

inline Ticks start_of(uint64_t cycle) { return cycle * TICKS_PER_CYCLE; }
inline uint64_t cycle_at_or_after(Ticks time) { return (time + TICKS_PER_CYCLE - 1) / TICKS_PER_CYCLE; }

struct Passage {
    Ticks begin, end;
};

class Link {
public:
    bool throttled = true;

    // Carry `words` DWs of TLP as soon as it is `ready` and the link is free.
    Passage carry(Ticks ready, size_t words)
    {
        if (!throttled)
            return {ready, ready};
        Ticks begin = std::max(ready, free_);
        free_ = begin + 4 * words + FRAMING_BYTES;
        return {begin, free_};
    }

    // When the next TLP can begin, at the earliest.
    Ticks free() const { return throttled ? free_ : 0; }

private:
    Ticks free_ = 0;
};
