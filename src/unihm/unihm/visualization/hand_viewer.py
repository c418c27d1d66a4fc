"""A web page (viser) on which several hands carry out the same motion side by side."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
import viser

from unihm.errors import ErrorCode, UnihmError
from unihm.robots.kinematics import load_hand
from unihm.robots.visual_meshes import link_bodies
from unihm.transforms import FloatArray, make_transform
from unihm.types import HandMotion
from unihm.visualization.browser import add_body, wxyz
from unihm.visualization.door import open_page
from unihm.visualization.palette import LINK, LINK_PAD

SPACING = 0.32  # m between neighbours


class HandViewer:
    """Hands in a row, each in its own copy of the object's frame; a slider goes through the frames.

    Args:
        motions: of any hands, equally long; the first is the source.
        port: of the web server.
        host: address to serve at.

    Attributes:
        tracks: what moves on the page, and its poses (T, 4, 4) there, frame by frame.

    Raises:
        UnihmError: INVALID_MOTION where the motions are not equally long.
    """

    def __init__(
        self, motions: Sequence[HandMotion], port: int = 8081, host: str = "127.0.0.1"
    ) -> None:
        self.frames = len(motions[0])
        if any(len(motion) != self.frames for motion in motions):
            raise UnihmError(ErrorCode.INVALID_MOTION, "The motions are not equally long.")
        self.dt = motions[0].trajectory.dt
        self.server, self._door = open_page("UniHM hands", host, port)
        self.server.scene.set_up_direction("+z")
        self.tracks: list[tuple[viser.FrameHandle, FloatArray]] = []
        for place, motion in enumerate(motions):
            self._add(place - (len(motions) - 1) / 2, f"/{place}_{motion.hand}", motion)
        self.server.initial_camera.position = (0.0, -0.5 * len(motions) - 0.3, 0.5)
        self.server.initial_camera.look_at = (0.0, 0.0, 0.05)
        self.slider = self.server.gui.add_slider("frame", 0, max(1, self.frames - 1), 1, 0)
        self.playing = self.server.gui.add_checkbox("play", initial_value=True)
        self.slider.on_update(lambda _: self.show(int(self.slider.value)))
        self.show(0)

    @property
    def url(self) -> str:
        """Where the page is."""
        return self._door.url

    def show(self, frame: int) -> None:
        """Put every hand where it is in ``frame``."""
        with self.server.atomic():
            for handle, poses in self.tracks:
                T = poses[min(frame, self.frames - 1)]
                handle.wxyz = wxyz(T)
                handle.position = T[:3, 3]

    def play(self, stop: threading.Event | None = None) -> None:
        """Play again and again until Ctrl-C or ``stop``."""
        stop = stop or threading.Event()
        while not stop.is_set():
            if self.playing.value:
                frame = (int(self.slider.value) + 1) % self.frames
                self.slider.value = frame  # type: ignore[misc]
                self.show(frame)
            time.sleep(self.dt)

    def close(self) -> None:
        """Stop serving."""
        self._door.close()
        self.server.stop()

    def _add(self, place: float, root: str, motion: HandMotion) -> None:
        hand = load_hand(motion.hand)
        pads = {tip.link for tip in hand.spec.fingertips}
        poses = [hand.link_poses(q) for q in motion.joints]
        T_page_object = make_transform(np.eye(3), [place * SPACING, 0.0, 0.0])
        self.server.scene.add_frame(root, axes_length=0.03, axes_radius=0.001, position=(0, 0, 0))
        self.server.scene.add_label(f"{root}/name", hand.name, position=T_page_object[:3, 3])
        for link, body in link_bodies(hand.urdf).items():
            handle = self.server.scene.add_frame(f"{root}/{link}", show_axes=False)
            add_body(self.server, f"{root}/{link}/body", body, LINK_PAD if link in pads else LINK)
            T_wrist_link = np.array([pose[link] for pose in poses])
            self.tracks.append((handle, T_page_object @ motion.T_object_wrist @ T_wrist_link))
