"""Retarget whole folders of keypoint recordings: on all cores, or on a Dask cluster; resumable."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from unihm.errors import ErrorCode, UnihmError
from unihm.files import write_arrays, write_json
from unihm.retargeting.keypoints import read_keypoints
from unihm.retargeting.retargeter import Retargeter, RetargetingConfig, RetargetResult
from unihm.robots.kinematics import load_hand
from unihm.version import __version__


@dataclass(frozen=True)
class RetargetedRecording:
    """What became of one recording; ``error`` is a sentence, or empty."""

    source: Path
    output: Path
    frames: int = 0
    tip_error_mm: float = 0.0
    skipped: bool = False
    error: str = ""


def write_result(path: Path, hand: str, result: RetargetResult, about: dict[str, object]) -> None:
    """Write a motion as npz, with a JSON of its making beside it; a kill leaves no half file."""
    write_arrays(
        path,
        {
            "hand": np.array(hand),
            "joint_names": np.array(load_hand(hand).joint_names),
            "T_world_wrist": result.T_world_wrist,
            "joints": result.joints,
            "targets": result.targets,
            "tip_error": result.tip_error,
        },
    )
    write_json(path.with_suffix(".json"), about)


def retarget_recordings(
    sources: Sequence[Path],
    hand: str,
    output: Path,
    config: RetargetingConfig | None = None,
    key: str | None = None,
    workers: int | None = None,
    dask: str | None = None,
) -> Iterator[RetargetedRecording]:
    """Retarget the keypoints of every npz file to ``hand``, yielding outcomes as they come.

    A file gives ``output/<hand>/<its name>.npz``; where it holds several arrays (T, 21, 3), say
    of both hands, those of the hand's side, each as ``<its name>.<array>.npz``. A result that
    was made from the same file, hand file and configuration is kept: interrupt and run again.

    Args:
        sources: files.
        workers: processes; default: one per core.
        dask: address of a Dask scheduler whose workers see the same files, instead.
    """
    config = config or RetargetingConfig()
    load_hand(hand)  # an unknown hand fails here, not once per file
    with _executor(workers, dask) as executor:
        jobs = [executor.submit(_retarget_file, p, hand, output, config, key) for p in sources]
        for job in as_completed(jobs):
            yield from job.result()


@contextmanager
def _executor(workers: int | None, dask: str | None) -> Iterator[Executor]:
    if dask is None:
        with ProcessPoolExecutor(workers) as pool:
            yield pool
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise UnihmError(
            ErrorCode.MISSING_DEPENDENCY, "Dask is not installed: pip install distributed."
        ) from error
    with Client(dask) as client, client.get_executor() as cluster:
        yield cluster


@lru_cache(maxsize=4)
def _retargeter(hand: str, config: RetargetingConfig) -> Retargeter:
    return Retargeter(load_hand(hand), config)


def _retarget_file(
    source: Path, hand: str, output: Path, config: RetargetingConfig, key: str | None
) -> list[RetargetedRecording]:
    target = output / load_hand(hand).name / f"{source.stem}.npz"
    try:
        arrays = read_keypoints(source, key)
    except UnihmError as error:
        return [RetargetedRecording(source, target, error=error.message)]
    retargeter = _retargeter(hand, config)
    about = {
        "source": str(source),
        "hand": hand,
        "config": dataclasses.asdict(config),
        "unihm": __version__,
        "fingerprint": _fingerprint(source, retargeter, config),
    }
    outcomes = []
    for name, keypoints in arrays.items():
        path = target if len(arrays) == 1 else target.with_name(f"{source.stem}.{name}.npz")
        if _made_from(path) == about["fingerprint"]:
            outcomes.append(RetargetedRecording(source, path, skipped=True))
            continue
        try:
            result = retargeter.retarget(keypoints)
        except UnihmError as error:
            outcomes.append(RetargetedRecording(source, path, error=error.message))
            continue
        error_mm = 1e3 * float(result.tip_error.mean())
        write_result(path, hand, result, {**about, "array": name, "tip_error_mm": error_mm})
        outcomes.append(RetargetedRecording(source, path, len(result), error_mm))
    if any(not outcome.error for outcome in outcomes):
        # Of a recording of both hands, the other one is no failure.
        outcomes = [outcome for outcome in outcomes if not outcome.error]
    return outcomes


def _fingerprint(source: Path, retargeter: Retargeter, config: RetargetingConfig) -> str:
    """Of everything that a result depends on."""
    digest = hashlib.sha256(f"{__version__} {config}".encode())
    for path in (source, retargeter.hand.spec.path):
        digest.update(path.read_bytes())
    digest.update(ElementTree.tostring(retargeter.hand.urdf.robot))
    return digest.hexdigest()[:16]


def _made_from(path: Path) -> str | None:
    about = path.with_suffix(".json")
    if not (path.is_file() and about.is_file()):
        return None
    try:
        return json.loads(about.read_text()).get("fingerprint")
    except json.JSONDecodeError:
        return None
