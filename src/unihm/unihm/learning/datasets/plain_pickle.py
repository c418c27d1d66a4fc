"""Reads arrays and plain containers out of a pickle file without unpickling it.

OakInk's annotations are pickles. Unpickling runs whatever a file names; this reader only
interprets the opcodes that containers, numbers, numpy arrays and torch tensors are written with,
and refuses every other name.
"""

from __future__ import annotations

import io
import pickletools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from unihm.errors import ErrorCode, UnihmError

_MARK = object()


class _Name(str):
    """A class or function that the file refers to, ``module.name``; never imported."""


class _Array:
    """A numpy array or dtype whose state is still to come."""

    def __init__(self, dtype: np.dtype[Any] | None = None) -> None:
        self.dtype = dtype
        self.value: np.ndarray[Any, Any] | None = None


def _dtype(code: str, *_: Any) -> _Array:
    dtype = np.dtype(str(code))
    if dtype.kind not in "fiub":
        raise ValueError(f"arrays of {code}")
    return _Array(dtype)


def _scalar(dtype: _Array, data: bytes) -> Any:
    return np.frombuffer(data, dtype.dtype)[0]


def _storage(data: bytes) -> Any:
    import torch

    return torch.load(io.BytesIO(data), weights_only=True)


def _tensor(storage: Any, offset: int, size: Any, stride: Any, *_: Any) -> Any:
    import torch

    tensor = torch.empty(0, dtype=storage.dtype)
    return tensor.set_(storage._untyped_storage, offset, size, stride).numpy().copy()


def _frombuffer(data: bytes, dtype: _Array, shape: tuple[int, ...], order: Any) -> Any:
    return np.frombuffer(data, dtype.dtype).reshape(shape, order=order).copy()


_CALLS: dict[str, Callable[..., Any]] = {
    "numpy.core.multiarray._reconstruct": lambda *_: _Array(),
    "numpy._core.multiarray._reconstruct": lambda *_: _Array(),
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "numpy.core.numeric._frombuffer": _frombuffer,
    "numpy._core.numeric._frombuffer": _frombuffer,
    "numpy.dtype": _dtype,
    "_codecs.encode": lambda text, encoding: text.encode("latin1"),
    "collections.OrderedDict": lambda *_: {},
    "torch.storage._load_from_bytes": _storage,
    "torch._utils._rebuild_tensor_v2": _tensor,
}
_NAMES = {*_CALLS, "numpy.ndarray"}


def read_plain_pickle(path: Path) -> Any:
    """Numbers, text, bytes, tuples, lists, dicts and arrays of one pickle file.

    Raises:
        UnihmError: INVALID_EPISODE where the file is damaged or refers to anything else.
    """
    try:
        return _finish(_interpret(path.read_bytes()))
    except (OSError, ValueError, IndexError, KeyError, TypeError, AttributeError) as error:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE, f"{path} does not hold plain arrays: {error}."
        ) from error


def _interpret(data: bytes) -> Any:
    stack: list[Any] = []
    memo: dict[Any, Any] = {}
    for opcode, argument, _ in pickletools.genops(data):
        name = opcode.name
        if name in ("PROTO", "FRAME"):
            continue
        if name == "STOP":
            return stack.pop()
        if name in _PUSHED:
            stack.append(_PUSHED[name](argument))
        elif name in ("BINPUT", "LONG_BINPUT"):
            memo[argument] = stack[-1]
        elif name == "MEMOIZE":
            memo[len(memo)] = stack[-1]
        elif name in ("BINGET", "LONG_BINGET"):
            stack.append(memo[argument])
        elif name in ("TUPLE1", "TUPLE2", "TUPLE3"):
            count = int(name[-1])
            stack[-count:] = [tuple(stack[-count:])]
        elif name == "TUPLE":
            stack.append(tuple(_since_mark(stack)))
        elif name in ("APPENDS", "SETITEMS"):
            _extend(stack, _since_mark(stack))
        elif name == "APPEND":
            _extend(stack, [stack.pop()])
        elif name == "SETITEM":
            value, key = stack.pop(), stack.pop()
            _extend(stack, [key, value])
        elif name in ("GLOBAL", "STACK_GLOBAL"):
            if name == "GLOBAL":
                full = str(argument).replace(" ", ".")
            else:
                attribute, module = stack.pop(), stack.pop()
                full = f"{module}.{attribute}"
            if full not in _NAMES:
                raise ValueError(f"it refers to {full}")
            stack.append(_Name(full))
        elif name == "REDUCE":
            arguments, called = stack.pop(), stack.pop()
            stack.append(_CALLS[called](*map(_finish, arguments)))
        elif name == "BUILD":
            _build(stack[-2], stack.pop())
        else:
            raise ValueError(f"opcode {name} is not one of plain data")
    raise ValueError("it ends early")


_PUSHED: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(
        ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE", "SHORT_BINUNICODE",
         "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8"),
        lambda argument: argument,
    ),
    "NONE": lambda _: None,
    "NEWTRUE": lambda _: True,
    "NEWFALSE": lambda _: False,
    "EMPTY_TUPLE": lambda _: (),
    "EMPTY_LIST": lambda _: [],
    "EMPTY_DICT": lambda _: {},
    "MARK": lambda _: _MARK,
}  # fmt: skip


def _since_mark(stack: list[Any]) -> list[Any]:
    start = max(i for i, item in enumerate(stack) if item is _MARK)
    items = stack[start + 1 :]
    del stack[start:]
    return items


def _extend(stack: list[Any], items: list[Any]) -> None:
    target = stack[-1]
    if isinstance(target, dict):
        target.update(zip(items[::2], items[1::2]))
    else:
        target.extend(items)


def _build(target: Any, state: Any) -> None:
    """Fill in the state of a dtype (its byte order) or of an array."""
    if isinstance(target, dict):
        return  # attributes of an OrderedDict
    if target.dtype is not None and target.value is None and len(state) > 5:
        target.dtype = target.dtype.newbyteorder(state[1])
        return
    _, shape, dtype, fortran, data = state
    flat = np.frombuffer(data, _finish_dtype(dtype))
    target.value = flat.reshape(shape, order="F" if fortran else "C").copy()


def _finish_dtype(dtype: Any) -> Any:
    return dtype.dtype if isinstance(dtype, _Array) else dtype


def _finish(item: Any) -> Any:
    """Replace what was under construction by what it became."""
    if isinstance(item, _Array) and item.value is not None:
        return item.value
    if isinstance(item, dict):
        return {_finish(key): _finish(value) for key, value in item.items()}
    if isinstance(item, (list, tuple)):
        return type(item)(map(_finish, item))
    return item
