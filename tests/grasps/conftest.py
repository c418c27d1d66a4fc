"""The generator of the preset tiny, and a choice among four grasps of it."""

import pytest
from unihm.control.config import ControlConfig
from unihm.generator import Generator
from unihm.grasps import GraspChooser, GraspConfig
from unihm.refinement import RefinementConfig
from unihm.robots.arm import load_arm
from unihm.tokenizer import Tokenizer


@pytest.fixture(scope="session")
def chooser() -> GraspChooser:
    generator = Generator.load("tiny", Tokenizer.load("tiny"))
    return GraspChooser(
        generator, RefinementConfig(), ControlConfig(), GraspConfig(candidates=4), load_arm()
    )
