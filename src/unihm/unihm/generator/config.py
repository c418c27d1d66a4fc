"""Settings of the generator: what it is made of, and how it is trained."""

from __future__ import annotations

from dataclasses import field

from unihm.config import Count, Natural, NotNegative, Positive, Share, settings
from unihm.types import Phase


@settings()
class GeneratorTraining:
    """How the generator is trained (sections 3.3 and C.4 of the paper).

    Attributes:
        epochs: passes over all pairs of episode and hand.
        keep_share: share of the training without masks (C4).
        ramp_share: share over which the masked part grows from none to all hand poses; in the
            rest everything is masked, as it is when generating.
        batch: episodes per step, all with the same hand.
        learning_rate: peak of a cosine schedule after a short warm-up.
        weight_decay: of AdamW.
        code_weight: of the cross-entropy of the codes.
        latent_weight: of the squared error of the latent.
        motion_weight: of the L1 error of the decoded motion.
        tip_weight: of the L1 error of the fingertips, in units of 0.1 m: it ties wrist and
            joints together where the object is touched.
        phase_weights: of a frame in the motion's error, by phase: the grasp that is held is
            what must be right.
        cloud_noise: metres, standard deviation added to the points.
        frame_shift: metres, standard deviation of a shift of the object frame.
        frame_turn: radians, standard deviation of a turn of it about z; a third as much about
            x and y.
        bfloat16: train in half precision: nearly twice as fast on processors that know it.
        seed: of everything random.
    """

    epochs: Count = 100
    keep_share: Share = 0.2
    ramp_share: Share = 0.6
    batch: Count = 16
    learning_rate: Positive = 1e-4
    weight_decay: NotNegative = 0.01
    code_weight: NotNegative = 0.1
    latent_weight: NotNegative = 1.0
    motion_weight: NotNegative = 1.0
    tip_weight: NotNegative = 2.0
    phase_weights: tuple[NotNegative, ...] = (0.5, 1.0, 2.0, 0.5, 0.5)
    cloud_noise: NotNegative = 0.001
    frame_shift: NotNegative = 0.005
    frame_turn: NotNegative = 0.1
    bfloat16: bool = False
    seed: Natural = 0

    def __post_init__(self) -> None:
        if self.keep_share + self.ramp_share > 1:
            raise ValueError("keep_share and ramp_share must be shares of one whole")
        if len(self.phase_weights) != len(Phase):
            raise ValueError(f"phase_weights must be {len(Phase)}, one for each phase")


@settings()
class GeneratorConfig:
    """Shape of the generator; it travels with the weights.

    Attributes:
        backbone: a Qwen3 checkpoint to start from: a folder, or a hub's name that is already on
            this machine; empty means a fresh Qwen3 of the sizes below.
        hidden: width.
        layers: transformer layers.
        heads: attention heads.
        kv_heads: key and value heads (grouped attention).
        intermediate: width of the feed-forward layers.
        causal: True is Qwen's own attention, for a pretrained backbone. False lets every token
            see every other: all hand tokens are predicted in one pass, so nothing leaks, and
            the approach can look at the grasp that it leads to.
        points: points of the cloud that are looked at.
        cloud_tokens: feature vectors that the point cloud encoder gives (C2).
        trajectory_hidden: width of the trajectory encoder's hidden layer (C3).
        max_chunks: longest motion, in chunks.
        hand_token: add a learned token of the hand; without it only the initial pose tells.
        training: how to train.
    """

    backbone: str = ""
    hidden: Count = 160
    layers: Count = 4
    heads: Count = 4
    kv_heads: Count = 2
    intermediate: Count = 480
    causal: bool = False
    points: Count = 512
    cloud_tokens: Count = 4
    trajectory_hidden: Count = 512
    max_chunks: Count = 32
    hand_token: bool = False
    training: GeneratorTraining = field(default_factory=GeneratorTraining)

    def __post_init__(self) -> None:
        if self.hidden % self.heads or self.heads % self.kv_heads:
            raise ValueError("hidden must be a multiple of heads, and heads one of kv_heads")
