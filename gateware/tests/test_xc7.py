# SPDX-License-Identifier: BSD-2-Clause
"""What the tools tell is read right, and what is not theirs is refused."""

import json
import re
import stat

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator
from vop.xc7 import synth, timing, tools
from vop.xc7.limits import Limits, LimitsError, read_limits
from vop.xc7.netlist import Cells, NetlistError, count_modules, count_placed_tables, read_modules
from vop.xc7.pll import Pll
from vop.xc7.report import Report, ReportError, read_report
from vop.xc7.stub import Stubbed


def cells(*kinds):
    return {"cells": {f"c{index}": {"type": kind} for index, kind in enumerate(kinds)}}


NETLIST = {"modules": {
    "top": cells("LUT6", "FDRE", "RAM32M", "BUFG", "part", "part"),
    "part": cells("LUT2", "FDSE", "CARRY4", "RAMB36E1", "$scopeinfo"),
    "other": cells("LUT1"),
    "LUT6": {**cells("$lut"), "attributes": {"blackbox": "1"}},
}}

REPORT = {
    "fmax": {"pcie_clk$iopad": {"achieved": 131.5, "constraint": 160.0},
             "cpu_clk": {"achieved": 101.0, "constraint": 160.0}},
    "utilization": {"SLICE_LUTX": {"used": 12, "available": 99},
                    "SLICE_FFX": {"used": 7, "available": 99},
                    "PAD": {"used": 0, "available": 9}},
    "critical_paths": [
        {"from": "<async>", "to": "posedge pcie_clk", "path": []},
        {"from": "posedge cpu_clk", "to": "posedge cpu_clk", "path": []},
        {"from": "posedge pcie_clk$iopad", "to": "posedge pcie_clk$iopad", "path": [
            {"delay": 0.5, "type": "clk-to-q", "from": {"cell": "$auto$1", "port": "Q"},
             "to": {"cell": "$auto$1", "port": "Q"}},
            {"delay": 1.0, "type": "routing", "net": "dut.card.arbiter.grant[3]",
             "from": {"cell": "$auto$1", "port": "Q"}, "to": {"cell": "$abc$2", "port": "A1"}},
            {"delay": 0.25, "type": "setup", "from": {"cell": "$abc$2", "port": "A1"},
             "to": {"cell": "dut.card.memory.bank0.0.0", "port": "WEA"}},
        ]},
    ],
}


def written(folder, content):
    path = folder / "file"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_cells_are_counted_with_those_of_the_parts(tmp_path):
    modules = read_modules(written(tmp_path, NETLIST), top="top")

    totals = count_modules(modules, top="top")

    part = Cells(luts=1, ffs=1, carries=1, ramb36=1)
    assert totals == {(): Cells(luts=3, lutram=4, ffs=3, carries=2, ramb36=2),
                      ("c4",): part, ("c5",): part}
    assert list(totals) == [(), ("c4",), ("c5",)]


def test_the_table_has_a_row_for_each_part_down_to_its_depth(tmp_path):
    totals = count_modules(read_modules(written(tmp_path, NETLIST), top="top"), top="top")

    rows = [line.split() for line in synth.table(totals, depth=1)]

    assert rows[0] == ["component", "LUT", "LUTRAM", "FF", "RAMB36", "RAMB18", "DSP", "CARRY4"]
    assert rows[1:] == [["whole", "3", "4", "3", "2", "0", "0", "2"],
                        ["c4", "1", "0", "1", "1", "0", "0", "1"],
                        ["c5", "1", "0", "1", "1", "0", "0", "1"]]
    assert len(synth.table(totals, depth=0)) == 2


