"""Put an object of your own on the table.

    python examples/06_your_own_scene.py [FOLDER]

A shape is a function of its measures; a scene is a YAML file that names it. What the camera sees
goes into FOLDER. A mesh file needs no function: `mesh: my_object.stl` in place of `shape:`.
"""

import sys
from pathlib import Path

import unihm
from PIL import Image
from unihm.sim import World, load_scene
from unihm.sim.shapes import Geometry, Part, shape, union
from unihm.transforms import from_xyz_rpy

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/examples")
folder.mkdir(parents=True, exist_ok=True)


@shape("dumbbell")
def dumbbell(length: float = 0.12, radius: float = 0.028, grip: float = 0.014) -> Geometry:
    """Two balls on a bar along x."""
    if grip >= radius:
        raise ValueError("the grip is thicker than the balls")
    bar = Part("cylinder", (grip, length), from_xyz_rpy([0, 0, 0], [0, 1.5708, 0]))
    ends = [
        Part("sphere", (radius,), from_xyz_rpy([x, 0, 0], [0, 0, 0]))
        for x in (-length / 2, length / 2)
    ]
    return union([bar, *ends])


scene_file = folder / "gym.yaml"
scene_file.write_text("""\
objects:
- name: orange dumbbell
  shape: dumbbell
  size: {length: 0.11}
  position: [0.48, 0.10]
  rpy: [0, 0, 0.6]
  color: orange
- {name: blue ball, shape: sphere, position: [0.50, -0.15], color: blue}
instructions: [pick up the orange thing]
""")

scene = load_scene(scene_file)
observation = World(scene, hand="xhand").observe()
Image.fromarray(observation.rgb).save(folder / "gym.png")

pipeline = unihm.Pipeline.from_pretrained("tiny")
result = pipeline.plan(observation, scene.instructions[0], hand="xhand")
x, y, _ = result.trajectory.T_world_object[0, :3, 3]
print(f"The thing is at ({x:.2f}, {y:.2f}) m; the hand moves for {len(result.motion)} frames.")
