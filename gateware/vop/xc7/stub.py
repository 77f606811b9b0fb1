# SPDX-License-Identifier: BSD-2-Clause
"""A place for a component whose surroundings the tools cannot build: nothing is optimised away."""

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ScanStub", "Stubbed"]


class ScanStub(wiring.Component):
    """A shift register that drives the inputs of a component, and folds its outputs into one bit.

    What it meets is a flip-flop on either side, so it takes no logic from the component: it costs
    one flip-flop for each input, and for each output two flip-flops and a lookup table.

    Parameters
    ----------
    inputs, outputs : :class:`int`
        Bits of the component. At least 1 each.

    Members
    -------
    drives : ``Out(inputs)``
        To the component's inputs.
    takes : ``In(outputs)``
        From the component's outputs.
    scan_in : ``In(1)``, scan_out : ``Out(1)``
        Pins.
    """

    def __init__(self, *, inputs, outputs):
        super().__init__({
            "drives":   Out(inputs),
            "takes":    In(outputs),
            "scan_in":  In(1),
            "scan_out": Out(1),
        })

    def elaborate(self, platform):
        m = Module()
        taken = Signal.like(self.takes, reset_less=True)
        folded = Signal(len(self.takes), reset_less=True)
        driven = Signal(len(self.drives), reset_less=True)
        m.d.sync += [
            driven.eq(Cat(self.scan_in, driven)),
            taken.eq(self.takes),
            folded.eq(taken ^ Cat(driven[-1], folded)),
        ]
        m.d.comb += [self.drives.eq(driven), self.scan_out.eq(folded[-1])]
        return m


class Stubbed(wiring.Component):
    """A component within a :class:`ScanStub`: two pins, whatever its ports.

    Parameters
    ----------
    inner : :class:`wiring.Component`
        The component, named ``dut`` in the hierarchy; the stub is ``stub``.

    Members
    -------
    scan_in : ``In(1)``, scan_out : ``Out(1)``
        Pins.
    """

    scan_in: In(1)
    scan_out: Out(1)

    def __init__(self, inner):
        self._inner = inner
        super().__init__()

    @property
    def sources(self):
        """Paths of the foreign Verilog that the component instantiates."""
        return tuple(getattr(self._inner, "sources", ()))

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = inner = self._inner
        ports = {In: [], Out: []}
        for _path, member, value in inner.signature.flatten(inner):
            if not isinstance(Value.cast(value), Const):
                ports[member.flow].append(Value.cast(value))
        inputs, outputs = Cat(*ports[In]), Cat(*ports[Out])
        m.submodules.stub = stub = ScanStub(inputs=max(len(inputs), 1),
                                            outputs=max(len(outputs), 1))
        m.d.comb += [
            inputs.eq(stub.drives),
            stub.takes.eq(outputs),
            stub.scan_in.eq(self.scan_in),
            self.scan_out.eq(stub.scan_out),
        ]
        return m
