"""Make a rough grasp touch its object and not go through it.

    python examples/03_refine_a_motion.py [FOLDER]

The object is a ball that the hand closes on, 1 cm beside where it should be, as a network might
have it. Both motions go into FOLDER. `unihm refine` does the same for files, and draws it.
"""

import sys
from pathlib import Path

import numpy as np
import unihm

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/examples")
folder.mkdir(parents=True, exist_ok=True)
hand = unihm.load_hand("xhand")

# The object: points on its surface, metres, in its own frame, with normals that point outward.
# The ball is as large as the room between the pads of the thumb and of the fingers.
pads, _ = hand.fingertips(hand.pregrasp_joints)  # (F, 3) in the wrist's frame, the thumb first
centre = (pads[0] + pads[1:].mean(axis=0)) / 2
radius = np.linalg.norm(pads - centre, axis=1).min()
normals = np.random.default_rng(0).normal(size=(1024, 3))
normals /= np.linalg.norm(normals, axis=1, keepdims=True)
cloud = unihm.ObjectCloud(radius * normals, normals)

# Where it goes: it rests while the hand comes and closes, then it is lifted.
phase = np.repeat([unihm.Phase.APPROACH, unihm.Phase.GRASP, unihm.Phase.HOLD], [6, 6, 8])
T_world_object = np.tile(np.eye(4), (len(phase), 1, 1))
T_world_object[12:, 2, 3] = np.linspace(0, 0.1, 8)
course = unihm.ObjectTrajectory(T_world_object, phase, 0.1, unihm.TaskKind.GRAB, np.zeros(3))

# The motion: from 10 cm away along the palm's approach, then from open to half closed.
along, _, out_of_palm = hand.T_wrist_palm[:3, :3].T
away = np.clip(1 - np.arange(len(phase)) / 5, 0, 1)[:, None]
T_object_wrist = np.tile(np.eye(4), (len(phase), 1, 1))
T_object_wrist[:, :3, 3] = 0.01 * out_of_palm - centre - 0.1 * away * along
closing = np.clip((np.arange(len(phase)) - 5) / 6, 0, 1)[:, None]
joints = hand.open_joints + closing * (hand.pregrasp_joints - hand.open_joints)
rough = unihm.HandMotion("xhand", T_object_wrist, joints, course)

refined, report = unihm.refine(rough, cloud)

before, after = report.before, report.after
depth = 1e3 * before.penetration_max, 1e3 * after.penetration_max
print(f"deepest penetration {depth[0]:.2f} -> {depth[1]:.2f} mm")
for finger in report.fingers:
    gap = 1e3 * before.contact_distance[finger], 1e3 * after.contact_distance[finger]
    print(f"{finger:8} to surface {gap[0]:.2f} -> {gap[1]:.2f} mm")
for name, motion in (("rough", rough), ("refined", refined)):
    np.savez(folder / f"{name}.npz", T_object_wrist=motion.T_object_wrist, joints=motion.joints)
