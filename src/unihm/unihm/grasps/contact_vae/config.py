"""Settings of the contact-aware autoencoder of grasps; section ``contact_vae`` of a preset."""

from __future__ import annotations

from dataclasses import field

from unihm.config import Count, NotNegative, Positive, settings
from unihm.grasps.config import GraspTraining


@settings()
class ContactVaeTraining(GraspTraining):
    """How it is trained (section B.1 of RealDex, which gives no figures).

    Attributes:
        steps: batches, each of one hand.
        batch: grasps per step.
        learning_rate: peak of a warm-up and half a cosine.
        weight_decay: of AdamW.
        kl: weight of L_KL, a mean over the latent numbers.
        recon: of L_recon, a mean over the feature row.
        contact: of L_cmap, a mean over the object's points.
        points: of L_CD, in (0.1 m)^2. Points of a hand are known one by one, so that each is
            compared with its own and not with the nearest.
    """

    steps: Count = 60000
    batch: Count = 128
    learning_rate: Positive = 5e-4
    weight_decay: NotNegative = 0.01
    kl: NotNegative = 0.01
    recon: NotNegative = 1.0
    contact: NotNegative = 1.0
    points: NotNegative = 5.0


@settings()
class ContactVaeConfig:
    """Shape of the network, and how it is sampled; it travels with the weights.

    Attributes:
        hands: files in ``config/hands``.
        latent: numbers of the latent code.
        width: of what is known of a cloud, and of a hand.
        hidden: of the decoder.
        points: of a cloud that are looked at.
        hand_points: of each part of the hand.
        near: metres from the hand within which a point of the object is in contact.
        weight: 1/m^2 of the distance between a pad and the contact map while grasps are adjusted
            to it, beside the refiner's own terms.
        training: how to train.
    """

    hands: tuple[str, ...] = ("xhand", "inspire", "allegro")
    latent: Count = 64
    width: Count = 512
    hidden: Count = 1024
    points: Count = 2048
    hand_points: Count = 128
    near: Positive = 0.008
    weight: NotNegative = 1e5
    training: ContactVaeTraining = field(default_factory=ContactVaeTraining)
