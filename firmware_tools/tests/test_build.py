from pathlib import Path

import pytest

from firmware_tools.build import (
    PORTS,
    REPOSITORY,
    AgentBuild,
    agent_sources,
    agent_texts,
    compile_agent,
    install_agent,
    new_image,
)
from firmware_tools.errors import BuildError
from firmware_tools.merge import GROUPS

MPY_MAGIC = b"M\x06"


def made_up_agent(folder: Path, source: str) -> Path:
    (folder / "agent" / "tests").mkdir(parents=True)
    (folder / "agent" / "main.py").write_text(source)
    (folder / "agent" / "tests" / "test_main.py").write_text("import pytest\n")
    return folder


def test_every_source_of_the_agent_compiles_for_the_board() -> None:
    build = compile_agent()
    joined = sum(len(group) - 1 for group in GROUPS)
    code = {path: data for path, data in build.files.items() if path.endswith(".mpy")}
    assert len(code) == len(agent_sources()) - joined > 0
    assert all(data.startswith(MPY_MAGIC) for data in code.values())


def test_what_the_agent_reads_goes_onto_the_board_as_it_is() -> None:
    build = compile_agent()
    texts = {f"/{path.relative_to(REPOSITORY)}": path.read_bytes() for path in agent_texts()}
    assert "/agent/core/model_table.txt" in texts
    assert {path: build.files.get(path) for path in texts} == texts


def test_tests_and_the_port_to_linux_stay_off_the_board() -> None:
    names = {str(path.relative_to(REPOSITORY)) for path in agent_sources()}
    assert "agent/ports/board.py" in names
    assert not any("linux" in name for name in names)
    assert not any("/tests/" in name for name in names)


def test_the_same_source_gives_the_same_build(tmp_path: Path) -> None:
    repository = made_up_agent(tmp_path, "answer = 42\n")
    first, second = compile_agent(repository), compile_agent(repository)
    assert first.digest == second.digest
    assert first.mpy_bytes == len(first.files["/agent/main.mpy"])


def test_a_file_that_does_not_compile_is_named(tmp_path: Path) -> None:
    repository = made_up_agent(tmp_path, "answer = (\n")
    with pytest.raises(BuildError, match=r"agent/main\.py does not compile"):
        compile_agent(repository)


def test_a_new_agent_replaces_the_old_one_and_keeps_its_data() -> None:
    image = new_image(AgentBuild({"/agent/main.mpy": b"1", "/agent/old.mpy": b"1"}), blocks=64)
    image.write("/data/journal", b"kept")
    newer = AgentBuild({"/agent/main.mpy": b"2"})
    assert install_agent(image, newer)
    assert not install_agent(image, newer)
    assert image.read("/agent/main.mpy") == b"2"
    assert not image.has("/agent/old.mpy")
    assert image.read("/data/journal") == b"kept"


@pytest.mark.parametrize("port", PORTS)
def test_the_port_of_a_board_goes_only_into_its_own_build(port: str) -> None:
    files = compile_agent(port=port).files
    (other,) = set(PORTS) - {port}
    entry = files[f"/agent/ports/{port}.mpy"]
    for name in (b"start", b"feed", b"reset_cause", b"ThreadSafeFlag", b"IRQ_FALLING"):
        assert name in entry or name in files.get("/agent/ports/microcontroller.mpy", b"")
    assert f"/agent/ports/{other}.mpy" not in files
