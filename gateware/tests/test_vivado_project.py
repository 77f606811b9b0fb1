# SPDX-License-Identifier: BSD-2-Clause
"""Each board's project is whole, and asks Vivado for the hard block that the card is made for."""

import re
from pathlib import Path

import pytest
import vivado_run
from amaranth.lib.wiring import Out
from vop.regs import CARD_ADDRESSES, MSIX, VECTORS, VERSION
from vop.shims.pcie_7x import PinsSignature
from vop.vivado.board import board_names
from vop.vivado.top import CPU_HZ

GOLDEN_PORTS = Path(__file__).with_name("pcie_7x_ports.txt")
CLOCKS = r"(pcie_0__clk__|clk\d*_0__)"      # the reference clock, and the oscillator
LANES = r"pcie_0__[rt]x__"

#: Site of the transceiver behind a pin of lane receive: Xilinx's package files.
SITES = {
    "xc7a200t": {"B8": "X0Y4", "D11": "X0Y5", "B10": "X0Y6", "D9": "X0Y7"},
    "xc7a100t": {"B8": "X0Y4", "D11": "X0Y5", "B10": "X0Y6", "D9": "X0Y7"},
    "xc7a75t":  {"B8": "X0Y4", "D11": "X0Y5", "B10": "X0Y6", "D9": "X0Y7"},
    "xc7k325t": {"T6": "X0Y4", "R4": "X0Y5", "P6": "X0Y6", "M6": "X0Y7"},
}


@pytest.fixture(scope="module", params=[*((name, None) for name in board_names()),
                                        ("nitefury2", 1), ("nitefury2", 2)],
                ids=lambda param: "-x".join(str(part) for part in param if part))
def project(request, tmp_path_factory):
    name, lanes = request.param
    return vivado_run.copy_project(name, tmp_path_factory, lanes=lanes)


@pytest.fixture(scope="module")
def pins(project):
    """Pin of each bit of the ports."""
    return {words[2]: words[1] for words in project.named("set_property") if words[0] == "LOC"
            and not words[1].startswith("GT")}


@pytest.fixture(scope="module")
def clocks(project):
    """Period of each input clock in ns, by port."""
    return {words[4]: float(words[3]) for words in project.named("create_clock")}


def size_of_bar(properties, number):
    scale = {"Kilobytes": 1 << 10, "Megabytes": 1 << 20}[properties[f"Bar{number}_Scale"]]
    return int(properties[f"Bar{number}_Size"]) * scale


def test_the_project_has_every_file_that_its_scripts_name(project):
    scripts = [path.read_text() for path in project.folder.glob("*.tcl")]

    named = {name for script in scripts
             for name in re.findall(r"^(?:source|add_files|read_xdc) \"?([^\"\s]+)", script, re.M)}
    assert named >= {"VexRiscv_Lite.v", "top.v", "top.xdc", "asynchronous.xdc"}
    assert all((project.folder / name).is_file() for name in named)
    assert "module VexRiscv (" in (project.folder / "VexRiscv_Lite.v").read_text()
    assert (project.folder / "build_top.sh").stat().st_mode & 0o100


def test_the_firmware_is_in_the_memories(project):
    word = project.board.link.width // 8
    line = vivado_run.IMAGE[:word][::-1].hex()

    assert f"{project.board.link.width}'h{line}" in project.verilog


def test_the_steps_come_in_the_order_that_vivado_needs(project):
    steps = [name for name, *_words in project.calls]

    order = ["create_project", "read_xdc", "create_ip", "generate_target", "synth_ip",
             "synth_design", "opt_design", "set_max_delay", "place_design", "route_design",
             "get_timing_paths", "write_bitstream"]
    places = [steps.index(step) for step in order]
    assert places == sorted(places)
    assert project.named("create_project") == [
        ["-force", "-name", "top", "-part",
         f"{project.board.platform.device}{project.board.platform.package}"
         f"-{project.board.platform.speed}"]]


