// SPDX-License-Identifier: BSD-2-Clause
// The machine: the card, its hard block, the link and the host, a cycle at a time.
//
// What the block drives in a cycle depends only on earlier cycles, so one settling is enough:
// inputs are applied, outputs are read, then the clock rises.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "Vbench_card.h"
#include "abi.h"
#include "credits.h"
#include "receive.h"
#include "transmit.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_vcd_c.h"
#endif

namespace {

constexpr unsigned RESET_CYCLES = 8;
constexpr unsigned CYCLE_NS = 8;
constexpr uint32_t NO_SNOOP_ENABLE = 1 << 11, RELAXED_ENABLE = 1 << 4;
constexpr uint32_t MEMORY_AND_BUS_MASTER = 0b110;
constexpr unsigned MSI_WORDS = 4;

class Machine {
public:
    Host host;
    std::vector<Event> events;
    std::vector<std::string> faults;

    Machine() : card_(new Vbench_card(&context_))
    {
        card_->cfg_err_cpl_rdy = 1;
        card_->user_lnk_up = 1;
        card_->cfg_interrupt_msienable = 1;
        card_->cfg_interrupt_mmenable = 5;
        card_->cfg_bus_number = CARD_ID >> 8;
        card_->cfg_command = MEMORY_AND_BUS_MASTER;
        card_->rst = 1;
        for (unsigned n = 0; n < RESET_CYCLES; n++)
            step();
        card_->rst = 0;
    }

    ~Machine()
    {
#if VM_TRACE
        if (vcd_)
            vcd_->close();
#endif
        card_->final();
    }

    void configure(const Settings &settings)
    {
        settings_ = settings;
        to_host_.throttled = to_card_.throttled = settings.throttled;
        host.configure(settings);
        card_->cfg_dcommand = settings.mps_log2 << 5 | settings.mrrs_log2 << 12 |
                              NO_SNOOP_ENABLE | RELAXED_ENABLE;
    }

    void store(int bar, uint64_t offset, const uint8_t *data, unsigned bytes)
    {
        host.store(start_of(cycle_), bar, offset, data, bytes);
    }

    void forget()
    {
        events.clear();
        rx_stall_cycles_ = 0;
        receive_.straddles = 0;
        buffer_.overruns = buffer_.peak_headers = 0;
        transmit_.least_free = Transmit::BUFFERS;
    }

    // Run until an event of a kind in `kinds` has occurred, or for `cycles`.
    bool run(uint64_t cycles, uint32_t kinds)
    {
        for (uint64_t end = cycle_ + cycles; cycle_ < end;) {
            size_t seen = events.size();
            step();
            for (; seen < events.size(); seen++)
                if (kinds >> events[seen].kind & 1)
                    return true;
        }
        return false;
    }

    bool quiet() const
    {
        return host.quiet() && receive_.quiet() && transmit_.quiet() && buffer_.empty() &&
               !card_->cfg_interrupt && !card_->s_axis_tx_tvalid;
    }

    uint64_t cycle() const { return cycle_; }
    const Pins &pins() const { return pins_; }

    Counters counters() const
    {
        return {rx_stall_cycles_, buffer_.overruns, buffer_.peak_headers, receive_.straddles,
                transmit_.least_free};
    }

    bool record(const char *path)
    {
#if VM_TRACE
        context_.traceEverOn(true);
        vcd_.reset(new VerilatedVcdC);
        card_->trace(vcd_.get(), 99);
        vcd_->open(path);
        return vcd_->isOpen();
#else
        (void)path;
        return false;
#endif
    }

private:
    void step()
    {
        Delivery delivery;
        while (host.next(start_of(cycle_ + 1), to_card_, delivery))
            receive_.put(std::move(delivery));
        receive_.show(cycle_);
        transmit_.settle(cycle_);
        drive();
        settle(0);
        sample();
        take_beat();
        take_vector();
        hand_beat();
        watch();
        settle(1);
        cycle_++;
    }

    void settle(int clock)
    {
        card_->clk = clock;
        card_->eval();
#if VM_TRACE
        if (vcd_)
            vcd_->dump(CYCLE_NS * cycle_ + (clock ? CYCLE_NS / 2 : 0));
#endif
    }

    void drive()
    {
        for (unsigned lane = 0; lane < Receive::LANES; lane++)
            card_->m_axis_rx_tdata[lane] = receive_.data[lane];
        card_->m_axis_rx_tuser = receive_.user;
        card_->m_axis_rx_tkeep = 0xffff;
        card_->m_axis_rx_tlast = receive_.user >> 21 & 1;
        card_->m_axis_rx_tvalid = receive_.valid;
        card_->s_axis_tx_tready = transmit_.ready;
        card_->tx_buf_av = transmit_.buffers_free;
        card_->cfg_interrupt_rdy = vector_ready_;
    }

    void sample()
    {
        pins_ = {card_->s_axis_tx_tvalid, card_->s_axis_tx_tready, !transmit_.in_packet(),
                 card_->s_axis_tx_tlast, card_->s_axis_tx_tdata[0], card_->m_axis_rx_tvalid,
                 card_->m_axis_rx_tready, card_->cfg_interrupt, card_->cfg_interrupt_rdy,
                 card_->tx_buf_av, card_->seen_write, card_->seen_address,
                 card_->seen_interrupts};
    }

