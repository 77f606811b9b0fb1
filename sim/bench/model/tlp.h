// SPDX-License-Identifier: BSD-2-Clause
// TLPs as DWs, encoded and decoded independently of the gateware.
//
// A DW holds TLP byte 0 in bits 31:24, as the pins of pcie_7x show it.
// Ref: PCI Express Base 4.0, 2.2.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

using Words = std::vector<uint32_t>;

struct Request {
    enum Type { MEMORY_READ, MEMORY_WRITE, UNKNOWN } type;
    uint64_t address;        // of the first DW
    unsigned length_dw;
    unsigned first_enables, last_enables;
    unsigned requester, tag;
    unsigned traffic_class, attributes;
    unsigned header_dw;

    uint64_t first_byte() const;
    unsigned bytes() const;  // from the first enabled byte to the last
    std::string fault(const Words &, unsigned mps, unsigned mrrs) const;
};

// Read the header of a TLP that the card has sent.
Request decode(const Words &);

// A memory write of 1 to 4096 bytes, of the host.
Words memory_write(uint64_t address, const uint8_t *data, unsigned bytes);

// A completion of `request` that carries `bytes` from `address` on; `left` counts them and those
// still to come.
Words completion(const Request &, uint64_t address, const uint8_t *data, unsigned bytes,
                 unsigned left);