def test_the_block_is_who_the_driver_looks_for(project):
    chosen = project.properties

    vendor, device = VERSION["pci_vendor_id"], VERSION["pci_device_id"]
    assert int(chosen["Vendor_ID"], 16) == int(chosen["Subsystem_Vendor_ID"], 16) == vendor
    assert int(chosen["Device_ID"], 16) == int(chosen["Subsystem_ID"], 16) == device
    class_code = "".join(chosen[f"Class_Code_{part}"] for part in ("Base", "Sub", "Interface"))
    assert int(class_code, 16) == VERSION["pci_class_code"]


def test_the_block_has_the_bars_of_the_card(project):
    chosen = project.properties

    enabled = {n for n in range(6) if chosen.get(f"Bar{n}_Enabled") == "true"}
    assert enabled == {0, 2}
    assert size_of_bar(chosen, 0) == CARD_ADDRESSES["bar0_bytes"]
    assert size_of_bar(chosen, 2) == project.told("ram__bytes")
    assert (chosen["Bar0_64bit"], chosen["Bar0_Prefetchable"]) == ("false", "false")
    assert (chosen["Bar2_64bit"], chosen["Bar2_Prefetchable"]) == ("true", "true")
    assert chosen["Expansion_Rom_Enabled"] == "false"


def test_the_block_has_the_vectors_of_the_card(project):
    chosen = project.properties

    assert chosen["Multiple_Message_Capable"] == f"{VECTORS['count']}_vectors"
    assert chosen["MSI_Enabled"] == chosen["MSIx_Enabled"] == "true"
    assert int(chosen["MSIx_Table_Size"], 16) == VECTORS["count"]
    assert int(chosen["MSIx_Table_Offset"], 16) == MSIX.address("address_lo")
    assert int(chosen["MSIx_PBA_Offset"], 16) == MSIX.address("pending_lo")
    assert chosen["MSIx_Table_BIR"] == chosen["MSIx_PBA_BIR"] == "BAR_0"
    assert chosen["IntX_Generation"] == "false"


def test_the_block_has_the_width_the_clock_and_the_lanes_of_the_card(project):
    chosen, block = project.properties, project.module("top.pcie")

    width = re.search(r"^  wire \[(\d+):0\] pins__m_axis_rx_tdata;$", block, re.M)
    assert chosen["Interface_Width"] == f"{int(width[1]) + 1}_bit"
    clock_hz = int(float(chosen["User_Clk_Freq"]) * 1e6)
    assert clock_hz == project.told("clock__hz")
    lanes = project.ports["pcie_0__rx__p"][1] or 1
    assert chosen["Maximum_Link_Width"] == f"X{lanes}"
    assert (chosen["Link_Speed"], chosen["Trgt_Link_Speed"]) == ("5.0_GT/s", "4'h2")


def test_properties_are_written_as_the_ip_wants_them(project):
    golden = {"Vendor_ID": "1D1D", "Device_ID": "2F2F", "Class_Code_Base": "08",
              "Bar0_Scale": "Kilobytes", "Bar0_Size": "64", "MSIx_Table_Size": "20",
              "MSIx_Table_Offset": "2000", "MSIx_PBA_Offset": "2200", "Legacy_Interrupt": "None",
              "Multiple_Message_Capable": "32_vectors", "Ref_Clk_Freq": "100_MHz",
              "Max_Payload_Size": "512_bytes", "PCIe_Blk_Locn": "X0Y0"}

    assert golden.items() <= project.properties.items()
    assert project.named("create_ip") == [["-vendor", "xilinx.com", "-library", "ip", "-name",
                                           "pcie_7x", "-module_name", "pcie_7x_0"]]


def test_the_block_is_connected_by_exactly_the_ports_that_it_has(project):
    golden = [line.split() for line in GOLDEN_PORTS.read_text().splitlines() if line[0] != "#"]

    instance = re.search(r"^  pcie_7x_0 block \((.*?)^  \);", project.module("top.pcie"),
                         re.M | re.S)[1]
    connected = re.findall(r"^    \.(\w+)\(", instance, re.M)
    assert sorted(connected) == sorted(name for _direction, _bits, name in golden)
    assert not re.findall(r"\.(\w+)\(\)", instance)


