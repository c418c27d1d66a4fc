"""A web page that shows a task as it happens: robot, camera, cloud, plan, contacts (viser).

This part knows no ROS: whoever has the data calls the ``show_*`` methods, from any thread.
:mod:`unihm.nodes.viewer` feeds it from the topics of a running graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import trimesh
import viser
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.transform import Rotation

from unihm.robots import load_hand
from unihm.robots.arm import load_arm
from unihm.robots.assembly import assemble
from unihm.robots.urdf import Joint, parse_urdf
from unihm.robots.visual_meshes import join, link_bodies
from unihm.sim.scene import Scene
from unihm.transforms import apply, make_transform
from unihm.types import (
    STAGES,
    FloatArray,
    HandMotion,
    ObjectCloud,
    ObjectTrajectory,
    Phase,
    RgbdObservation,
)
from unihm.visualization.browser import add_body, wxyz
from unihm.visualization.door import open_page
from unihm.visualization.keyframes import key_frames, time_colors
from unihm.visualization.palette import (
    ARM,
    COMPLETED,
    FORCE,
    HAND,
    HAND_PAD,
    SEEN,
    TABLE,
)

POINTS = 40_000  # of the camera's cloud at most: what a browser draws without stutter
METRES_PER_NEWTON = 0.006  # length of the contact arrows
STEPS = ("capture", *STAGES, "arm", "hand", "verifier")
GROUPS = {
    "robot": "robot",
    "camera": "camera and its cloud",
    "target": "target's surface",
    "plan": "planned trajectory",
    "grasp": "planned grasp",
    "contacts": "contacts",
    "truth": "simulator's truth",
}
MARKS = {"started": "…", "succeeded": "✓", "failed": "✗", "stopped": "–"}


class RobotModel:
    """A robot as nested frames: the browser does the kinematics, only joint values travel.

    Args:
        server: where it is shown.
        root: scene tree name, e.g. ``/robot``.
        arm, hand: files in ``config/robots`` and ``config/hands``.

    Attributes:
        frames: of the joints by name; a moving joint turns or shifts its own.
    """

    def __init__(self, server: viser.ViserServer, root: str, arm: str, hand: str) -> None:
        urdf = parse_urdf(assemble(arm, hand))
        spec = load_hand(hand)
        pads = {tip.link for tip in spec.spec.fingertips}
        hand_links = set(spec.urdf.links)
        names = {urdf.root: root}
        self.frames: dict[str, viser.FrameHandle] = {}
        self._joints: dict[str, Joint] = {}
        for joint in urdf.joints:
            names[joint.child] = f"{names[joint.parent]}/{joint.child}"
            T = joint.T_parent_joint
            self.frames[joint.name] = server.scene.add_frame(
                names[joint.child], show_axes=False, wxyz=wxyz(T), position=T[:3, 3]
            )
            self._joints[joint.name] = joint
        for link, body in link_bodies(urdf).items():
            color = HAND_PAD if link in pads else HAND if link in hand_links else ARM
            add_body(server, f"{names[link]}/body", body, color)

    def show(self, positions: Mapping[str, float]) -> None:
        """Move the joints that are named (radians, metres), and those coupled to them."""
        for name, joint in self._joints.items():
            value = positions.get(name)
            if joint.mimic is not None and joint.mimic.joint in positions:
                value = joint.mimic.multiplier * positions[joint.mimic.joint] + joint.mimic.offset
            if value is None or joint.kind == "fixed":
                continue
            frame, T = self.frames[name], joint.T_parent_joint
            if joint.kind == "prismatic":
                frame.position = T[:3, 3] + T[:3, :3] @ joint.axis * value
            else:
                turned = Rotation.from_matrix(T[:3, :3]) * Rotation.from_rotvec(joint.axis * value)
                frame.wxyz = turned.as_quat()[[3, 0, 1, 2]]


@dataclass(frozen=True)
class Controls:
    """What somebody at the page may ask for; called from threads of the page's own.

    Attributes:
        say: carry out a sentence.
        cancel: end what is being done; the robot comes to rest within its limits.
        stop: engage the emergency stop.
        reset: end the emergency stop.
        choose: carry out the last sentence with the candidate of this number, from 0 on.
    """

    say: Callable[[str], None]
    cancel: Callable[[], None]
    stop: Callable[[], None]
    reset: Callable[[], None]
    choose: Callable[[int], None]


class Viewer:
    """The page. Everything that is shown replaces what was shown of its kind before.

    Args:
        port: of the web server.
        arm, hand: the robot.
        host: address to serve at; ``0.0.0.0`` lets other machines in, with the token of the URL.
        controls: what the buttons do; None: a page to look at only.
    """

    def __init__(
        self,
        port: int = 8080,
        arm: str = "fr3",
        hand: str = "xhand",
        host: str = "127.0.0.1",
        controls: Controls | None = None,
    ) -> None:
        self.server, self._door = open_page("UniHM", host, port)
        self._hand = hand
        self._stages: dict[str, str] = {}
        self._objects: dict[str, viser.MeshHandle] = {}
        self._shown: dict[str, tuple[viser.SceneNodeHandle, ...]] = {}
        self._choices: list[viser.GuiButtonHandle] = []
        self._furnish()
        self._build_panel(controls)
        self.robot = RobotModel(self.server, "/robot", arm, hand)
        home = dict(zip(load_arm(arm).joint_names, load_arm(arm).home))
        rest = load_hand(hand)
        self.robot.show({**home, **dict(zip(rest.joint_names, rest.open_joints))})

    @property
    def url(self) -> str:
        """Where the page is, with the token that is needed from other machines."""
        return self._door.url

    def close(self) -> None:
        """Stop serving."""
        self._door.close()
        self.server.stop()

    # ------------------------------------------------------------------ what may be shown

    def show_joints(self, names: Sequence[str], positions: ArrayLike) -> None:
        """Robot at joint positions (N,) in radians, metres for sliding joints."""
        with self.server.atomic():
            self.robot.show(dict(zip(names, np.asarray(positions, float).tolist())))

    def show_emergency_stop(self, engaged: bool, reason: str = "") -> None:
        """Whether the emergency stop is engaged, and why."""
        if self._controls is None:
            return
        self._stopped.content = f"**Emergency stop.** {_plain(reason)}" if engaged else ""
        self._stopped.visible = self._reset.visible = engaged
        self._stop.visible = not engaged

    def show_understood(self, text: str) -> None:
        """What the sentence was understood as, in one sentence; empty: nothing to say."""
        self._understood = text
        self._write_status(self._instruction)

    def show_candidates(self, names: Sequence[str]) -> None:
        """A button for each of the things that may be meant; none: it is clear."""
        for button in self._choices:
            button.remove()
        self._choices = []
        if self._controls is None:
            return
        self._question.content = "**Which one is meant?**" if names else ""
        self._question.visible = bool(names)
        with self._question_folder:
            for number, name in enumerate(names):
                button = self.server.gui.add_button(f"{number + 1}: {name}")
                button.on_click(partial(_choose, self._controls, number))
                self._choices.append(button)

    def show_task(self, instruction: str) -> None:
        """A new task: its sentence; what the stages made of the last one goes."""
        self._stages.clear()
        self._write_status(instruction)
        for group in ("plan", "target", "grasp"):
            self._replace(group)

    def show_stage(self, stage: str, state: str, seconds: float = 0.0, message: str = "") -> None:
        """What a stage does: ``state`` is started, succeeded, failed or stopped."""
        took = f" {seconds:.2f} s" if seconds else ""
        self._stages[stage] = f"{MARKS.get(state, state)}{took} {message}".strip()
        self._write_status(self._instruction)

    def show_observation(self, observation: RgbdObservation) -> None:
        """The camera, its image, and its cloud (clipped to 2 m, thinned to 40 000 points)."""
        height, width = observation.depth.shape
        depth = np.nan_to_num(observation.depth)
        rows, cols = np.nonzero((depth > 0) & (depth < 2.0))
        if len(rows) > POINTS:
            chosen = np.linspace(0, len(rows) - 1, POINTS).astype(int)
            rows, cols = rows[chosen], cols[chosen]
        rays = np.stack([cols, rows, np.ones(len(rows))], -1)
        local = rays @ np.linalg.inv(observation.K).T * depth[rows, cols, None]
        T_world_camera = observation.T_world_camera
        with self.server.atomic():
            points = self.server.scene.add_point_cloud(
                "/camera/cloud",
                apply(T_world_camera, local).astype(np.float32),
                observation.rgb[rows, cols],
                point_size=0.0022,
                point_shape="circle",
                precision="float32",
            )
            frustum = self.server.scene.add_camera_frustum(
                "/camera/frustum",
                fov=float(2 * np.arctan(height / 2 / observation.K[1, 1])),
                aspect=width / height,
                scale=0.08,
                thickness=0.002,
                image=observation.rgb[::4, ::4],
                wxyz=wxyz(T_world_camera),
                position=T_world_camera[:3, 3],
            )
            self._replace("camera", points, frustum)
        self._image.image = observation.rgb[::2, ::2]

    def show_affordance(self, image: NDArray[np.uint8]) -> None:
        """In the camera's place: its image with the planner's affordance, (H, W, 3)."""
        self._image.image = image[::2, ::2]

    def show_trajectory(self, trajectory: ObjectTrajectory) -> None:
        """Where the target is to go: a line coloured by time, and frames where the phases end."""
        path = trajectory.T_world_object
        changes = list(key_frames(trajectory.phase).values())
        moved = path[np.append(True, np.abs(np.diff(path[:, :3, 3], axis=0)).max(axis=1) > 1e-5)]
        with self.server.atomic():
            shown: list[viser.SceneNodeHandle] = [
                self.server.scene.add_batched_axes(
                    "/plan/frames",
                    wxyz(path[changes]),
                    path[changes, :3, 3],
                    axes_length=0.04,
                    axes_radius=0.0015,
                )
            ]
            if len(moved) > 1:
                shown.append(self._line("/plan/path", moved[:, :3, 3], 0.006))
            self._replace("plan", *shown)

    def show_cloud(self, cloud: ObjectCloud, T_world_object: FloatArray) -> None:
        """The target's completed surface: points that were seen red, completed ones yellow."""
        observed = np.ones(len(cloud.points), bool) if cloud.observed is None else cloud.observed
        points = self.server.scene.add_point_cloud(
            "/target/points",
            apply(T_world_object, cloud.points).astype(np.float32),
            np.where(observed[:, None], SEEN, COMPLETED).astype(np.uint8),
            point_size=0.002,
            point_shape="circle",
            precision="float32",
        )
        self._replace("target", points)

    def show_motion(self, motion: HandMotion) -> None:
        """The wrist's way, coloured by time, and ghosts of the hand at the key frames."""
        hand = load_hand(motion.hand)
        bodies = link_bodies(hand.urdf)
        T_world_wrist = motion.T_world_wrist
        colors = time_colors(len(motion))
        with self.server.atomic():
            shown: list[viser.SceneNodeHandle] = []
            for phase, frame in key_frames(motion.trajectory.phase).items():
                poses = hand.link_poses(motion.joints[frame])
                parts = [body.copy().apply_transform(poses[link]) for link, body in bodies.items()]
                red, green, blue = colors[frame].tolist()
                shown.append(
                    add_body(
                        self.server,
                        f"/grasp/{phase.name.lower()}",
                        join(parts),
                        (red, green, blue),
                        opacity=0.5 if phase == Phase.GRASP else 0.2,
                        T=T_world_wrist[frame],
                    )
                )
            shown.append(self._line("/grasp/path", T_world_wrist[:, :3, 3], 0.003))
            self._replace("grasp", *shown)

    def show_contacts(self, positions: ArrayLike, forces: ArrayLike) -> None:
        """Contact points (N, 3) in metres and forces (N, 3) in newtons, world, as arrows."""
        positions = np.asarray(positions, float).reshape(-1, 3)
        forces = np.asarray(forces, float).reshape(-1, 3)
        strong = np.linalg.norm(forces, axis=1) > 0.05
        if not strong.any():
            self._replace("contacts")
            return
        start = positions[strong]
        ends = start + METRES_PER_NEWTON * forces[strong]
        arrows = self.server.scene.add_arrows(
            "/contacts/forces",
            np.stack([start, ends], axis=1).astype(np.float32),
            FORCE,
            shaft_radius=0.002,
            head_radius=0.005,
            head_length=0.012,
        )
        self._replace("contacts", arrows)

    def show_scene(self, scene: Scene) -> None:
        """Objects of the simulator, faint: the truth that the robot does not know."""
        for item in scene.objects:
            red, green, blue = (int(255 * part) for part in item.rgb)
            self._objects[item.name] = add_body(
                self.server,
                f"/truth/{item.name}",
                item.geometry.surface,
                (red, green, blue),
                opacity=0.6,
                T=item.T_world_object,
            )

    def show_objects(self, poses: Mapping[str, FloatArray]) -> None:
        """Move the objects of :meth:`show_scene` to T_world_object (4, 4)."""
        with self.server.atomic():
            for name, pose in poses.items():
                if name in self._objects:
                    self._objects[name].wxyz = wxyz(pose)
                    self._objects[name].position = pose[:3, 3]

    # ------------------------------------------------------------------ the page itself

    def _furnish(self) -> None:
        scene = self.server.scene
        scene.set_up_direction("+z")
        self.server.initial_camera.position = (1.15, -0.95, 0.80)
        self.server.initial_camera.look_at = (0.38, 0.0, 0.20)
        scene.configure_default_lights(cast_shadow=True)
        top = trimesh.creation.box([1.1, 1.5, 0.04])
        add_body(self.server, "/table", top, TABLE, T=make_transform(np.eye(3), [0.35, 0, -0.021]))
        scene.add_grid("/floor", width=6.0, height=6.0, position=(0, 0, -0.75), cell_size=0.25)

    def _build_panel(self, controls: Controls | None) -> None:
        gui = self.server.gui
        gui.configure_theme(show_share_button=False)
        gui.main_panel.dock_right()
        self._instruction = self._understood = ""
        self._controls = controls
        if controls is not None:
            self._build_controls(controls)
        self._status = gui.add_markdown("Waiting for a task.")
        self._image = gui.add_image(np.full((240, 320, 3), 40, np.uint8), label="Camera")
        with gui.add_folder("Show"):
            for group, label in GROUPS.items():
                self._add_group(group, label)

    def _build_controls(self, controls: Controls) -> None:
        gui = self.server.gui
        self._stop = gui.add_button("EMERGENCY STOP", color="red")
        self._stop.on_click(lambda _: controls.stop())
        self._stopped = gui.add_markdown("", visible=False)
        self._reset = gui.add_button("Reset the emergency stop", color="gray", visible=False)
        self._reset.on_click(lambda _: controls.reset())
        box = gui.add_text("Say", initial_value="pick up the red box")
        gui.add_button("Do it").on_click(lambda _: controls.say(box.value))
        gui.add_button("Cancel", color="gray").on_click(lambda _: controls.cancel())
        self._question = gui.add_markdown("", visible=False)
        self._question_folder = gui.add_folder(None)

    def _add_group(self, group: str, label: str) -> None:
        """A frame whose children come and go together, and the box that hides it."""
        frame = self.server.scene.add_frame(f"/{group}", show_axes=False)
        switch = self.server.gui.add_checkbox(label, initial_value=True)

        @switch.on_update
        def _(_: object) -> None:
            frame.visible = switch.value

    def _replace(self, group: str, *handles: viser.SceneNodeHandle) -> None:
        """Make ``handles`` what a group shows; what it showed under other names goes."""
        kept = {handle.name for handle in handles}
        for old in self._shown.get(group, ()):
            if old.name not in kept:
                old.remove()
        self._shown[group] = handles

    def _line(self, name: str, points: FloatArray, thickness: float) -> viser.SceneNodeHandle:
        """A way (T, 3), as thick as that many metres, whose colour tells the time."""
        ends = np.stack([points[:-1], points[1:]], axis=1).astype(np.float32)
        colors = time_colors(len(points))
        pairs = np.stack([colors[:-1], colors[1:]], axis=1)
        return self.server.scene.add_line_segments(name, ends, pairs, thickness=thickness)

    def _write_status(self, instruction: str) -> None:
        self._instruction = instruction
        rows = [f"| {stage} | {self._stages[stage]} |" for stage in STEPS if stage in self._stages]
        table = "\n".join(["| stage | |", "| :-- | :-- |", *rows]) if rows else ""
        understood = f"Understood: {_plain(self._understood)}\n\n" if self._understood else ""
        self._status.content = f"**“{instruction}”**\n\n{understood}{table}"


def _choose(controls: Controls, number: int, _: object) -> None:
    controls.choose(number)


def _plain(text: str) -> str:
    """A sentence of somebody else's as text alone: no markup, no links."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>~])", r"\\\1", " ".join(text.split()))