@pytest.mark.parametrize(("content", "message"), [
    ("{", "is not a netlist of yosys"),
    ([], "is not a netlist of yosys"),
    ({"creator": "Yosys"}, "is not a netlist of yosys"),
    ({"modules": {"top": {}}}, "is not a netlist of yosys"),
    ({"modules": {}}, "has no cells in a module 'top'; its modules: none"),
    ({"modules": {"top": {"cells": {}}}}, "has no cells in a module 'top'; its modules: top"),
    ({"modules": {"other": cells("LUT1")}},
     "has no cells in a module 'top'; its modules: other"),
])
def test_what_is_no_netlist_is_refused(tmp_path, content, message):
    with pytest.raises(NetlistError, match=re.escape(message)):
        read_modules(written(tmp_path, content), top="top")


def test_a_missing_netlist_is_refused(tmp_path):
    with pytest.raises(NetlistError, match="is not a netlist of yosys: FileNotFoundError"):
        read_modules(tmp_path / "absent", top="top")


def test_a_report_tells_speed_use_and_the_path_in_words(tmp_path):
    report = read_report(written(tmp_path, REPORT), clock="pcie_clk")

    assert report.fmax_mhz == {"pcie_clk": 131.5, "cpu_clk": 101.0}
    assert report.ffs == 7
    assert report.used == {"SLICE_LUTX": 12, "SLICE_FFX": 7}
    assert report.path == (" 1.50 ns  dut.card.arbiter.grant",
                           " 1.75 ns  dut.card.memory.bank0.0.0",
                           " 1.75 ns  ends at dut.card.memory.bank0.0.0.WEA")
    assert report.path_ns == 1.75
    assert report.slack_ns("pcie_clk", 125) == pytest.approx(8 - 1000 / 131.5)
    assert report.slack_ns("cpu_clk", 125) < 0


@pytest.mark.parametrize(("change", "message"), [
    (None, "is not a report of nextpnr"),
    ({"fmax": 5}, "is not a report of nextpnr"),
    ({"fmax": {"pcie_clk": {}}}, "is not a report of nextpnr"),
    ({"fmax": {"pcie_clk": {"achieved": "fast"}}}, "is not a report of nextpnr"),
    ({"critical_paths": [{"from": "a", "path": []}]}, "is not a report of nextpnr"),
    ({"fmax": {}}, "has no clock 'pcie_clk', only none"),
    ({"fmax": {"cpu_clk": {"achieved": 9}}}, "has no clock 'pcie_clk', only cpu_clk"),
    ({"utilization": {"SLICE_LUTX": {"used": 3}}}, "no placed SLICE_LUTX and SLICE_FFX"),
    ({"utilization": {}}, "no placed SLICE_LUTX and SLICE_FFX"),
])
def test_what_is_no_report_of_a_routed_design_is_refused(tmp_path, change, message):
    content = "not JSON" if change is None else REPORT | change
    with pytest.raises(ReportError, match=re.escape(message)):
        read_report(written(tmp_path, content), clock="pcie_clk")


@pytest.mark.parametrize(("numbers", "misses"), [
    ((125, 10_000, 9_000), []),
    ((124.9, 10_000, 9_000), ["124.9 MHz are below 125 MHz"]),
    ((140, 10_001, 9_000), ["10001 lookup tables are more than 10000"]),
    ((140, 1, 9_001), ["9001 flip-flops are more than 9000"]),
    ((1, 20_000, 20_000), ["1.0 MHz are below 125 MHz", "20000 lookup tables are more than 10000",
                           "20000 flip-flops are more than 9000"]),
])
def test_each_limit_that_is_missed_is_named(numbers, misses):
    fmax_mhz, luts, ffs = numbers
    assert Limits(125, 10_000, 9_000).misses(fmax_mhz=fmax_mhz, luts=luts, ffs=ffs) == misses


def test_the_limits_in_use_are_those_of_the_task_and_a_record():
    must = read_limits(timing._LIMITS, "must")

    assert must == Limits(fmax_mhz=125, luts=10_000, ffs=9_000)
    assert read_limits(timing._LIMITS, "recorded").fmax_mhz > 0


