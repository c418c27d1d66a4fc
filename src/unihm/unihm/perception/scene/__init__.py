"""What stands on the table: objects as primitives, words and frames, found without weights."""

from unihm.perception.scene.completion import Completion, complete
from unihm.perception.scene.describe import DetectedObject
from unihm.perception.scene.frames import canonical_object_frame
from unihm.perception.scene.reader import TableScene, WorkspaceConfig, read_scene
from unihm.perception.scene.table import Plane

__all__ = [
    "Completion",
    "DetectedObject",
    "Plane",
    "TableScene",
    "WorkspaceConfig",
    "canonical_object_frame",
    "complete",
    "read_scene",
]
