from agent.core.expressions import conditions
from agent.wire.paths import is_integer, list_items, split
from agent.wire.usp import USPError


def code_of(function, text):
    try:
        function(text)
    except USPError as error:
        return error.code
    return 0


def test_a_path_is_split_into_what_is_supported_its_keys_and_its_name():
    assert split("Device.") == ("Device.", [], "")
    assert split("Device.A.B") == ("Device.A.", [], "B")
    assert split("Device.A.3.B.*.C()") == ("Device.A.{i}.B.{i}.", ["3", "*"], "C()")
    assert split('Device.A.[K=="x.y]"].B.') == ("Device.A.{i}.B.", ['[K=="x.y]"]'], "")


def test_a_row_may_lack_its_final_dot():
    assert split("Device.A.3") == split("Device.A.3.")


def test_vendor_names_may_have_a_hyphen():
    assert split("Device.X_IPKO-COM_Power.Dip!")[2] == "Dip!"


def test_what_no_model_can_have_is_refused():
    for path in (
        "",
        "Devi.",
        "Device..A",
        "Device.A B",
        "Device.[A==1",
        "Device.0.",
        "Device.01.",
        "Device.1234567890.",
        "Device.A.()",
        "Device.{i}.",
        "Device." + "A." * 30,
        "Device." + "A" * 2000,
    ):
        assert code_of(split, path) == 7008, path


def test_references_are_not_followed():
    assert code_of(split, "Device.A.B+.C") == 7026


def test_conditions_are_taken_apart():
    assert conditions('[A==1&&B.C!="x&&y"]') == [("A", "==", "1"), ("B.C", "!=", '"x&&y')]
    assert conditions('[A~="%22%25"]') == [("A", "~=", '""%')]


def test_spaces_around_operators_are_tolerated():  # R-ARC.9a
    assert conditions("[A >= 1 && B < 2]") == [("A", ">=", "1"), ("B", "<", "2")]


def test_broken_conditions_are_refused():
    for text in (
        "[]",
        "[A]",
        "[A=1]",
        "[==1]",
        "[A==]",
        '[A=="x]',
        "[A==x y]",
        "[A==1&&]",
        "[A.*==1]",
    ):
        assert code_of(conditions, text) == 7008, text
    assert code_of(conditions, "[" + "&&".join(["A==1"] * 9) + "]") == 7008


def test_list_items_keep_commas_inside_expressions():
    assert list(list_items('A.[B=="x,y"].C, D')) == ['A.[B=="x,y"].C', "D"]
    assert list(list_items("")) == []


def test_integers_are_ascii_and_short():
    assert is_integer("-12") and is_integer("0")
    assert not is_integer("") and not is_integer("-") and not is_integer("--1")
    assert not is_integer("9" * 21) and not is_integer("²")