@pytest.mark.parametrize(("content", "message"), [
    ("[must", "is not a file of limits"),
    ("", "must have ffs, fmax_mhz, luts, not None"),
    ("must = 3", "must have ffs, fmax_mhz, luts, not 3"),
    ("[must]\nluts = 1\nffs = 1", "must have ffs, fmax_mhz, luts, not ffs, luts"),
    ("[must]\nluts = 1\nffs = 1\nfmax_mhz = 0", "fmax_mhz in table 'must'"),
    ("[must]\nluts = 1\nffs = true\nfmax_mhz = 1", "must be a positive number, not True"),
    ("[must]\nluts = '1'\nffs = 1\nfmax_mhz = 1", "must be a positive number, not '1'"),
])
def test_a_file_of_limits_that_is_wrong_is_refused(tmp_path, content, message):
    with pytest.raises(LimitsError, match=re.escape(message)):
        read_limits(written(tmp_path, content), "must")


class Adder(wiring.Component):
    a: In(3)
    b: In(2)
    o: Out(4)

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(self.a + self.b)
        return m


def test_every_input_of_a_stubbed_component_moves_and_every_output_shows():
    inner = Adder()
    dut = Stubbed(inner)
    seen = {"inputs": set(), "scan_out": []}

    async def bench(ctx):
        for index in range(64):
            ctx.set(dut.scan_in, (0x9A3F_51C7 >> index % 32) & 1)
            await ctx.tick()
            seen["inputs"].add((ctx.get(inner.a), ctx.get(inner.b)))
            seen["scan_out"].append(ctx.get(dut.scan_out))

    simulator = Simulator(dut)
    simulator.add_clock(8e-9)
    simulator.add_testbench(bench)
    simulator.run()
    assert {bit for a, b in seen["inputs"] for bit in (a & 1, a >> 2, b & 1, b >> 1)} == {0, 1}
    assert len(seen["inputs"]) > 16
    assert set(seen["scan_out"]) == {0, 1}


def test_the_cells_of_the_stub_are_those_of_its_registers():
    names = {"dut.card.state": [1, 2], "card.stub.driven": [3, 4], "card.stub.taken": [5, 6, 7],
             "card.stub.folded": [8, 9, "0"], "card.dut.stub.driven_too": [10]}
    module = {"netnames": {name: {"bits": bits} for name, bits in names.items()}}

    assert timing.stub_cells(module) == Cells(luts=1, ffs=7)


def test_a_placed_table_counts_once_whatever_it_serves_as(tmp_path):
    places = ("SLICE_X1Y2/A6LUT", "SLICE_X1Y2/A5LUT", "SLICE_X1Y2/B6LUT", "SLICE_X1Y3/A5LUT",
              "SLICE_X1Y3/AFF", "RAMB36_X1Y1/RAMB36E1")
    placed = {f"c{index}": {"type": "any", "attributes": {"NEXTPNR_BEL": place}}
              for index, place in enumerate(places)}

    def count(some):
        return count_placed_tables(
            written(tmp_path, {"modules": {"top": {"cells": dict(some) | {"pad": {"type": "x"}}}}}))

    assert count(placed.items()) == 3
    with pytest.raises(NetlistError, match="no cell in a lookup table"):
        count(list(placed.items())[4:])


def program(folder, text):
    path = folder / "program"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def test_a_tool_that_fails_is_told_with_its_last_words(tmp_path):
    with pytest.raises(tools.ToolError, match="synthesis: exit status 7\nno such module"):
        tools.run([program(tmp_path, "echo no such module; exit 7")], log=tmp_path / "log",
                  what="synthesis", limit_s=20)


def test_a_tool_that_does_not_end_is_stopped(tmp_path):
    with pytest.raises(tools.ToolError, match=r"place: not done after 0\.8 s; see"):
        tools.run([program(tmp_path, "exec sleep 60")], log=tmp_path / "log", what="place",
                  limit_s=0.2)


def test_a_tool_that_goes_in_circles_is_stopped_by_its_processor_time(tmp_path):
    with pytest.raises(tools.ToolError, match="route: not done after 1 s of processor time"):
        tools.run([program(tmp_path, "while :; do :; done")], log=tmp_path / "log", what="route",
                  limit_s=1)


