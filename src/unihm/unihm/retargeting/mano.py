"""Keypoints from MANO parameters, for users who have the model's file.

The project needs no MANO file: recordings bring keypoints. Data that has pose parameters only
needs the licensed model, which its makers give out as a pickle. Nothing is unpickled here, so
convert it once, where it is trusted, into an npz of the plain arrays named in :class:`Mano`
(sparse ones made dense, chumpy ones made numpy).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.transform import Rotation

from unihm.errors import ErrorCode, UnihmError
from unihm.retargeting.keypoints import FROM_MANO
from unihm.transforms import FloatArray

#: Vertices at the tips of thumb, index, middle, ring and little finger.
TIP_VERTICES = np.array([745, 317, 444, 556, 673])


@dataclass(frozen=True)
class Mano:
    """The model (Romero et al., 2017) as far as keypoints need it: V vertices, 16 joints.

    Attributes:
        v_template: (V, 3) metres, the mean hand.
        shapedirs: (V, 3, S) change per shape coefficient.
        posedirs: (V, 3, 135) change per entry of the joints' rotation matrices less identity.
        J_regressor: (16, V) joints from vertices.
        weights: (V, 16) skinning.
        kintree_table: (2, 16), parents in its first row.
        hands_mean: (45,) mean pose, axis-angle.
        hands_components: (45, 45) principal components of the pose.
    """

    v_template: FloatArray
    shapedirs: FloatArray
    posedirs: FloatArray
    J_regressor: FloatArray
    weights: FloatArray
    kintree_table: FloatArray
    hands_mean: FloatArray
    hands_components: FloatArray

    @classmethod
    def load(cls, path: Path) -> Mano:
        """Read an npz of the arrays.

        Raises:
            UnihmError: INVALID_CONFIG where the file is none, is pickled or lacks an array.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in cls.__dataclass_fields__}
        except (OSError, ValueError, KeyError) as error:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG, f"{path} is no MANO model in plain arrays: {error}."
            ) from error
        vertices = len(arrays["v_template"])
        if vertices <= TIP_VERTICES.max() or arrays["weights"].shape != (vertices, 16):
            raise UnihmError(ErrorCode.INVALID_CONFIG, f"{path} does not have MANO's shapes.")
        return cls(**{name: np.asarray(array, float) for name, array in arrays.items()})

    def keypoints(
        self, pose: ArrayLike, shape: ArrayLike, translation: ArrayLike, components: bool = False
    ) -> FloatArray:
        """The 21 keypoints (T, 21, 3) in this project's order.

        Args:
            pose: (T, 48) axis-angle: of the whole hand, then of 15 joints, relative to the flat
                hand; with ``components`` the last 45 are coefficients of the principal
                components about the mean pose, as DexYCB has them.
            shape: (S,) coefficients.
            translation: (T, 3) metres.
        """
        pose, shape = np.array(pose, float), np.asarray(shape, float)
        if components:
            pose[:, 3:] = self.hands_mean + pose[:, 3:] @ self.hands_components
        frames = len(pose)
        local = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(frames, 16, 3, 3)
        vertices = self.v_template + self.shapedirs[..., : len(shape)] @ shape
        joints = self.J_regressor @ vertices  # (16, 3), at rest
        rotation, position = np.empty((frames, 16, 3, 3)), np.empty((frames, 16, 3))
        rotation[:, 0], position[:, 0] = local[:, 0], joints[0]
        for i, parent in enumerate(self.kintree_table[0].astype(int)[1:], start=1):
            rotation[:, i] = rotation[:, parent] @ local[:, i]
            offset = rotation[:, parent] @ (joints[i] - joints[parent])
            position[:, i] = position[:, parent] + offset
        # Linear blend skinning, of the fingertips alone.
        bend = (local[:, 1:] - np.eye(3)).reshape(frames, 135)
        tips = vertices[TIP_VERTICES] + np.einsum("vcp,tp->tvc", self.posedirs[TIP_VERTICES], bend)
        carried = np.einsum("tjab,tvjb->tvja", rotation, tips[:, :, None] - joints)
        tips = np.einsum("vj,tvja->tva", self.weights[TIP_VERTICES], carried + position[:, None])
        in_mano_order = np.concatenate([position, tips], axis=1)
        return in_mano_order[:, FROM_MANO] + np.asarray(translation, float)[:, None]
