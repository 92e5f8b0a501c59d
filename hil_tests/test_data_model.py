from hil_tests.data_model import PAGE, page


def test_the_page_of_the_data_model_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m hil_tests.data_model"


def test_the_page_tells_what_one_class_alone_has() -> None:
    section = page().split("## `Device.SmartCardReaders.`")[1]
    assert section.lstrip().startswith("Only STB.")