@pytest.mark.parametrize("find", [tools.find_yosys, tools.find_nextpnr])
def test_a_tool_that_is_not_there_is_named_with_the_command_that_gets_it(monkeypatch, tmp_path,
                                                                         find):
    monkeypatch.setattr(tools, "_REPOSITORY", tmp_path)
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(tools.ToolError, match=r"is not installed: run `"):
        find()


@pytest.mark.parametrize("component", ["vop.soc.turns", "vop.soc.turns:Nothing", "vop.none:Turns",
                                       "vop.soc.turns:Turns"])
def test_a_component_that_cannot_be_made_is_refused(component, capsys):
    with pytest.raises(SystemExit) as leaving:
        synth.main([component])
    assert leaving.value.code == 2
    assert "Component must be package.module:Class" in capsys.readouterr().err


@pytest.mark.parametrize("main", [synth.main, timing.main])
def test_help_tells_the_exit_status(main, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["--help"])
    assert leaving.value.code == 0
    assert "exit status: 0" in capsys.readouterr().out


@pytest.mark.parametrize("mhz", [18, 156.25, 300, 1000])
def test_an_oscillator_that_the_pll_cannot_take_is_refused(mhz):
    with pytest.raises(ValueError, match=f"19 to 800 MHz, not {mhz:g} MHz"):
        Pll(input_hz=int(mhz * 1e6), clocks_hz={"clk": 100_000_000})


@pytest.fixture
def routes(monkeypatch, tmp_path):
    """`make timing` with tools that have done their work: MHz by seed, None where none ends."""
    by_seed = {}

    def place_and_route(_netlist, *, seed, folder, **_options):
        if by_seed[seed] is None:
            raise tools.ToolError("not done after 1500 s")
        return folder / str(seed), folder

    def read_one(path, **_options):
        mhz = by_seed[int(path.name)]
        return Report(fmax_mhz={"clk": mhz}, ffs=8_000, used={}, available={}, path=(), path_ns=0)

    for name, stand_in in {
        "TimedCard": lambda **_options: None,
        "write": lambda *_arguments, folder, **_options: [folder],
        "synthesise": lambda *_arguments, folder, **_options: folder,
        "read_modules": lambda *_arguments, **_options: {timing._TOP: None},
        "stub_cells": lambda _module: Cells(luts=0, ffs=0),
        "place_and_route": place_and_route,
        "read_report": read_one,
        "count_placed_tables": lambda _placed: 9_000,
    }.items():
        monkeypatch.setattr(timing, name, stand_in)
    monkeypatch.setattr(timing, "_CLOCK", "clk")

    def run(of):
        by_seed.update(of)
        output = tmp_path / "timing.json"
        status = timing.main(["--seeds", *map(str, of), "--output", str(output),
                              "--work", str(tmp_path)])
        return status, json.loads(output.read_text()) if output.exists() else None

    return run


def test_the_worst_seed_counts(routes):
    status, numbers = routes({1: 140.0, 2: 126.0, 3: 130.0})

    assert (status, numbers["fmax_mhz"], numbers["unrouted"]) == (0, 126.0, {})


def test_a_seed_that_cannot_be_routed_fails_the_run_but_not_the_numbers_of_the_others(
        routes, capsys):
    status, numbers = routes({1: 140.0, 2: None, 3: 130.0})

    assert (status, numbers["fmax_mhz"]) == (1, 130.0)
    assert list(numbers["seeds"]) == ["1", "3"]
    assert numbers["unrouted"] == {"2": "not done after 1500 s"}
    assert "timing: seed 2 could not be routed" in capsys.readouterr().err


def test_where_no_seed_can_be_routed_there_are_no_numbers(routes, capsys):
    assert routes({1: None, 2: None}) == (1, None)
    assert "timing: no seed could be routed" in capsys.readouterr().err
