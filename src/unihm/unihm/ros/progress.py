"""The steps of a task, and what a client is told of them."""

from __future__ import annotations

from unihm_msgs import msg
from unihm_msgs.action import Manipulate

from unihm.ros.conversions import measurements
from unihm.types import STAGES

# Step to the share of the whole that is done when it has ended: what feedback shows.
PROGRESS = {
    "ready": 0.05,
    "capture": 0.08,
    **dict(zip(STAGES, (0.12, 0.16, 0.22, 0.24, 0.30), strict=True)),
    "arm": 0.95,
    "verifier": 1.0,
}
STEPS = tuple(PROGRESS)
BEFORE_MOVING = STEPS[1 : STEPS.index("arm")]
# Who has to be there, where the arm moves.
_MOVING = ("arm_controller", "hand_controller", "emergency_stop")


def nodes_until(last: str) -> set[str]:
    """The nodes of a task that ends with the step ``last``."""
    steps = STEPS[: STEPS.index(last) + 1]
    moving = _MOVING if "arm" in steps else ()
    return {*moving, *steps} - {"ready", "arm"}


def feedback_of(
    status: msg.StageStatus, attempt: int, step: int, steps: int
) -> Manipulate.Feedback:
    """What a status means for a goal.

    Args:
        status: of one of :data:`STEPS`.
        attempt: which it is.
        step: of the sentence, from 1.
        steps: of the sentence.
    """
    index = STEPS.index(status.stage)
    before = PROGRESS[STEPS[index - 1]] if index else 0.0
    share = 1.0 if status.state == msg.StageStatus.SUCCEEDED else status.progress
    done = before + share * (PROGRESS[status.stage] - before)
    return Manipulate.Feedback(
        task_id=status.task_id,
        stage=status.stage,
        progress=(step - 1 + done) / steps,
        attempt=attempt,
        step=step,
        steps=steps,
    )


def measured(status: msg.StageStatus) -> list[msg.Measurement]:
    """A stage's duration and measurements under its name."""
    own = _below(status.stage, status.measurements)
    return measurements({f"{status.stage}/duration": (status.duration, "s")}) + own


def of_step(values: list[msg.Measurement], step: int, steps: int) -> list[msg.Measurement]:
    """Measurements under the step's name, where there are several."""
    return values if steps == 1 else _below(f"step{step}", values)


def _below(name: str, values: list[msg.Measurement]) -> list[msg.Measurement]:
    return [msg.Measurement(name=f"{name}/{m.name}", value=m.value, unit=m.unit) for m in values]
