from agent.wire.levels import cable_levels


def _docsis(power=0, snr=380, modulation="QAM256", outputs=(450,), status="Operational"):
    return {
        "status": status,
        "downstream": [[3, 602000000, 8000000, modulation, power, snr, 0, 0, 0]],
        "upstream": [
            [n + 1, 37000000, 6400000, "ATDMA", output, 0, 0, "Success"]
            for n, output in enumerate(outputs)
        ],
    }


def _failing(**changes):
    return [level[:3] for level in cable_levels(_docsis(**changes)) if level[3] != "pass"]


def test_a_good_line_passes_with_every_level_named():
    levels = list(cable_levels(_docsis()))
    assert [level[0] for level in levels] == [
        "cable_status",
        "downstream_power",
        "downstream_snr",
        "upstream_power",
    ]
    assert _failing() == []


def test_the_limits_of_the_input_are_covered_and_what_is_beyond_fails():
    assert _failing(power=150) == [] and _failing(power=-150) == []
    assert _failing(power=151) == [("downstream_power", 3, 151)]
    assert _failing(power=-151) == [("downstream_power", 3, -151)]


def test_a_weak_signal_must_be_cleaner():
    assert _failing(snr=300) == [] and _failing(power=-60, snr=300) == []
    assert _failing(snr=299) == [("downstream_snr", 3, 299)]
    assert _failing(power=-61, snr=329) == [("downstream_snr", 3, 329)]
    assert _failing(modulation="QAM64", snr=235) == []


def test_more_channels_leave_less_power_for_each():
    assert _failing(outputs=(570,)) == []
    assert _failing(outputs=(540, 540)) == []
    assert _failing(outputs=(541, 400)) == [("upstream_power", 1, 541)]
    assert _failing(outputs=(510, 510, 510, 510)) == []
    assert _failing(outputs=(511, 400, 400, 400)) == [("upstream_power", 1, 511)]
    assert _failing(outputs=(169,)) == [("upstream_power", 1, 169)]


def test_a_modem_that_is_not_operational_fails():
    assert _failing(status="RangingInProgress") == [("cable_status", 0, "RangingInProgress")]
