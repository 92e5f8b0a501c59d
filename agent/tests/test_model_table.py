"""The text of the data model, as boards read it: one object at a time, from a file."""

from agent.core.model import Model
from agent.core.model_table import opened_text

_CLASSES = ("MODEM", "VOICEMODEM", "STB")
_LARGEST_OBJECT_BYTES = 1024  # one piece of the heap while the object is looked at


class _NothingKept:
    def load(self, name):
        return None


def _text():
    opened_text().seek(0)
    return opened_text().read().decode()


def _models():
    return [Model(_NothingKept(), name) for name in _CLASSES]


def test_the_objects_read_one_by_one_are_the_whole_text():
    blocks = {}
    for model in _models():
        for obj in model.objects:
            lines = [name + " " + rest for name, rest in model.entries(obj)]
            blocks[model.starts[obj]] = (model.path(obj), lines)
    whole = _text().split("\n\n")
    assert whole.pop() == ""
    assert len(whole) == len(blocks) > 30
    for start in sorted(blocks):
        path, *words = whole[0].split("\n")[0].split(" ")
        assert words and blocks[start] == (path, whole.pop(0).split("\n")[1:])


def test_every_object_is_found_by_its_path_and_by_no_other():
    for model in _models():
        for obj in model.objects:
            assert model.find(model.path(obj)) == obj
        assert model.find("Device.Nothing.") == -1
        assert model.find("Device.LocalAgent") == -1


def test_objects_stand_in_the_order_of_the_tree_so_that_all_below_one_are_found():
    for model in _models():
        paths = [model.path(obj) for obj in model.objects]
        for path in paths:
            found = [paths[obj] for obj in model.under(path)]
            assert found == [each for each in paths if each.startswith(path)]


def test_a_table_is_under_its_own_path():
    model = _models()[0]
    found = [model.path(obj) for obj in model.under("Device.LocalAgent.Subscription.")]
    assert found == ["Device.LocalAgent.Subscription.{i}."]


def test_what_is_of_another_product_class_is_not_supported():
    modem, _, stb = _models()
    readers = "Device.SmartCardReaders."
    assert modem.find(readers) == -1
    assert list(modem.under(readers)) == []
    assert stb.find(readers) > 0


def test_no_object_takes_a_large_piece_of_the_heap():
    longest = max([len(block) for block in _text().split("\n\n")])
    assert longest < _LARGEST_OBJECT_BYTES
    assert len(_text()) < 0x10000  # places are kept in sixteen bits