def test_the_pins_of_the_shim_are_ports_of_the_block():
    golden = {name: (direction, int(bits)) for direction, bits, name in
              (line.split() for line in GOLDEN_PORTS.read_text().splitlines() if line[0] != "#")}

    for name, member in PinsSignature(128).members.items():
        direction = "out" if member.flow is Out else "in"
        assert golden[name] == (direction, member.shape), name


def test_every_pin_has_a_place_of_its_own_and_a_standard(project, pins):
    standards = {words[2] for words in project.named("set_property") if words[0] == "IOSTANDARD"}

    assert set(pins) == set(project.bits)
    assert len(set(pins.values())) == len(pins)
    transceiver = {bit for bit in pins if re.match(rf"{LANES}|pcie_0__clk__", bit)}
    assert standards == set(pins) - transceiver


def test_every_clock_has_its_period(project, clocks):
    oscillator = f"{project.board.clock}_0__"

    assert clocks.pop("pcie_0__clk__p") == 1e3 / int(project.properties["Ref_Clk_Freq"][:3])
    ((port, period),) = clocks.items()
    assert port.startswith(oscillator)
    pll = project.module("top.cpu_clock")
    settings = dict(re.findall(r"\.(\w+)\(32'd(\d+)\)", pll))
    multiplied = int(settings["CLKFBOUT_MULT"]) / int(settings["DIVCLK_DIVIDE"])
    assert re.search(rf"\.CLKIN1_PERIOD\({period}\)", pll)
    assert 800 <= 1e3 / period * multiplied <= 1600
    assert 1e9 / period * multiplied / int(settings["CLKOUT0_DIVIDE"]) == CPU_HZ


def test_crossings_are_bounded_both_ways_by_the_clock_that_takes(project):
    bounds = {(words[2], words[4]): float(words[5]) for words in project.named("set_max_delay")}

    pcie, cpu = "clock:pcie/block/user_clk_out", "clock:cpu_clock/pll/CLKOUT0"
    assert bounds == {(cpu, pcie): 1e3 / float(project.properties["User_Clk_Freq"]),
                      (pcie, cpu): 1e9 / CPU_HZ}
    assert all(words[0] == "-datapath_only" for words in project.named("set_max_delay"))


def test_the_lights_of_the_clocks_blink_while_the_card_is_in_reset(project):
    top = project.module("top")

    assert re.search(r"^  reg \[25:0\] cpu_blink\b", top, re.M)
    assert re.search(r"^  reg \[25:0\] pcie_blink\b", top, re.M)
    assert not re.search(r"if \((pcie|cpu)_rst\)", top)


def test_the_clocks_of_the_crossings_are_pins_of_the_design(project):
    assert re.search(r"^  \\top\.pcie +pcie \(", project.module("top"), re.M)
    assert re.search(r"^  pcie_7x_0 block \(", project.module("top.pcie"), re.M)
    assert re.search(r"^  \\top\.cpu_clock +cpu_clock \(", project.module("top"), re.M)
    assert re.search(r"^  PLLE2_ADV #\(.*?^  \) pll \(", project.module("top.cpu_clock"),
                     re.M | re.S)


def test_every_pin_without_a_clock_is_named(project):
    excepted = {(words[0], words[1]) for words in project.named("set_false_path")}

    timed = re.compile(f"{CLOCKS}|{LANES}")
    loose = {("-from" if direction == "input" else "-to", bit)
             for bit, direction in project.bits.items() if not timed.match(bit)}
    assert ("-from", "pcie_0__rst__io") in loose
    assert excepted == loose


def test_each_lane_is_placed_at_the_transceiver_of_its_pins(project, pins):
    sites = SITES[project.board.platform.device]

    placed = [words for words in project.named("set_property") if words[1].startswith("GT")]
    assert len(placed) == project.board.link.lanes
    for _property, site, cell in placed:
        lane = int(re.search(r"pipe_lane\[(\d)\]", cell)[1])
        bit = "pcie_0__rx__p" + (f"[{lane}]" if len(placed) > 1 else "")
        assert site.endswith(sites[pins[bit]])
    assert len(project.named("reset_property")) == 1