    // s_axis_tx.
    void take_beat()
    {
        if (!card_->s_axis_tx_tvalid || !card_->s_axis_tx_tready || card_->rst)
            return;
        uint32_t data[4];
        for (unsigned lane = 0; lane < 4; lane++)
            data[lane] = card_->s_axis_tx_tdata[lane];
        transmit_.beat(cycle_, data, card_->s_axis_tx_tkeep, card_->s_axis_tx_tlast, to_host_,
                       [this](const Words &words, uint64_t began, uint64_t cycle, Passage link) {
                           from_card(words, began, cycle, link);
                       });
    }

    void from_card(const Words &words, uint64_t began, uint64_t cycle, Passage link)
    {
        Request request = decode(words);
        if (request.type == Request::UNKNOWN) {
            events.push_back({cycle, began, link.begin, link.end, 0, OTHER, 0, 0, 0});
            return;
        }
        bool reads = request.type == Request::MEMORY_READ;
        std::string fault = request.fault(words, 128 << settings_.mps_log2,
                                          128 << settings_.mrrs_log2);
        if (fault.empty() && reads && buffer_.holds(request.tag))
            fault = "may not use a tag twice at once";
        if (fault.empty() && request.requester != CARD_ID)
            fault = "must carry the card's id";
        if (fault.empty() && !(reads ? host.read(request, link.end) : host.write(request, words)))
            fault = "must stay within host memory";
        if (!fault.empty()) {
            char text[128];
            snprintf(text, sizeof(text), "cycle %llu: a %s of %u DW at %#llx ",
                     (unsigned long long)cycle, reads ? "read" : "write", request.length_dw,
                     (unsigned long long)request.address);
            faults.push_back(text + fault);
            return;
        }
        if (reads)
            buffer_.reserve(request.tag, request.first_byte(), request.bytes());
        events.push_back({cycle, began, link.begin, link.end, request.first_byte(),
                          reads ? READ : WRITE, request.bytes(), request.tag, 0});
    }

    // cfg_interrupt: ready one cycle after the request. The block's message takes its turn on the link.
    void take_vector()
    {
        bool taken = card_->cfg_interrupt && vector_ready_;
        if (taken) {
            Passage link = to_host_.carry(start_of(cycle_ + 1), MSI_WORDS);
            events.push_back({cycle_, cycle_, link.begin, link.end, 0, MSI, 4,
                              card_->cfg_interrupt_di, 0});
        }
        vector_ready_ = card_->cfg_interrupt && !taken && !card_->rst;
    }

    // m_axis_rx.
    void hand_beat()
    {
        if (!receive_.valid || card_->rst)
            return;
        if (!card_->m_axis_rx_tready) {
            rx_stall_cycles_++;
            return;
        }
        receive_.taken(cycle_, [this](const Delivery &delivery, uint64_t began, uint64_t cycle) {
            if (delivery.is_completion)
                buffer_.release(delivery.tag, delivery.bytes);
            events.push_back({cycle, began, delivery.link.begin, delivery.link.end,
                              delivery.address, delivery.is_completion ? COMPLETION : HOST_STORE,
                              delivery.bytes, delivery.is_completion ? delivery.tag : uint32_t(delivery.bar),
                              0});
        });
    }

    // The taps inside the card.
    void watch()
    {
        if (card_->rst)
            return;
        if (card_->seen_write)
            events.push_back({cycle_, cycle_, 0, 0, card_->seen_address, REGISTER, 4,
                              card_->seen_data, card_->seen_card});
        uint32_t risen = card_->seen_interrupts & ~interrupts_;
        if (risen)
            events.push_back({cycle_, cycle_, 0, 0, 0, INTERRUPT, 0, risen, 0});
        interrupts_ = card_->seen_interrupts;
    }

    VerilatedContext context_;
    std::unique_ptr<Vbench_card> card_;
#if VM_TRACE
    std::unique_ptr<VerilatedVcdC> vcd_;
#endif
    Settings settings_{};
    Link to_host_, to_card_;
    Transmit transmit_;
    Receive receive_;
    CompletionBuffer buffer_;
    Pins pins_{};
    uint64_t cycle_ = 0, rx_stall_cycles_ = 0;
    uint32_t interrupts_ = 0;
    bool vector_ready_ = false;
};

}

// What `sim/bench/machine.py` calls.
extern "C" {

void *machine_new() { return new Machine; }
void machine_delete(Machine *m) { delete m; }
void machine_configure(Machine *m, const Settings *settings) { m->configure(*settings); }
uint8_t *machine_memory(Machine *m) { return m->host.memory(); }
uint64_t machine_cycle(Machine *m) { return m->cycle(); }
int machine_quiet(Machine *m) { return m->quiet(); }
int machine_record(Machine *m, const char *path) { return m->record(path); }
int machine_run(Machine *m, uint64_t cycles, uint32_t kinds) { return m->run(cycles, kinds); }
uint64_t machine_event_count(Machine *m) { return m->events.size(); }
const Event *machine_events(Machine *m) { return m->events.data(); }
void machine_forget(Machine *m) { m->forget(); }
void machine_counters(Machine *m, Counters *to) { *to = m->counters(); }
void machine_pins(Machine *m, Pins *to) { *to = m->pins(); }
uint64_t machine_fault_count(Machine *m) { return m->faults.size(); }
const char *machine_fault(Machine *m, uint64_t n) { return m->faults[n].c_str(); }

void machine_store(Machine *m, int bar, uint64_t offset, const uint8_t *data, uint32_t bytes)
{
    m->store(bar, offset, data, bytes);
}

}
