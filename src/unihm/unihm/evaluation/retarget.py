"""Measure retargeting against dex-retargeting, in one run, on the same targets.

What is compared, for each hand and sequence:

- *Fingertip error*: mean distance, over frames and fingers, between the hand's fingertips (the
  tip keypoints of its file) and their targets in the wrist frame. The targets are step 2 of
  :mod:`unihm.retargeting.retargeter`: human fingertips in the frame of the palm, each finger scaled
  to the hand's. They are computed before and without any solver. Both sides get exactly them, with
  the wrist where the palm puts it (``correct_wrist`` off); dex-retargeting runs its position
  mode, which minimises that very distance, with its own defaults and no low-pass filter.
- *Corrected*: the same error of this project as it is used, where the wrist may move a little.
  It has no counterpart and is printed beside.
- *Time per frame*: batch (a whole sequence at once) and streaming (frame by frame) of this project
  as it is used, from raw keypoints; dex-retargeting's from ready targets, frame by frame, as it
  has no batch mode. All take turns in one loop. Means over the sequence; medians beside, as
  dex-retargeting leaves about half of the frames as they were, at once.
- *Jitter*: root mean square of the second difference of the joints, rad.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, replace

import numpy as np

from unihm.evaluation.retarget_baseline import DexRetargeting
from unihm.retargeting.keypoints import bone_lengths, check_keypoints, side_of
from unihm.retargeting.retargeter import Retargeter, RetargetingConfig
from unihm.robots.kinematics import load_hand
from unihm.transforms import FloatArray

REPEATS = 7  # of the batch, which is over in milliseconds
HANDS = ("allegro", "shadow", "inspire", "leap")


@dataclass(frozen=True)
class Row:
    """Figures of one hand on one sequence; errors in mm, times in microseconds per frame."""

    hand: str
    sequence: str
    frames: int
    error_mm: float
    error_stream_mm: float
    error_dex_mm: float
    error_corrected_mm: float
    batch_us: float
    stream_us: float
    stream_median_us: float
    dex_us: float
    dex_median_us: float
    jitter: float
    jitter_dex: float

    @property
    def speedup_batch(self) -> float:
        """Against dex-retargeting's mean."""
        return self.dex_us / self.batch_us

    @property
    def speedup_stream(self) -> float:
        """Against dex-retargeting's mean."""
        return self.dex_us / self.stream_us


def measure(name: str, sequence: str, keypoints: FloatArray, config: RetargetingConfig) -> Row:
    """Run both on one sequence (T, 21, 3) for the hand ``name`` of the side that it shows."""
    side = side_of(np.nan_to_num(np.asarray(keypoints, float))) or "right"
    hand = load_hand(name if side == "right" else f"{name}_left")
    clean = check_keypoints(keypoints, hand.side)
    held = Retargeter(hand, replace(config, correct_wrist=False))
    used = Retargeter(hand, config)
    tips = held.builder.build(clean, np.median(bone_lengths(clean), axis=0)).points
    tips = tips[:, held.builder.tip_rows]

    joints = held.retarget(keypoints).joints
    corrected = used.retarget(keypoints)
    stream_joints = np.array([held.step(frame).joints[0] for frame in clean])
    dex, dex_joints = DexRetargeting(hand), np.empty_like(joints)
    # Taken in turns, so that whatever else the machine does slows all of them alike.
    batch, stream_times, dex_times = [], np.empty(len(clean)), np.empty(len(clean))
    batch_after = np.linspace(0, len(clean) - 1, REPEATS).astype(int)
    for i, frame in enumerate(clean):
        start = time.perf_counter()
        used.step(frame)
        streamed = time.perf_counter()
        dex_joints[i] = dex.step(tips[i])
        stream_times[i], dex_times[i] = streamed - start, time.perf_counter() - streamed
        for _ in range(int((batch_after == i).sum())):
            start = time.perf_counter()
            used.retarget(keypoints)
            batch.append((time.perf_counter() - start) / len(clean))
    return Row(
        hand.name,
        sequence,
        len(clean),
        _error(held, joints, tips),
        _error(held, stream_joints, tips),
        _error(held, dex_joints, tips),
        1e3 * float(corrected.tip_error.mean()),
        1e6 * float(np.mean(batch)),
        1e6 * float(stream_times.mean()),
        1e6 * float(np.median(stream_times)),
        1e6 * float(dex_times.mean()),
        1e6 * float(np.median(dex_times)),
        _jitter(joints),
        _jitter(dex_joints),
    )


def summarise(rows: list[Row]) -> dict[str, object]:
    """All rows, per hand the means over its sequences weighted by frames, and the worst case."""
    hands: dict[str, object] = {}
    for hand in dict.fromkeys(row.hand for row in rows):
        own = [row for row in rows if row.hand == hand]
        weights = [row.frames for row in own]
        means = {
            key: float(np.average([getattr(row, key) for row in own], weights=weights))
            for key in asdict(own[0])
            if key not in ("hand", "sequence", "frames")
        }
        means["speedup_batch"] = means["dex_us"] / means["batch_us"]
        means["speedup_stream"] = means["dex_us"] / means["stream_us"]
        hands[hand] = means
    return {
        "rows": [asdict(row) for row in rows],
        "hands": hands,
        "fingertip_error_no_worse": all(row.error_mm <= row.error_dex_mm for row in rows),
        "speedup_batch_min": min(row.speedup_batch for row in rows),
        "speedup_stream_min": min(row.speedup_stream for row in rows),
    }


def _error(retargeter: Retargeter, joints: FloatArray, tips: FloatArray) -> float:
    reached = retargeter.kinematics.positions(joints)[:, retargeter.builder.tip_rows]
    return 1e3 * float(np.linalg.norm(reached - tips, axis=-1).mean())


def _jitter(joints: FloatArray) -> float:
    return float(np.sqrt((np.diff(joints, 2, axis=0) ** 2).mean())) if len(joints) > 2 else 0.0
