"""Files: read whole or refused in one sentence, written beside and renamed.

What other people's files may be (absent, empty, cut off, a Git LFS pointer, far too large) is told
here once, and no result of this project is ever half written.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from unihm.errors import ErrorCode, UnihmError

__all__ = [
    "LARGEST",
    "natural_order",
    "read_array",
    "read_arrays",
    "read_bytes",
    "write_arrays",
    "write_json",
    "write_text",
    "writing",
]

LARGEST = 1 << 29  # bytes of a file, or of all arrays of one: half a gigabyte
_POINTER = b"version https://git-lfs.github.com/spec/"


def read_bytes(path: Path, code: ErrorCode, largest: int = LARGEST) -> bytes:
    """What a file holds.

    Raises:
        UnihmError: ``code`` where it is absent, no file, not to be read, empty, larger than
            ``largest`` bytes, or a pointer of Git LFS.
    """
    try:
        size = path.stat().st_size
        if not path.is_file():
            raise UnihmError(code, f"{path} is not a file.")
        if size > largest:
            raise UnihmError(
                code, f"{path} has {size / 1e6:.0f} MB; up to {largest / 1e6:.0f} MB are read."
            )
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise UnihmError(code, f"{path} does not exist.") from error
    except (OSError, ValueError) as error:  # ValueError: a name with a null character
        reason = getattr(error, "strerror", None) or str(error)
        raise UnihmError(code, f"{path} cannot be read: {reason}.") from error
    if not data.strip():
        raise UnihmError(code, f"{path} is empty.")
    if data.startswith(_POINTER):
        raise UnihmError(
            code, f"{path} is a Git LFS pointer, not the file itself: run `git lfs pull` there."
        )
    return data


def read_arrays(
    path: Path, code: ErrorCode, only: Collection[str] | None = None
) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of an npz file by name; that of an npy file by the name "".

    Nothing is unpickled, and nothing larger than the file says is allocated.

    Args:
        path: of the file.
        code: of the failure.
        only: names of those to read; None: all.

    Raises:
        UnihmError: ``code`` where it is no such file, is damaged, or holds Python objects.
    """
    data = read_bytes(path, code)
    try:
        if data.startswith(np.lib.format.MAGIC_PREFIX):
            return {"": read_array(data)}
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".npy")]
            if sum(member.file_size for member in members) > LARGEST:
                raise ValueError(f"it unpacks to more than {LARGEST / 1e6:.0f} MB")
            names = {member.filename.removesuffix(".npy"): member for member in members}
            return {
                name: read_array(archive.read(member))
                for name, member in names.items()
                if only is None or name in only
            }
    except zipfile.BadZipFile as error:
        raise UnihmError(
            code, f"{path} cannot be read: it is no npz or npy file, or cut off or damaged."
        ) from error
    except Exception as error:  # zipfile and the codecs below it have errors of many kinds
        raise UnihmError(code, f"{path} cannot be read: {error}.") from error


def read_array(data: bytes) -> np.ndarray[Any, Any]:
    """The array in the bytes of an npy file.

    Raises:
        ValueError: where they are no such file, fewer than its header says, or pickled.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of the npy format is not known")
    if dtype.hasobject:
        raise ValueError("it holds Python objects (pickle), which are not read")
    count = 1
    for length in shape:
        count *= length
    if min(shape, default=0) < 0 or count * dtype.itemsize > len(data) - file.tell():
        raise ValueError(f"an array {shape} is announced, but the file ends early")
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


@contextmanager
def writing(path: Path) -> Iterator[BinaryIO]:
    """A file to write ``path`` through: it is there whole when the block ends, or not at all.

    Its folder is made. What there was stays until then, and if anything fails.

    Raises:
        OSError: with the name of ``path``, where the disk is full or the folder not writable.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno is not None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all; see :func:`writing`."""
    with writing(path) as file:
        file.write(text.encode())


def write_json(path: Path, values: Any) -> None:
    """Write a JSON file for people to read too, whole or not at all; see :func:`writing`."""
    write_text(path, json.dumps(values, indent=2) + "\n")


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write a compressed npz file, whole or not at all; see :func:`writing`."""
    with writing(path) as file:
        np.savez_compressed(file, **arrays)


def natural_order(path: Path) -> tuple[Any, ...]:
    """A key that sorts as people count: ``img_2`` before ``img_10``."""
    words = re.split(r"(\d+)", str(path))
    return tuple((int(word), "") if word.isdecimal() else (-1, word) for word in words)
