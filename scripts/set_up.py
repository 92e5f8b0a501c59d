"""Set up `.venv` from a lock file: `set_up.py run` for `make run`, `set_up.py all` for all.

Runs on the system's own Python with nothing installed, so only the standard library is used, and
the version check comes before anything that an older Python could not do. The second time it
only compares a fingerprint, which takes some hundredths of a second.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import selectors
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOG = VENV / "set-up.log"
LOCKS = {"run": "requirements.run.lock", "all": "requirements.lock"}
STUBS = {"esp32": "requirements.esp32.lock", "rp2": "requirements.rp2.lock"}
"""What pyright needs of each board port; they hold files of the same names, so apart."""
CARD_LOCK = "requirements.card.lock"
CARD_HEADER = Path("/usr/include/PCSC/winscard.h")  # of libpcsclite-dev
OLDEST, NEWEST = (3, 11), (3, 13)

NETWORK_SIGNS = ("NewConnectionError", "ConnectTimeoutError", "ProxyError", "resolve")
REASONS = (
    (("DO NOT MATCH THE HASHES",), "a downloaded package is not the one in the lock file"),
    (("No space left on device",), "the disk is full"),
    (
        NETWORK_SIGNS,
        "the package index cannot be reached: check the network, or name a mirror with "
        "PIP_INDEX_URL=… or a folder of wheels with PIP_FIND_LINKS=…",
    ),
    (("No matching distribution",), "a package has no build for this machine"),
)


class Impossible(Exception):
    """Set-up cannot go on; the text says what is missing and how to get it."""


def check_python() -> None:
    version = sys.version_info[:2]
    if not OLDEST <= version <= NEWEST:
        raise Impossible(
            f"Python 3.{OLDEST[1]} to 3.{NEWEST[1]} is needed, this is {version[0]}.{version[1]}: "
            "name another one with PYTHON=, for example: make run PYTHON=python3.11"
        )
    if importlib.util.find_spec("ensurepip") is None or importlib.util.find_spec("venv") is None:
        raise Impossible("Python's venv is missing. Get it with: apt install python3-venv")


def fingerprint(stage: str) -> str:
    """What an installation depends on: lock, our own metadata, the Python and the place."""
    digest = hashlib.sha256((ROOT / LOCKS[stage]).read_bytes())
    if stage == "all":
        for lock in STUBS.values():
            digest.update((_read(ROOT / lock) or "").encode())
    metadata = (ROOT / "pyproject.toml").read_bytes().partition(b"\n[tool.")[0]
    for part in (metadata, sys.version.encode(), os.fsencode(ROOT)):
        digest.update(part)
    return digest.hexdigest()


def is_done(stage: str) -> bool:
    """The larger stage contains the smaller one."""
    return any(_read(VENV / f".installed-{name}") == fingerprint(name) for name in {stage, "all"})


def _read(path: Path) -> str | None:
    return path.read_text() if path.exists() else None


class Progress:
    """One line that changes on a terminal; elsewhere a line every five seconds."""

    def __init__(self) -> None:
        self._started = self._shown = time.monotonic()
        self._is_terminal = sys.stdout.isatty()

    def show(self, text: str, *, last: bool = False) -> None:
        now = time.monotonic()
        line = f"[{now - self._started:3.0f} s] set-up: {text}"
        if self._is_terminal:
            sys.stdout.write(f"\r\033[K{line}" + ("\n" if last else ""))
        elif last or now - self._shown > 5:
            self._shown = now
            sys.stdout.write(line + "\n")
        sys.stdout.flush()


def make_environment(progress: Progress) -> None:
    """A fresh one, unless the one there was made by this Python at this place."""
    marker = VENV / ".made-by"
    maker = f"{sys.version}\n{ROOT}"
    if _read(marker) == maker:
        return
    progress.show("making .venv")
    run([sys.executable, "-m", "venv", "--clear", str(VENV)], progress, "making .venv")
    packages = next((VENV / "lib").glob("python3*")) / "site-packages"
    (VENV / "site-packages").symlink_to(packages.relative_to(VENV))
    marker.write_text(maker)


def install(stage: str, progress: Progress) -> None:
    lock = LOCKS[stage]
    total = len(re.findall(r"^\S+==", (ROOT / lock).read_text(), re.MULTILINE))
    pip = [str(PYTHON), "-m", "pip", "install", "--no-compile", "--no-deps", "--retries", "3"]
    run([*pip, "--require-hashes", "-r", lock], progress, "packages", total)
    if stage == "all":
        for port, stubs in STUBS.items():
            target = str(VENV / "stubs" / port)
            words = ["--require-hashes", "--upgrade", "--target", target, "-r", stubs]
            run([*pip, *words], progress, f"stubs of {port}")
    run([*pip, "--no-build-isolation", "--no-index", "-e", "."], progress, "this project")
    (VENV / f".installed-{stage}").write_text(fingerprint(stage))


def add_card_reader(progress: Progress) -> None:
    """pyscard has to be built: where that is not possible, the test with a card reader is left out.

    It never keeps anybody from the rest.
    """
    lock = ROOT / CARD_LOCK
    if not (lock.exists() and CARD_HEADER.exists() and shutil.which("swig")):
        return
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    marker = VENV / ".installed-card"
    if _read(marker) == wanted:
        return
    pip = [str(PYTHON), "-m", "pip", "install", "--no-compile", "--no-deps", "--retries", "3"]
    command = [*pip, "--no-build-isolation", "--require-hashes", "-r", str(lock)]
    try:
        run(command, progress, "pyscard")
    except Impossible as error:
        progress.show(f"going on without card readers: {error}", last=True)
        return
    marker.write_text(wanted)
    progress.show(f"done, {CARD_LOCK} is installed in .venv", last=True)


def run(command: list[str], progress: Progress, what: str, total: int = 0) -> None:
    """Run pip or venv, its output in the log, its progress on one line.

    Raises Impossible with the reason in one line.
    """
    environment = {
        key: value
        for key, value in os.environ.items()
        if key not in ("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PYTHONPATH", "PYTHONHOME")
    }
    environment.update(PIP_PROGRESS_BAR="off", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1")
    with subprocess.Popen(  # noqa: S603
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        output = follow(process, progress, what, total)
    if process.returncode != 0:
        raise Impossible(f"{what}: {reason(output)}")


def follow(process: subprocess.Popen[bytes], progress: Progress, what: str, total: int) -> str:
    """Everything the process wrote; meanwhile progress is shown, at least each second."""
    stream = process.stdout
    if stream is None:
        return ""
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stream, selectors.EVENT_READ)
        while True:
            if selector.select(timeout=1):
                chunk = os.read(stream.fileno(), 65536)
                if not chunk:
                    return output.decode(errors="replace")
                output += chunk
            progress.show(f"{what}{count(bytes(output), total)}")


def count(output: bytes, total: int) -> str:
    if not total:
        return ""
    if b"\nInstalling collected" in output:
        return f": {total} fetched, unpacking"
    fetched = output.count(b"\nCollecting ") + output.count(b"\nProcessing ")
    return f": fetching {min(fetched, total)} of {total}"


def reason(output: str) -> str:
    for signs, text in REASONS:
        if any(sign in output for sign in signs):
            return text
    if VENV.is_dir():
        LOG.write_text(output)
    lines = output.strip().splitlines()
    return f"{lines[-1] if lines else 'failed without a word'} (all of it: {LOG})"


def set_up(stage: str) -> None:
    check_python()
    progress = Progress()
    if not is_done(stage):
        make_environment(progress)
        install(stage, progress)
        progress.show(f"done, {LOCKS[stage]} is installed in .venv", last=True)
    if stage == "all":
        add_card_reader(progress)


def main() -> int:
    try:
        set_up(sys.argv[1])
    except Impossible as error:
        sys.stderr.write(f"\nCannot go on. {error}\n")
    except PermissionError as error:
        sys.stderr.write(
            f"\nCannot go on. {error.filename} belongs to another user: "
            "remove .venv as that user, or run make as that user\n"
        )
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped; the next run goes on from here.\n")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
