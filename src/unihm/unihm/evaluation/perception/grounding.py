"""Is the right thing meant on real frames? Instructions for recorded pictures, by hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from unihm.config import read_yaml
from unihm.errors import ErrorCode, UnihmError
from unihm.evaluation.perception.clicks import load_frame
from unihm.perception.camera import project
from unihm.perception.planner import Planner
from unihm.perception.scene.leveling import level
from unihm.transforms import apply, invert

# What is meant: a label of the frame, a box of pixels (left, top, right, bottom), or nothing.
Meant = int | list[int] | Literal["absent", "ambiguous"]
_NEAR = 4  # pixels within which a label is looked for


@dataclass(frozen=True)
class Answer:
    """What the planner made of one instruction.

    Attributes:
        frame, sentence: what was asked.
        outcome: ``right``, ``wrong`` (something else was taken, silently), ``refused``, and for
            what must be refused ``refused rightly`` or ``taken``.
        reason: the refusal's sentence, or what was taken.
        confidence: of what was taken; None of a refusal.
    """

    frame: str
    sentence: str
    outcome: str
    reason: str
    confidence: float | None = None


def measure_grounding(planner: Planner, folder: Path, instructions: Path) -> list[Answer]:
    """Ask for everything that a file of instructions names on the frames of a folder.

    Raises:
        UnihmError: INVALID_EPISODE where none of the frames is there.
    """
    answers = []
    for name, sentences in read_yaml(instructions).items():
        path = folder / f"{name}.npz"
        if not path.is_file():
            continue
        frame = load_frame(path)
        observation = level(frame.observation, planner.config.workspace)
        for sentence, meant in sentences.items():
            try:
                selection = planner.read(observation, sentence).selection
            except UnihmError as error:
                must = isinstance(meant, str)
                reason = f"{error.code.name}: {error.message}"
                answers.append(
                    Answer(name, sentence, "refused rightly" if must else "refused", reason)
                )
                continue
            camera = apply(invert(observation.T_world_camera), selection.pick_point[None])
            pixel = np.rint(project(camera, observation.K)[0]).astype(int)
            if isinstance(meant, str):
                outcome = "taken"
            else:
                outcome = "right" if _hits(pixel, meant, frame.labels) else "wrong"
            answers.append(
                Answer(name, sentence, outcome, selection.target.words, selection.confidence)
            )
    if not answers:
        raise UnihmError(
            ErrorCode.INVALID_EPISODE, f"{folder} holds no frame that {instructions} names."
        )
    return answers


def _hits(pixel: NDArray[np.int_], meant: int | list[int], labels: NDArray[np.int16]) -> bool:
    u, v = pixel
    if isinstance(meant, list):
        left, top, right, bottom = meant
        return bool(left <= u <= right and top <= v <= bottom)
    near = labels[max(v - _NEAR, 0) : v + _NEAR + 1, max(u - _NEAR, 0) : u + _NEAR + 1]
    found = near[near > 0]
    return bool(found.size) and int(np.bincount(found).argmax()) == meant


def summary(answers: list[Answer]) -> dict[str, Any]:
    """Shares of what can be taken: right, silently wrong, refused; and of what must be refused."""
    counts = Counter(a.outcome for a in answers)
    can = max(counts["right"] + counts["wrong"] + counts["refused"], 1)
    must = max(counts["refused rightly"] + counts["taken"], 1)
    wrong = counts["wrong"] + counts["taken"]
    return {
        "real_sentences": len(answers),
        "real_right_object": round(counts["right"] / can, 4),
        "real_refused_wrongly": round(counts["refused"] / can, 4),
        "real_silently_wrong": round(wrong / max(len(answers), 1), 4),
        "real_refused_rightly": round(counts["refused rightly"] / must, 4),
    }
