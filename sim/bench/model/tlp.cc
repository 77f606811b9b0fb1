// SPDX-License-Identifier: BSD-2-Clause
#include "tlp.h"

namespace {

constexpr uint32_t WRITE_3DW = 0x4000'0000, COMPLETION_WITH_DATA = 0x4a00'0000;
constexpr unsigned PAGE_BYTES = 4096;

unsigned lowest(unsigned enables) { return __builtin_ctz(enables); }
unsigned highest(unsigned enables) { return 31 - __builtin_clz(enables); }

// Append `bytes` bytes that begin at lane `address` % 4 of the first DW.
void append(Words &words, uint64_t address, const uint8_t *data, unsigned bytes)
{
    unsigned lane = address % 4;
    for (unsigned n = 0; n < bytes; n++, lane++) {
        if (n == 0 || lane % 4 == 0)
            words.push_back(0);
        words.back() |= uint32_t(data[n]) << (24 - 8 * (lane % 4));
    }
}

}

uint64_t Request::first_byte() const
{
    return address + (first_enables ? lowest(first_enables) : 0);
}

unsigned Request::bytes() const
{
    if (!first_enables)
        return 0;
    unsigned end = length_dw == 1 ? highest(first_enables) + 1
                                  : 4 * (length_dw - 1) + highest(last_enables) + 1;
    return end - lowest(first_enables);
}

// PCI Express Base 4.0, 2.2.2, 2.2.4.1, 2.2.5 and 2.2.7.
std::string Request::fault(const Words &words, unsigned mps, unsigned mrrs) const
{
    bool write = type == MEMORY_WRITE;
    if (words.size() != header_dw + (write ? length_dw : 0))
        return "must be as long as its header says";
    if (4 * length_dw > (write ? mps : mrrs))
        return "may not exceed MPS or MRRS";
    if (address % PAGE_BYTES + 4 * length_dw > PAGE_BYTES)
        return "may not cross 4 KiB";
    if (length_dw > 1 ? !first_enables || !last_enables : last_enables != 0)
        return "must have legal byte enables";
    if (header_dw == 4 && !(address >> 32))
        return "needs an address above 4 GiB for 4 DW";
    return "";
}

Request decode(const Words &words)
{
    Request r{};
    r.type = Request::UNKNOWN;
    if (words.size() < 3)
        return r;
    unsigned format = words[0] >> 29, type = words[0] >> 24 & 0x1f;
    r.header_dw = format & 1 ? 4 : 3;
    if (words.size() < r.header_dw)
        return r;
    r.length_dw = (words[0] & 0x3ff) ? words[0] & 0x3ff : 1024;
    r.traffic_class = words[0] >> 20 & 7;
    r.attributes = words[0] >> 12 & 3;
    r.first_enables = words[1] & 0xf;
    r.last_enables = words[1] >> 4 & 0xf;
    r.tag = words[1] >> 8 & 0xff;
    r.requester = words[1] >> 16;
    r.address = format & 1 ? uint64_t(words[2]) << 32 | (words[3] & ~3u) : words[2] & ~3u;
    if (type == 0)
        r.type = format & 2 ? Request::MEMORY_WRITE : Request::MEMORY_READ;
    return r;
}

Words memory_write(uint64_t address, const uint8_t *data, unsigned bytes)
{
    unsigned skipped = address % 4, dws = (skipped + bytes + 3) / 4;
    unsigned first = 0xf << skipped & 0xf, last = 0xf >> (-(skipped + bytes) & 3);
    if (dws == 1) {
        first &= last;
        last = 0;
    }
    Words words{WRITE_3DW | (dws & 0x3ff), last << 4 | first, uint32_t(address & ~uint64_t(3))};
    append(words, address, data, bytes);
    return words;
}

Words completion(const Request &request, uint64_t address, const uint8_t *data, unsigned bytes,
                 unsigned left)
{
    unsigned dws = (address % 4 + bytes + 3) / 4;
    Words words{COMPLETION_WITH_DATA | request.traffic_class << 20 | request.attributes << 12 |
                    (dws & 0x3ff),
                left & 0xfff,
                request.requester << 16 | request.tag << 8 | uint32_t(address & 0x7f)};
    append(words, address, data, bytes);
    return words;
}
