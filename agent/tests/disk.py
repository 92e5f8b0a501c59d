"""A disk of a Linux machine that forgets, with the power, what was not synchronised.

Files have what was written and what is durable, and so has the folder. `Storage` works on it as it
does on the real one; creating, writing, synchronising, renaming and removing are one operation
each. What a cut leaves depends on the `mode`:

- "lost": only what was synchronised; "kept": everything written; "stale": data, but not the names;
- "torn": all names, and half of the bytes that were not synchronised; "garbled": nonsense there.
"""

from agent.ports.storage import Storage

MODES = ("lost", "kept", "stale", "torn", "garbled")
_IO_ERROR = 5
_NO_FILE = 2


class _Node:
    def __init__(self, data=b""):
        self.data = bytearray(data)
        self.durable = bytes(data)

    def left(self, mode):
        """What a cut leaves of the file."""
        if mode == "lost":
            return self.durable
        same = 0
        while same < min(len(self.data), len(self.durable)) and (
            self.data[same] == self.durable[same]
        ):
            same += 1
        new = bytes(self.data[same:])
        if mode == "torn":
            half = new[: len(new) // 2]
            return bytes(self.data[:same]) + half + self.durable[same + len(half) :]
        if mode == "garbled":
            new = bytes([(byte * 7 + 13) & 255 for byte in new])
        return bytes(self.data[:same]) + new


class Disk:
    """`cut_after` more operations succeed; `files` is what is there from the start."""

    def __init__(self, files=()):
        self.names = {name: _Node(data) for name, data in dict(files).items()}
        self.durable_names = dict(self.names)
        self.cut_after = None
        self.mode = "lost"
        self.dead = False
        self.operations = 0

    def step(self):
        if self.cut_after is not None:
            self.cut_after -= 1
            self.dead = self.dead or self.cut_after < 0
        if self.dead:
            raise OSError(_IO_ERROR, "disk")
        self.operations += 1

    def after_cut(self):
        """The files that are left when the power comes back."""
        names = self.durable_names if self.mode in ("lost", "stale") else self.names
        return {name: node.left(self.mode) for name, node in names.items()}


class _File:
    def __init__(self, disk, node, at):
        self._disk = disk
        self._node = node
        self._at = at

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass

    def close(self):
        pass

    def flush(self):
        pass

    def seek(self, offset, whence=0):
        self._at = offset + (len(self._node.data) if whence == 2 else 0)
        return self._at

    def read(self, size):
        data = bytes(self._node.data[self._at : self._at + size])
        self._at += len(data)
        return data

    def write(self, data):
        self._disk.step()
        self._node.data[self._at : self._at + len(data)] = bytes(data)
        self._at += len(data)

    def sync(self):
        self._disk.step()
        self._node.durable = bytes(self._node.data)


class DiskStorage(Storage):
    """The port's own logic over a Disk."""

    def __init__(self, disk):
        super().__init__("/")
        self._disk = disk
        self._in_place = True

    def _open(self, path, mode):
        disk = self._disk
        if mode == "wb":
            disk.step()
            disk.names[path] = _Node()
        node = disk.names.get(path)
        if node is None:
            raise OSError(_NO_FILE, "disk")
        return _File(disk, node, len(node.data) if mode == "ab" else 0)

    def _stat_size(self, path):
        if path not in self._disk.names:
            raise OSError(_NO_FILE, "disk")
        return len(self._disk.names[path].data)

    def _rename(self, old, new):
        self._disk.step()
        self._disk.names[new] = self._disk.names.pop(old)

    def _remove(self, path):
        if path not in self._disk.names:
            raise OSError(_NO_FILE, "disk")
        self._disk.step()
        del self._disk.names[path]

    def _sync(self, file):
        file.sync()

    def _sync_data(self, file):
        file.sync()

    def _sync_folder(self):
        self._disk.step()
        self._disk.durable_names = dict(self._disk.names)


class EagerStorage(DiskStorage):
    """Says that it is durable when it is only written: the cuts must find it."""

    def _sync(self, file):
        pass
