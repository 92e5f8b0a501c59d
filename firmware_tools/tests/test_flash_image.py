from pathlib import Path

import pytest

from firmware_tools.errors import BuildError
from firmware_tools.flash_image import BLOCK_BYTES, FlashImage


def test_an_image_gives_back_after_loading_what_was_written(tmp_path: Path) -> None:
    image = FlashImage(blocks=64)
    wanted = {f"/data/{size}": bytes([size % 251]) * size for size in (0, 1, 127, 128, 129, 9000)}
    for path, data in wanted.items():
        image.write(path, data)
    image.save(tmp_path / "flash.img")
    assert (tmp_path / "flash.img").stat().st_size == 64 * BLOCK_BYTES
    assert FlashImage.load(tmp_path / "flash.img").files() == wanted


def test_replacing_a_folder_leaves_the_others_alone() -> None:
    image = FlashImage(blocks=64)
    image.write("/agent/core/old.mpy", b"old")
    image.write("/data/journal", b"kept")
    image.replace_folder("/agent", {"/agent/main.mpy": b"new"})
    assert image.files() == {"/agent/main.mpy": b"new", "/data/journal": b"kept"}


def test_a_folder_that_is_not_there_holds_no_files() -> None:
    assert FlashImage(blocks=32).files("/data") == {}


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(BuildError, match=r"/big\.bin: does not fit"):
        FlashImage(blocks=32).write("/big.bin", bytes(33 * BLOCK_BYTES))


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "no.img").write_bytes(bytes(32 * BLOCK_BYTES))
    with pytest.raises(BuildError, match=r"no\.img: no LittleFS"):
        FlashImage.load(tmp_path / "no.img")


def test_an_image_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short.img").write_bytes(b"half a block")
    with pytest.raises(BuildError, match=r"short\.img"):
        FlashImage.load(tmp_path / "short.img")
