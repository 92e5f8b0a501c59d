"""What the customer set on a Linux router, and what the box shows: two files that others read.

docs/administrator/linux-agent.md, "The rest of the box", has their form. Each is written whole,
under another name, and renamed.
"""

import json
import os

from agent.core.parts import part
from agent.errors import PeerError
from agent.ports.customer import Customer


class FileCustomer(Customer):
    """The file that the router's own programs read and write, readable by its owner alone."""

    def __init__(self, path: str) -> None:
        self._path = path

    def settings(self):
        """Raises OSError when the file is none of settings."""
        module = part("customer_settings")
        try:
            with open(self._path, "rb") as file:
                return module.checked(file.read())
        except FileNotFoundError:
            return module.nothing()
        except PeerError as error:
            raise OSError(f"{self._path}: {' '.join(map(str, error.args))}") from error

    def put(self, settings):
        write_whole(self._path, settings, 0o600)


def write_whole(path: str, value, mode: int) -> None:
    """JSON into a file that is the old or the new one whatever happens. Raises OSError."""
    new = path + ".new"
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(json.dumps(value).encode())
        file.flush()
        os.fsync(file.fileno())
    os.replace(new, path)
    folder = os.open(os.path.dirname(path), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
