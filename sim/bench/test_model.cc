// SPDX-License-Identifier: BSD-2-Clause
// The block model without a card: `test_bench.py` compiles and runs it.
#include <cstdio>
#include <cstring>

#include "credits.h"
#include "receive.h"
#include "transmit.h"

namespace {

int failures = 0;

void expect(bool holds, const char *what, int line)
{
    if (!holds) {
        printf("line %d: %s\n", line, what);
        failures++;
    }
}

#define EXPECT(condition) expect((condition), #condition, __LINE__)

constexpr uint8_t BYTES[256] = {};

Words write_of(unsigned bytes) { return memory_write(HOST_BASE, BYTES, bytes); }

Request read_of(uint64_t address, unsigned bytes, unsigned tag)
{
    unsigned skipped = address % 4, dws = (skipped + bytes + 3) / 4;
    Request request{};
    request.type = Request::MEMORY_READ;
    request.address = address - skipped;
    request.length_dw = dws;
    request.first_enables = 0xf << skipped & 0xf;
    request.last_enables = 0xf >> (-(skipped + bytes) & 3);
    request.tag = tag;
    request.header_dw = 3;
    return request;
}

Settings settings(unsigned completion_bytes, unsigned latency, unsigned jitter)
{
    return {1, 0, 2, completion_bytes, latency, jitter, 1};
}

std::vector<Delivery> all_of(Host &host, Link &link)
{
    std::vector<Delivery> found;
    Delivery delivery;
    while (host.next(start_of(1'000'000), link, delivery))
        found.push_back(delivery);
    return found;
}

// Hands a TLP to the block, a beat in each cycle that it is ready; returns the cycle behind it.
uint64_t send(Transmit &transmit, Link &link, uint64_t cycle, unsigned bytes)
{
    Words words = write_of(bytes);
    for (size_t at = 0; at < words.size(); cycle++) {
        transmit.settle(cycle);
        EXPECT(transmit.ready || at == 0);
        if (!transmit.ready)
            continue;
        uint32_t data[4] = {};
        unsigned lanes = std::min<size_t>(4, words.size() - at);
        memcpy(data, &words[at], 4 * lanes);
        at += lanes;
        transmit.beat(cycle, data, (1u << 4 * lanes) - 1, at == words.size(), link,
                      [](const Words &, uint64_t, uint64_t, Passage) {});
    }
    return cycle;
}

void the_link_charges_twenty_bytes_for_each_tlp()
{
    Link link;
    Passage last{};
    for (unsigned n = 0; n < 100; n++)
        last = link.carry(0, write_of(128).size());
    EXPECT(last.end == 100 * (128 + 20));
}

void a_link_that_is_not_throttled_takes_no_time()
{
    Link link;
    link.throttled = false;
    Passage passage = link.carry(16, 35);
    EXPECT(passage.begin == 16 && passage.end == 16);
}

void the_block_is_ready_again_when_the_link_has_carried_a_tlp()
{
    Transmit transmit;
    Link link;
    uint64_t cycle = 0;
    for (unsigned n = 0; n < 200; n++)
        cycle = send(transmit, link, cycle, 128);
    // A full block takes TLPs at the pace of the link, the eight that it holds apart.
    Ticks carried = (200 - Transmit::BUFFERS) * (128 + 20);
    EXPECT(start_of(cycle) >= carried && start_of(cycle) < carried + start_of(30));
    EXPECT(transmit.least_free == 0);
}

void tx_buf_av_counts_the_tlp_that_is_under_way()
{
    Transmit transmit;
    Link link;
    uint32_t data[4] = {};
    transmit.beat(0, data, 0xffff, false, link, [](const Words &, uint64_t, uint64_t, Passage) {});
    transmit.settle(1);
    EXPECT(transmit.buffers_free == Transmit::BUFFERS - 1 && transmit.ready);
}

void a_read_counts_for_the_worst_split_of_its_completion()
{
    CompletionBuffer buffer;
    for (unsigned tag = 0; tag < 4; tag++)
        buffer.reserve(tag, HOST_BASE + 512 * tag, 512);
    EXPECT(buffer.peak_headers == 32 && buffer.overruns == 0);
    buffer.reserve(4, HOST_BASE + 4096 + 32, 256);  // touches five pieces of 64 bytes
    EXPECT(buffer.peak_headers == 37 && buffer.overruns == 1);
}

void completions_give_credits_back()
{
    CompletionBuffer buffer;
    for (unsigned n = 0; n < 100; n++) {
        buffer.reserve(0, HOST_BASE, 512);
        for (unsigned part = 0; part < 4; part++)
            buffer.release(0, 128);
    }
    EXPECT(buffer.empty() && buffer.overruns == 0 && buffer.peak_headers == 8);
}

void completions_end_at_multiples_of_their_size()
{
    Host host;
    Link link;
    host.configure(settings(128, 0, 0));
    EXPECT(host.read(read_of(HOST_BASE + 100, 200, 5), 0));
    auto found = all_of(host, link);
    EXPECT(found.size() == 3);
    unsigned expected[][3] = {{100, 28, 200}, {128, 128, 172}, {256, 44, 44}};
    for (unsigned n = 0; n < found.size(); n++) {
        EXPECT(found[n].address == HOST_BASE + expected[n][0]);
        EXPECT(found[n].bytes == expected[n][1]);
        EXPECT((found[n].words[1] & 0xfff) == expected[n][2]);
        EXPECT((found[n].words[2] & 0x7f) == expected[n][0] % 128);
        EXPECT((found[n].words[2] >> 8 & 0xff) == 5);
    }
}

void a_completion_comes_the_latency_after_its_read_left()
{
    Host host;
    Link link;
    host.configure(settings(64, 125, 0));
    host.read(read_of(HOST_BASE, 64, 0), 40);
    auto found = all_of(host, link);
    EXPECT(found[0].link.begin == 40 + start_of(125));
    EXPECT(found[0].link.end - found[0].link.begin == 64 + 20);
}

void reads_overtake_each_other_but_never_themselves()
{
    Host host;
    Link link;
    host.configure(settings(64, 60, 125));
    for (unsigned tag = 0; tag < 20; tag++)
        host.read(read_of(HOST_BASE + 512 * tag, 512, tag), 20 * tag);
    bool overtaken = false;
    uint64_t next[20];
    for (unsigned tag = 0; tag < 20; tag++)
        next[tag] = HOST_BASE + 512 * tag;
    unsigned latest = 0;
    for (auto &delivery : all_of(host, link)) {
        EXPECT(delivery.address == next[delivery.tag]);
        next[delivery.tag] += delivery.bytes;
        overtaken |= delivery.tag < latest;
        latest = std::max(latest, delivery.tag);
    }
    EXPECT(overtaken);
}

void a_packet_may_begin_where_one_ends_in_the_lower_half()
{
    Host host;
    Link link;
    link.throttled = false;
    host.configure(settings(64, 0, 0));
    for (unsigned n = 0; n < 2; n++)
        host.store(0, 2, 64 * n, BYTES, 12);  // 6 DW: two beats, the second one half full
    Receive receive;
    for (auto &delivery : all_of(host, link))
        receive.put(delivery);
    unsigned ended = 0, cycle = 0;
    for (; !receive.quiet(); cycle++) {
        receive.show(cycle);
        receive.taken(cycle, [&](const Delivery &, uint64_t, uint64_t) { ended++; });
    }
    EXPECT(ended == 2 && cycle == 3 && receive.straddles == 1);
}

void no_beat_is_shown_before_the_link_has_carried_it()
{
    Host host;
    Link link;
    host.configure(settings(256, 3, 0));
    for (unsigned tag = 0; tag < 8; tag++)
        host.read(read_of(HOST_BASE + 512 * tag, 512, tag), 0);
    Receive receive;
    for (auto &delivery : all_of(host, link))
        receive.put(delivery);
    for (unsigned cycle = 0; !receive.quiet(); cycle++) {
        receive.show(cycle);
        if (receive.valid)
            receive.taken(cycle, [](const Delivery &delivery, uint64_t, uint64_t last) {
                EXPECT(start_of(last + 1) >= delivery.link.end);
            });
    }
}

void a_store_of_any_alignment_says_which_bytes_it_means()
{
    for (unsigned at = 0; at < 4; at++) {
        for (unsigned bytes = 1; bytes <= 9; bytes++) {
            Words words = memory_write(HOST_BASE + at, BYTES, bytes);
            Request request = decode(words);
            EXPECT(request.type == Request::MEMORY_WRITE);
            EXPECT(request.first_byte() == HOST_BASE + at && request.bytes() == bytes);
            EXPECT(request.fault(words, 128, 512).empty());
        }
    }
}

void a_request_that_breaks_a_rule_is_a_fault()
{
    EXPECT(!read_of(HOST_BASE + 4000, 128, 0).fault({0, 0, 0}, 128, 512).empty());
    Words words = write_of(132);
    EXPECT(!decode(words).fault(words, 128, 512).empty());
}

}

int main()
{
    the_link_charges_twenty_bytes_for_each_tlp();
    a_link_that_is_not_throttled_takes_no_time();
    the_block_is_ready_again_when_the_link_has_carried_a_tlp();
    tx_buf_av_counts_the_tlp_that_is_under_way();
    a_read_counts_for_the_worst_split_of_its_completion();
    completions_give_credits_back();
    completions_end_at_multiples_of_their_size();
    a_completion_comes_the_latency_after_its_read_left();
    reads_overtake_each_other_but_never_themselves();
    a_packet_may_begin_where_one_ends_in_the_lower_half();
    no_beat_is_shown_before_the_link_has_carried_it();
    a_store_of_any_alignment_says_which_bytes_it_means();
    a_request_that_breaks_a_rule_is_a_fault();
    return failures != 0;
}
