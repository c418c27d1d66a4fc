"""Stage: instruction, cloud, trajectory and initial pose to hand tokens (section 3.3)."""

from unihm.generator.config import GeneratorConfig, GeneratorTraining
from unihm.generator.generator import Generator
from unihm.generator.inputs import View

__all__ = ["Generator", "GeneratorConfig", "GeneratorTraining", "View"]
