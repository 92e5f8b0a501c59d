"""What the pages show, in every language."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pytest
from sqlalchemy import update

from agent.wire import codes
from fleet_server.domain.roles import Role
from fleet_server.services import gasps
from fleet_server.services import tables as t
from fleet_server.services.accounts import LANGUAGES
from fleet_server.tests.console_site import (
    BLANK,
    MODEM,
    SET_TOP_BOX,
    STRANGER,
    VOICE_MODEM,
    Browser,
    Site,
    add_event,
    add_interruption,
    add_presence,
    add_unit,
    add_value,
    add_verdict,
)

POWER_CUT = {
    "en": ("offline", "no power at the device", "Power lost"),
    "sq": ("jashtë linje", "pajisja pa rrymë", "Ndërprerje e rrymës"),
    "sr": ("van veze", "uređaj bez struje", "Nestanak struje"),
}
VERSION = re.compile(r'id="history-version" name="version" value="([0-9a-f]+)"')


def text_of(page: str) -> str:
    """What a person reads: without tags, spaces folded."""
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    return text.replace(" ,", ",").replace(" :", ":")


def cut_power(site: Site) -> int:
    event = add_event(site, VOICE_MODEM, 1, "PowerLoss!", Source="Mains")
    add_presence(site, VOICE_MODEM, "offline", "power_loss")
    return add_interruption(site, VOICE_MODEM, [f"event {event}"])


def restore_power(site: Site, length_ms: int = 12_340) -> None:
    site.now += timedelta(milliseconds=length_ms)
    with site.context.fleet.writing() as connection:
        connection.execute(
            update(t.interruption).values(
                ended_at=site.now, length_ms=length_ms, length_error_ms=20, end_error_ms=12
            )
        )
    add_presence(site, VOICE_MODEM, "online", "connect")
    add_event(site, VOICE_MODEM, 2, "PowerRestored!", Duration="12340", DurationError="20")


@pytest.fixture
def browser(site: Site) -> Browser:
    return site.signed_in(Role.FLEET_OPS)


@pytest.mark.parametrize("name", ["before", "past"])
@pytest.mark.parametrize("key", ["-1", str(1 << 63), "9" * 40, "x"])
def test_a_history_older_than_no_row_is_not_understood(
    browser: Browser, name: str, key: str
) -> None:
    for part in ("", "/live"):
        assert browser.get(f"/devices/{MODEM}{part}?{name}={key}").status_code == 422


def test_the_list_shows_every_device_with_position_presence_and_age(
    site: Site, browser: Browser
) -> None:
    site.now += timedelta(minutes=3, seconds=7)
    page = text_of(browser.get("/devices").text)
    for words in (
        f"00000001 {MODEM} Modem C-1002 internet online for 3 min 7 s 3 min 7 s ago",
        f"00000002 {VOICE_MODEM} Voice modem C-1001 internet+voice online",
        f"00000003 {SET_TOP_BOX} Set-top box C-1003 tv-1 online",
        f"00000004 {BLANK} Voice modem in stock",
        "never seen",
        STRANGER,
        "not in the registry",
        "As of 28 Mar 2026 13:03:07 CET",
        "All times are local time in Europe/Belgrade (now CET).",
    ):
        assert words in page


def test_an_open_interruption_shows_its_cause_in_the_list(site: Site, browser: Browser) -> None:
    cut_power(site)
    assert "no power at the device" in text_of(browser.get("/devices/rows").text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("serial=0002", {VOICE_MODEM}),
        ("serial=%200002%20", {VOICE_MODEM}),
        ("serial=%25", set()),
        ("kind=STB", {SET_TOP_BOX}),
        ("state=online", {MODEM, SET_TOP_BOX}),
        ("state=offline", {VOICE_MODEM}),
        ("state=never", {BLANK, STRANGER}),
        ("interrupted=1", {VOICE_MODEM}),
        ("kind=MODEM&state=offline", set()),
    ],
)
def test_the_list_can_be_narrowed(
    site: Site, browser: Browser, query: str, found: set[str]
) -> None:
    cut_power(site)
    page = browser.get(f"/devices?{query}").text
    shown = {e for e in (MODEM, VOICE_MODEM, SET_TOP_BOX, BLANK, STRANGER) if f">{e}<" in page}
    assert shown == found


def test_the_list_is_paged_by_key_and_keeps_the_filter(site: Site, browser: Browser) -> None:
    for number in range(120):
        add_unit(site, f"ops::00256D-MODEM-9{number:07}")
    seen: list[str] = []
    url = "/devices?serial=-9"
    while url:
        page = browser.get(url).text
        seen += re.findall(r'"endpoint">([^<]+)<', page)
        following = re.search(r'rel="next" href="([^"]+)"', page)
        url = html.unescape(following[1]) if following else ""
        assert not url or "serial=-9" in url
    assert seen == [f"ops::00256D-MODEM-9{number:07}" for number in range(120)]


@pytest.mark.parametrize("path", ["/outages/", "/maintenance/", "/swaps/", "/commands/"])
def test_a_number_that_no_database_holds_is_refused(site: Site, path: str) -> None:
    assert site.signed_in(Role.FLEET_OPS).get(f"{path}{1 << 63}").status_code == 422


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_power_cut_is_on_the_device_page_in_every_language(site: Site, language: str) -> None:
    cut_power(site)
    site.now += timedelta(seconds=5)
    page = site.signed_in(Role.FLEET_OPS, language).get(f"/devices/{VOICE_MODEM}")
    assert page.status_code == 200
    for words in POWER_CUT[language]:
        assert words in text_of(page.text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_renders_in_every_language(site: Site, language: str) -> None:
    cut_power(site)
    restore_power(site)
    browser = site.signed_in(Role.FLEET_OPS, language)
    assert site.browser(language).get("/sign-in").status_code == 200
    for url in ("/devices", f"/devices/{VOICE_MODEM}", f"/devices/{BLANK}", "/units"):
        page = browser.get(url)
        assert page.status_code == 200
        assert f'<html lang="{"sr-Latn" if language == "sr" else language}">' in page.text
    for url in ("/units?serial=unknown", "/nothing", "/devices/unknown"):
        assert browser.get(url).status_code == 404


def test_what_is_open_ticks_and_what_has_ended_has_length_and_error(
    site: Site, browser: Browser
) -> None:
    interruption = cut_power(site)
    site.now += timedelta(seconds=65)
    page = text_of(browser.get(f"/devices/{VOICE_MODEM}").text)
    assert "Length so far 1 min 5 s ± 12 ms" in page
    site.now -= timedelta(seconds=65)
    restore_power(site)
    add_verdict(
        site,
        interruption,
        2,
        cause="unknown",
        started_at=site.now,
        start_error_ms=12,
        length_ms=12_340,
        length_error_ms=20,
        evidence="[]",
        withdrawn=False,
    )
    page = text_of(browser.get(f"/devices/{VOICE_MODEM}").text)
    assert "Open interruption None." in page
    assert "28 Mar 2026 13:00:00.000 CET ± 12 ms 12.34 s ± 20 ms no power at the device" in page
    assert page.index("cause unknown, 12.34 s") < page.index("no power at the device Evidence:")
    assert "Evidence: Power lost" in page


def test_live_values_carry_their_age_and_are_marked_when_not_confirmed(
    site: Site, browser: Browser
) -> None:
    add_value(site, SET_TOP_BOX, "Device.X_IPKO-COM_Power.Source", "Mains")
    add_value(site, SET_TOP_BOX, "Device.X_IPKO-COM_Power.SupplyVoltage", "11920")
    add_value(site, SET_TOP_BOX, "Device.Time.Status", "Synchronized")
    add_value(site, SET_TOP_BOX, "Device.X_IPKO-COM_Service.State", "restricted")
    card = "Device.SmartCardReaders.SmartCardReader.1.SmartCard.Status"
    add_value(site, SET_TOP_BOX, card, "None")
    site.now += timedelta(seconds=9)
    page = text_of(browser.get(f"/devices/{SET_TOP_BOX}").text)
    for words in (
        "Power source mains 9 s ago",
        "Supply voltage 11.92 V 9 s ago",
        "Clock correct 9 s ago",
        "Service restricted 9 s ago",
        "Smart card no card inserted 9 s ago",
        f"{card} None 9 s",
    ):
        assert words in page
    assert "values are the last ones it reported" not in page
    add_presence(site, SET_TOP_BOX, "offline", "will")
    page = text_of(browser.get(f"/devices/{SET_TOP_BOX}").text)
    assert "The device is not online: values are the last ones it reported." in page
    assert "the broker lost the connection" in page


def test_what_is_known_of_a_card_is_shown_in_words(site: Site, browser: Browser) -> None:
    entitlement = "Device.SmartCardReaders.SmartCardReader.1.SmartCard.X_IPKO-COM_Entitlement."
    add_value(site, SET_TOP_BOX, entitlement + "State", "NotEntitled")
    add_value(site, SET_TOP_BOX, entitlement + "OtherCard", "true")
    shown = text_of(browser.get(f"/devices/{SET_TOP_BOX}").text)
    assert "Smart card card waits for its entitlement" in shown
    assert "Another card than the paired one yes" in shown


def test_only_a_set_top_box_has_a_card(site: Site, browser: Browser) -> None:
    assert "Smart card" not in text_of(browser.get(f"/devices/{MODEM}").text)
    assert "Smart card not reported yet" in text_of(browser.get(f"/devices/{SET_TOP_BOX}").text)


def test_a_voice_modem_shows_whether_it_reaches_emergency_numbers(
    site: Site, browser: Browser
) -> None:
    def emergency() -> str:
        page = text_of(browser.get(f"/devices/{VOICE_MODEM}").text)
        return page.partition("Emergency calls ")[2][:60]

    assert "Emergency calls" not in text_of(browser.get(f"/devices/{MODEM}").text)
    add_presence(site, VOICE_MODEM, "online", "connect")
    assert emergency().startswith("not reported yet")
    base = codes.EMERGENCY
    for name, value in (("Reachable", "false"), ("Reason", "NotRegistered")):
        add_value(site, VOICE_MODEM, base + name, value)
    assert emergency().startswith("cannot be reached, line not registered")
    add_presence(site, VOICE_MODEM, "offline", "will")
    assert emergency().startswith("unknown, the device is silent, since ")
    add_presence(site, VOICE_MODEM, "online", "connect")
    add_presence(site, VOICE_MODEM, "offline", "power_loss")
    assert emergency().startswith("cannot be reached, no power at the device, since ")


def test_a_line_that_is_ready_promises_no_telephone(site: Site, browser: Browser) -> None:
    add_presence(site, VOICE_MODEM, "online", "connect")
    add_value(site, VOICE_MODEM, codes.EMERGENCY + "Reachable", "true")
    page = text_of(browser.get(f"/devices/{VOICE_MODEM}").text)
    assert "Emergency calls line ready; whether a telephone works is not known" in page


def test_a_voice_modem_shows_its_battery_where_it_has_one(site: Site, browser: Browser) -> None:
    assert "Battery" not in text_of(browser.get(f"/devices/{VOICE_MODEM}").text)
    for name, value in (("Status", "Low"), ("ChargePercent", "15"), ("RuntimeLeft", "1800")):
        add_value(site, VOICE_MODEM, codes.BATTERY + name, value)
    page = text_of(browser.get(f"/devices/{VOICE_MODEM}").text)
    assert re.search(r"Battery low, 15\s%, 30\smin", page), page[page.index("Battery") :][:80]


def test_events_of_line_and_battery_are_told_in_words(site: Site, browser: Browser) -> None:
    params = {"Reachable": "false", "Reason": "NoNetwork", "LineReady": "false"}
    add_event(site, VOICE_MODEM, 1, "EmergencyReachability!", **params)
    add_event(site, VOICE_MODEM, 2, "Battery!", Status="Replace", ChargePercent="80")
    add_event(site, VOICE_MODEM, 3, "MainsLost!", RuntimeLeft="7200")
    page = text_of(browser.get(f"/devices/{VOICE_MODEM}").text)
    for words in (
        "Emergency numbers cannot be reached",
        "no network",
        "worn out, to be replaced",
        "Mains lost, running on battery",
        "Lasts for another",
    ):
        assert words in page


def test_an_event_shows_both_times_its_error_and_its_details(site: Site, browser: Browser) -> None:
    add_event(site, MODEM, 1, "Dip!", Magnitude="8800", Duration="120", Grade="measured")
    page = text_of(browser.get(f"/devices/{MODEM}").text)
    assert (
        "28 Mar 2026 13:00:00.000 CET ± 12 ms 28 Mar 2026 13:00:00.050 CET "
        "Voltage dip measured Length 120 ms Voltage 8.80 V"
    ) in page.replace("Voltage 8.80 V Length 120 ms", "Length 120 ms Voltage 8.80 V")


@pytest.mark.parametrize(
    ("params", "details"),
    [
        (
            {"Cause": "LocalReboot", "Reason": "power on reset", "FirmwareUpdated": "false"},
            "Start measured Reason power came on",
        ),
        (
            {"Cause": "RemoteReboot", "Reason": "Unknown", "FirmwareUpdated": "true"},
            "Start measured Cause of the start restart from here "
            "Reason unknown Firmware updated yes",
        ),
        ({"Reason": "coffee"}, "Start measured Reason coffee"),
    ],
)
def test_a_start_says_why_and_leaves_out_what_adds_nothing(
    site: Site, browser: Browser, params: dict[str, str], details: str
) -> None:
    add_event(site, MODEM, 1, "Boot!", **params)
    assert f"{details} Last reported" in text_of(browser.get(f"/devices/{MODEM}").text)


def test_the_share_of_power_losses_that_were_told_in_time_is_shown(
    site: Site, browser: Browser
) -> None:
    told = "Power losses told before the dark"
    assert told not in text_of(browser.get("/devices").text)
    assert told not in text_of(browser.get(f"/devices/{MODEM}").text)
    row = {"endpoint_id": MODEM, "path": codes.POWER, "name": "PowerLoss!", "grade": "measured"}
    with site.context.fleet.writing() as connection:
        gasps.count(connection, [(row, True), (row, True), (row, False)])
        gasps.count(connection, [({**row, "endpoint_id": VOICE_MODEM}, False)])
    assert f"{told} 2 / 3 (66.7%)" in text_of(browser.get(f"/devices/{MODEM}").text)
    assert f"{told}: 2 / 4 (50.0%)" in text_of(browser.get("/devices").text)


def test_an_event_without_a_clock_says_so(site: Site, browser: Browser) -> None:
    add_event(site, MODEM, 1, "PowerLoss!", Source="Mains")
    with site.context.fleet.writing() as connection:
        connection.execute(update(t.event).values(device_at=None, device_error_ms=None))
    page = text_of(browser.get(f"/devices/{MODEM}").text)
    assert "unknown 28 Mar 2026 13:00:00.050 CET Power lost" in page
    assert "Start number 7 Time since that start 1 min 1 s" in page


def test_events_that_are_missing_are_lost_or_still_to_come(site: Site, browser: Browser) -> None:
    for sequence in (1, 2, 6, 9):
        add_event(site, MODEM, sequence, "Dip!")
    page = text_of(browser.get(f"/devices/{MODEM}").text)
    assert "Recorded by the device and still to come: 5" in page
    assert "Lost on the device" not in page
    add_event(site, MODEM, 10, "X_IPKO-COM_EventsDropped!", Count="3", Sequences="2-4,8,11,?,0")
    page = text_of(browser.get(f"/devices/{MODEM}").text)
    assert "Lost on the device: 3" in page
    assert "still to come: 2" in page
    add_event(site, MODEM, 12, "X_IPKO-COM_EventsDropped!", Count="0", Sequences="7")
    page = text_of(browser.get(f"/devices/{MODEM}").text)
    assert "Lost on the device: 3" in page, "11 and 7 were given up: nothing had them"
    assert "still to come: 1" in page


def test_what_a_device_sends_cannot_become_markup(site: Site, browser: Browser) -> None:
    add_event(site, MODEM, 1, "<b>name</b>", Reason="<script>alert(1)</script>")
    add_value(site, MODEM, "Device.<i>", "<img src=x onerror=alert(1)>")
    page = browser.get(f"/devices/{MODEM}").text
    for markup in ("<b>name", "<script>alert", "<img", "<i>"):
        assert markup not in page
    assert "&lt;script&gt;alert(1)" in page


def test_events_are_paged_by_key_without_gap_or_repeat(site: Site, browser: Browser) -> None:
    for sequence in range(1, 61):
        add_event(site, MODEM, sequence, "Boot!", Reason="watchdog")
    seen: list[int] = []
    url = f"/devices/{MODEM}"
    while url:
        page = browser.get(url).text
        seen += [int(number) for number in re.findall(r'data-event="(\d+)"', page)]
        following = re.search(r'id="older-events" rel="next" href="([^"]+)"', page)
        url = html.unescape(following[1]) if following else ""
    assert len(seen) == 60
    assert seen == sorted(set(seen), reverse=True)


def test_past_interruptions_are_paged_by_key_without_gap_or_repeat(
    site: Site, browser: Browser
) -> None:
    for number in range(20):
        add_interruption(site, MODEM, [], 10_000 + number * 1000)
        site.now += timedelta(minutes=number % 2)
    seen: list[str] = []
    url = f"/devices/{MODEM}"
    while url:
        page = browser.get(url).text
        seen += re.findall(r'data-label="Length" class="number">([^<]+)', page)
        following = re.search(r'id="older-past" rel="next" href="([^"]+)"', page)
        url = html.unescape(following[1]) if following else ""
    assert len(seen) == 20
    assert len(set(seen)) == 20


def test_the_history_is_sent_again_only_when_it_changed(site: Site, browser: Browser) -> None:
    found = VERSION.search(browser.get(f"/devices/{VOICE_MODEM}").text)
    assert found is not None
    live = f"/devices/{VOICE_MODEM}/live?version={found[1]}"
    site.now += timedelta(seconds=1)
    assert 'id="history"' not in browser.get(live).text
    cut_power(site)
    polled = browser.get(live).text
    assert '<div id="history" hx-swap-oob="true">' in polled
    assert "Power lost" in polled
    assert 'data-announce="offline, no power at the device"' in polled


def test_an_older_page_of_events_stays_where_it_is(site: Site, browser: Browser) -> None:
    for sequence in range(1, 61):
        add_event(site, MODEM, sequence, "Boot!", Reason="watchdog")
    page = browser.get(f"/devices/{MODEM}?before=31").text
    found = VERSION.search(page)
    assert found is not None
    live = re.search(r'hx-get="([^"]+/live[^"]*)"', page)
    assert live is not None
    assert "before=31" in live[1]
    add_event(site, MODEM, 61, "Boot!", Reason="watchdog")
    assert 'id="history"' not in browser.get(f"{html.unescape(live[1])}&version={found[1]}").text


def test_a_unit_is_found_by_its_whole_serial_number_only(site: Site, browser: Browser) -> None:
    assert "In service" in text_of(browser.get("/units?serial=00000002").text)
    assert "Not in service" in text_of(browser.get("/units?serial=%2000000004").text)
    missing = browser.get("/units?serial=0000000")
    assert missing.status_code == 404
    assert "No unit with the serial number 0000000 was ever taken" in text_of(missing.text)


def test_warnings_of_a_unit_are_on_its_page(site: Site, browser: Browser) -> None:
    add_unit(site, "ops::00256D-MODEM-00000077", lab=True, blacklisted=True)
    for url in ("/devices/ops::00256D-MODEM-00000077", "/units?serial=00000077"):
        page = text_of(browser.get(url).text)
        assert "Lab board: may not serve a contract." in page
        assert "Blacklisted unit." in page
