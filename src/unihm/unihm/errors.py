"""Everything that can go wrong, as one code and one sentence.

The numbers are the ``error_code`` constants of ``unihm_msgs/action/Manipulate`` (a test
compares the two), so that a person sees the same failure in Python, on the command line
and in an action result.
"""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """Reason for which a stage, a tool or an action ended without success."""

    NONE = 0
    # What was asked for
    INVALID_INSTRUCTION = 1
    OBJECT_NOT_FOUND = 2
    OBJECT_AMBIGUOUS = 3
    UNREACHABLE = 4
    UNKNOWN_HAND = 5
    # What the camera gave
    INVALID_DEPTH = 10
    INVALID_IMAGE = 11
    CAMERA_TIMEOUT = 12
    CAMERA_INFO_MISMATCH = 13
    INVALID_TRANSFORM = 14
    LOW_CONFIDENCE = 15
    # What the stages were given
    INVALID_CLOUD = 20
    INVALID_MOTION = 21
    INVALID_KEYPOINTS = 22
    INVALID_HAND_FILE = 23
    INVALID_CONFIG = 24
    CODEBOOK_MISMATCH = 25
    WEIGHTS_MISSING = 26
    INVALID_SCENE = 27
    INVALID_EPISODE = 28
    INVALID_BAG = 29
    # What happened while it ran
    CANCELLED = 30
    PREEMPTED = 31
    STAGE_TIMEOUT = 32
    JOINT_STATE_TIMEOUT = 33
    SAFETY_STOP = 34
    # What the robot felt
    GRASP_FAILED = 40
    OBJECT_LOST = 41
    NOT_DONE = 42
    OBJECT_MOVED = 43
    # The machine
    MISSING_DEPENDENCY = 50
    INTERNAL = 99

    @classmethod
    def _missing_(cls, value: object) -> ErrorCode | None:
        """A number of somebody else's, or of a later version, is a failure all the same."""
        return cls.INTERNAL if isinstance(value, int) else None


class UnihmError(Exception):
    """A failure with a code that a program can act on and a sentence that a person can.

    Args:
        code: the reason.
        message: one sentence that says what happened and, where there is one, what to do.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __reduce__(self) -> tuple[type[UnihmError], tuple[ErrorCode, str]]:
        """So that it travels from a worker process to whoever waits for it."""
        return type(self), (self.code, self.message)
