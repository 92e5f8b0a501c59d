"""The bench's filter of a simulated board: it does what the rules say, and is closed without."""

from hil_tests.simulated_board.customer import Customer

SCHOOL, OTHER = "203.0.113.10", "203.0.113.20"


def rules(state: str, *hosts: str) -> dict[str, object]:
    return {"state": state, "hosts": list(hosts), "numbers": ["112", "080011222"]}


def test_without_rules_nothing_passes() -> None:
    customer = Customer()
    assert not customer.visit("mesimi.example", SCHOOL) and not customer.reach(SCHOOL)
    customer.take(rules("active"))
    assert customer.visit("mesimi.example", SCHOOL) and customer.reach(OTHER)
    customer.lose_power()
    assert not customer.reach(SCHOOL)


def test_addresses_are_open_for_as_long_as_their_answer() -> None:
    now_s = [0.0]
    customer = Customer(lambda: now_s[0])
    customer.take(rules("restricted", "mesimi.example"))
    assert not customer.reach(SCHOOL)
    assert customer.visit("mesimi.example", SCHOOL, 30) and customer.reach(SCHOOL)
    assert not customer.visit("shop.example", OTHER)
    now_s[0] = 31.0
    assert not customer.reach(SCHOOL)


def test_new_rules_close_what_they_do_not_name() -> None:
    customer = Customer()
    customer.take(rules("restricted", "a.example", "b.example"))
    assert customer.visit("a.example", SCHOOL) and customer.visit("b.example", OTHER)
    customer.take(rules("restricted", "b.example"))
    assert not customer.reach(SCHOOL) and customer.reach(OTHER)
    customer.take(rules("terminated"))
    assert not customer.reach(OTHER)


def test_the_telephone_dials_what_the_rules_name() -> None:
    customer = Customer()
    assert not customer.dial("112"), "the box has no power"
    customer.take(rules("terminated"))
    assert customer.dial("112") and customer.dial("*31#0800 11-222")
    assert not customer.dial("038123456")
    customer.take(rules("active"))
    assert customer.dial("038123456")
