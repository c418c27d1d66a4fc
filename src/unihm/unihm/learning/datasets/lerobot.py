"""Episodes of a robot that is led, as a LeRobot dataset; the package lerobot writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unihm.errors import ErrorCode, UnihmError


class DatasetWriter:
    """Writes one new dataset: where the joints were, where they were sent, and what was seen.

    Args:
        folder: that does not exist yet.
        task: what is done in every episode, in words.
        names: of the joints.
        rate: frames per second.
        image_shape: (height, width, 3) of the camera's images; None: none are recorded.

    Attributes:
        episodes: that are written.
        frames: of the episode that goes on.

    Raises:
        UnihmError: MISSING_DEPENDENCY without lerobot; INVALID_CONFIG for a folder that exists.
    """

    def __init__(
        self,
        folder: Path,
        task: str,
        names: Sequence[str],
        rate: float,
        image_shape: tuple[int, ...] | None = None,
    ) -> None:
        try:
            from lerobot.datasets.lerobot_dataset import LeRobotDataset
        except ImportError as error:
            raise UnihmError(
                ErrorCode.MISSING_DEPENDENCY,
                f"Recording needs the package lerobot ({error}): pip install 'lerobot>=0.4'.",
            ) from error
        if folder.exists():
            raise UnihmError(
                ErrorCode.INVALID_CONFIG, f"{folder} exists already; name another folder."
            )
        vector = {"dtype": "float32", "shape": (len(names),), "names": list(names)}
        features = {"observation.state": vector, "action": vector}
        if image_shape is not None:
            features["observation.images.camera"] = {
                "dtype": "video",
                "shape": image_shape,
                "names": ["height", "width", "channels"],
            }
        self._names, self._task = tuple(names), task
        self._dataset = LeRobotDataset.create(
            f"unihm/{folder.name}", round(rate), features, root=folder, robot_type="unihm"
        )
        self.episodes = self.frames = 0

    def add(
        self,
        measured: Mapping[str, float],
        sent: Mapping[str, float],
        image: NDArray[np.uint8] | None = None,
    ) -> None:
        """One more frame of the episode.

        Args:
            measured: rad (m) by joint, where it was.
            sent: rad (m) by joint, where it was sent.
            image: (H, W, 3) RGB, where images are recorded.
        """
        frame = {
            "observation.state": self._vector(measured),
            "action": self._vector(sent),
            "task": self._task,
        }
        if image is not None:
            frame["observation.images.camera"] = image
        self._dataset.add_frame(frame)
        self.frames += 1

    def end_episode(self) -> None:
        """Write the episode, if it has any frame."""
        if self.frames:
            self._dataset.save_episode()
            self.episodes += 1
        self.frames = 0

    def close(self) -> None:
        """Write what there is; nothing can be added any more."""
        self.end_episode()
        self._dataset.finalize()

    def _vector(self, joints: Mapping[str, float]) -> NDArray[np.float32]:
        return np.array([joints[name] for name in self._names], np.float32)
