"""An image and a sentence in, a whole motion of a dexterous hand out.

    python examples/01_pipeline.py [FOLDER]

The image is the simulated camera's; any :class:`unihm.RgbdObservation` will do, such as one made of
your own camera's picture, its intrinsics and its pose. The motion goes into FOLDER.
"""

import sys
from pathlib import Path

import numpy as np
import unihm
from unihm.sim import World

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/examples")
folder.mkdir(parents=True, exist_ok=True)

observation = World("table", hand="xhand").observe()  # rgb (H, W, 3), depth (H, W) in metres
pipeline = unihm.Pipeline.from_pretrained("tiny")
result = pipeline.plan(observation, "pick up the red box", hand="xhand")

motion = result.motion
print(f"{len(motion)} frames of {motion.trajectory.dt} s, {motion.joints.shape[1]} joints")
for stage, seconds in result.seconds.items():
    print(f"{stage:14}{1e3 * seconds:8.0f} ms")
np.savez(folder / "motion.npz", T_world_wrist=motion.T_world_wrist, joints=motion.joints)

# What cannot be done ends in a code and one sentence.
try:
    pipeline.plan(observation, "pick up the elephant")
except unihm.UnihmError as error:
    print(f"{error.code.name}: {error.message}")
