# SPDX-License-Identifier: BSD-2-Clause
"""What a person would type on the host: load the module, start the daemon, attach the share."""

import time

from .artifacts import artifact, kernel_release
from .card_shell import CardShell
from .channel import Late
from .run import Cosim, CosimFailed

__all__ = ["DKMS_MODULE", "HostMachine", "MOUNT"]

MOUNT = "/host"
# Where DKMS puts the module, below a kernel's.
DKMS_MODULE = "updates/dkms/vop_host.ko"
# The guest's clock is real time, the simulated card is slow: every bound in the module grows.
TIMEOUT_SCALE = 20
ONLINE_TIMEOUT_S = 120
MOUNT_TIMEOUT_S = 120


class HostMachine(Cosim):
    """A co-simulated host with our module and daemon at hand.

    Parameters
    ----------
    name : :class:`str`
        As for :class:`~sim.cosim.run.Cosim`, which has the other options, too.
    share : :class:`pathlib.Path`
        Directory to serve; diod runs as its owner.
    firmware : :class:`str`
        `baremetal` or `zephyr`.
    installed : :class:`pathlib.Path` or None
        Root of a machine on which our packages are installed: module, programs and firmware come
        from there and not from where they were built.

    Attributes
    ----------
    shell : :class:`~sim.cosim.card_shell.CardShell`
        The card's shell, once attached.
    """

    def __init__(self, name, share, firmware="baremetal", installed=None, **options):
        if installed is None:
            pieces = {
                "firmware": artifact(firmware),
                "programs": (artifact("vopd"), artifact("vopctl")),
                "modules":  (artifact("vop_host"),),
            }  # fmt: skip
        else:
            pieces = {
                "firmware": installed / "usr/lib/firmware/vop/card.bin",
                "programs": (installed / "usr/sbin/vopd", installed / "usr/sbin/vopctl"),
                "modules":  (installed / "lib/modules" / kernel_release() / DKMS_MODULE,),
            }  # fmt: skip
        super().__init__(name, share=share, **pieces, **options)
        self._owner = share.stat().st_uid
        self.shell = None

    def attach_share(self):
        """All of it: load the driver, start vopd, wait until the card has mounted the share."""
        self.load_driver()
        self.start_daemon()
        self.wait_mounted()

    def load_driver(self):
        """Load `vop_host`, and wait until the card's firmware is online."""
        self.guest.check(f"insmod /lib/modules/vop_host.ko timeout_scale={TIMEOUT_SCALE}",
                         ONLINE_TIMEOUT_S)  # fmt: skip
        end = time.monotonic() + ONLINE_TIMEOUT_S
        while (state := self.card_state()) in ("offline", "booting"):
            self.check()
            if time.monotonic() > end:
                raise CosimFailed(f"the card is still {state} after {ONLINE_TIMEOUT_S} s")
            time.sleep(0.05)
        if state != "online":
            raise CosimFailed(f"the card is {state}; see {self.directory}/guest.log")

    def card_state(self):
        """State of the card, as the driver's sysfs tells it."""
        return self.guest.check("cat /sys/bus/pci/drivers/vop_host/0*/state").strip()

    def start_daemon(self):
        """Start vopd with the share and the console, and join the console to our end."""
        self.guest.check(f"serve-share {self._owner}")
        if self.shell is None:
            self.guest.check("card-console /run/card-console >/dev/ttyS0 2>&1 &")
            self.shell = CardShell(self.console)

    def wait_mounted(self):
        """Wait for the card's prompt, and until it has mounted the share."""
        self.shell.wait_prompt(MOUNT_TIMEOUT_S)
        end = time.monotonic() + MOUNT_TIMEOUT_S
        while MOUNT not in self.shell.run("mounts", MOUNT_TIMEOUT_S).output.split():
            self.check()
            if time.monotonic() > end:
                raise Late(f"the card did not mount {MOUNT} in {MOUNT_TIMEOUT_S} s")
            time.sleep(0.2)
