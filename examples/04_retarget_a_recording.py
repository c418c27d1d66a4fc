"""Let several robot hands follow a recording of a person's hand.

    python examples/04_retarget_a_recording.py [FOLDER] [RECORDING.npy]

A recording is an array (T, 21, 3) of keypoints in metres: wrist, then thumb, index, middle, ring
and little finger, four each, tip last. Without one, the project's own human hand opens and closes.
The motions go into FOLDER. `unihm retarget` does the same for whole folders.
"""

import sys
from pathlib import Path

import numpy as np
import unihm

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/examples")
folder.mkdir(parents=True, exist_ok=True)

if len(sys.argv) > 2:
    keypoints = np.load(sys.argv[2])
else:
    human = unihm.load_hand("human")
    closing = 0.5 - 0.5 * np.cos(np.linspace(0, 4 * np.pi, 60))[:, None]
    joints = human.open_joints + 0.8 * closing * (human.closed_joints - human.open_joints)
    keypoints = np.array([human.keypoints(q) for q in joints])

for hand in ("xhand", "inspire", "shadow", "allegro"):
    result = unihm.retarget(keypoints, hand)
    error = 1e3 * result.tip_error.mean()
    print(f"{hand:10}{result.joints.shape[1]:3} joints, fingertips {error:.1f} mm off")
    np.savez(folder / f"{hand}.npz", T_world_wrist=result.T_world_wrist, joints=result.joints)
