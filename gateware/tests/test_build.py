# SPDX-License-Identifier: BSD-2-Clause
"""The build writes what a tool needs, and refuses what cannot be built."""

import pytest
from vop.build import content_id, main


def test_the_simulated_card_is_written_with_its_sources(tmp_path, capsys):
    firmware = tmp_path / "card.bin"
    firmware.write_bytes(bytes(range(64)))

    status = main(["sim", "--output", str(tmp_path / "out"), "--ram-bytes", "4096",
                   "--firmware", str(firmware)])

    assert status == 0
    listed = (tmp_path / "out" / "sources.f").read_text().split()
    assert listed == ["VexRiscv_Lite.v", "sim_card.v"]
    assert all((tmp_path / "out" / name).is_file() for name in listed)
    text = (tmp_path / "out" / "sim_card.v").read_text()
    assert "module sim_card(" in text
    assert "0f0e0d0c0b0a09080706050403020100" in text
    assert capsys.readouterr().out.startswith("build id ")


def test_the_build_id_follows_the_parameters():
    assert content_id({"ram_bytes": 1}) == content_id({"ram_bytes": 1})
    assert content_id({"ram_bytes": 1}) != content_id({"ram_bytes": 2})


@pytest.mark.parametrize(("arguments", "message"), [
    (["moon"], "invalid choice: 'moon'"),
    (["sim", "--ram-bytes", "1000"],
     "Card RAM must be a power of two of at least four lines, not 1000 bytes"),
    (["sim", "--firmware", "/none/card.bin"], "Firmware must be a readable file: "),
    (["sim", "--cpu-variant", "Moon"], "CPU variant must be one of "),
])
def test_what_cannot_be_built_is_refused(arguments, message, tmp_path, capsys):
    with pytest.raises(SystemExit) as leaving:
        main([*arguments, "--output", str(tmp_path)])

    assert leaving.value.code == 2
    assert message in capsys.readouterr().err
