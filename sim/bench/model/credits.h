// SPDX-License-Identifier: BSD-2-Clause
// The hard block's receive buffer for completions, which only its user can keep from overrunning.
//
// Each read counts for the worst that the host may do: a completion for each 64 bytes that it
// touches. What a completion has delivered is released when the card has taken its last beat.
// Ref: PG054, "Receive buffer": 36 headers, 461 data credits of 16 bytes.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>

class CompletionBuffer {
public:
    static constexpr uint64_t HEADERS = 36, DATA = 461;
    static constexpr uint64_t RCB = 64;
    uint64_t overruns = 0, peak_headers = 0;

    bool holds(unsigned tag) const { return reads_.count(tag); }
    bool empty() const { return reads_.empty(); }

    void reserve(unsigned tag, uint64_t address, uint64_t bytes)
    {
        Read read{address, bytes};
        reads_[tag] = read;
        used_ += cost(read);
        overruns += used_.headers > HEADERS || used_.data > DATA;
        peak_headers = std::max(peak_headers, used_.headers);
    }

    void release(unsigned tag, uint64_t bytes)
    {
        auto place = reads_.find(tag);
        Read &read = place->second;
        used_ -= cost(read);
        read = {read.address + bytes, read.left - bytes};
        used_ += cost(read);
        if (!read.left)
            reads_.erase(place);
    }

private:
    struct Read {
        uint64_t address, left;
    };
    struct Cost {
        uint64_t headers, data;
        void operator+=(Cost other) { headers += other.headers, data += other.data; }
        void operator-=(Cost other) { headers -= other.headers, data -= other.data; }
    };

    static Cost cost(Read read)
    {
        Cost cost{};
        for (uint64_t at = read.address, end = at + read.left; at < end;) {
            uint64_t stop = std::min(end, (at / RCB + 1) * RCB);
            cost.headers++;
            cost.data += ((stop + 3) / 4 - at / 4 + 3) / 4;
            at = stop;
        }
        return cost;
    }

    std::map<unsigned, Read> reads_;
    Cost used_{};
};
