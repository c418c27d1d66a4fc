"""Grasps from a cloud by a conditional variational autoencoder and a contact map (RealDex, 4.2)."""

from unihm.grasps.contact_vae.config import ContactVaeConfig, ContactVaeTraining
from unihm.grasps.contact_vae.generator import ContactVae
from unihm.grasps.contact_vae.model import ContactVaeModel

__all__ = ["ContactVae", "ContactVaeConfig", "ContactVaeModel", "ContactVaeTraining"]
