"""Stage: instruction, cloud, trajectory and initial pose to hand tokens (section 3.3)."""

from unihm.generator.config import GeneratorConfig, GeneratorTraining
from unihm.generator.generator import Generator

__all__ = ["Generator", "GeneratorConfig", "GeneratorTraining"]
