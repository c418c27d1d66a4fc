"""The arm file: one YAML that says what an arm's URDF does not."""

from __future__ import annotations

from pathlib import Path

from unihm.config import Positive, from_mapping, read_yaml, settings
from unihm.errors import ErrorCode, UnihmError
from unihm.paths import config_dir
from unihm.robots.spec import DESCRIPTIONS
from unihm.robots.urdf import Urdf, read_urdf
from unihm.robots.urdf_text import resolve_path, split_arguments


@settings()
class ArmSpec:
    """One file of ``config/robots``, or beside a vendor's description.

    Attributes:
        urdf: URDF or xacro file beside the YAML, absolute path or ``package://``; arguments for
            xacro follow as ``name:=value``.
        flange: link that hands are mounted on.
        home: (n,) rad, where the arm waits.
        acceleration: (n,) rad/s^2.
        jerk: (n,) rad/s^3.
        path: of the YAML.
    """

    urdf: str
    flange: str
    home: tuple[float, ...]
    acceleration: tuple[Positive, ...]
    jerk: tuple[Positive, ...]
    path: Path

    def __post_init__(self) -> None:
        if not len(self.home) == len(self.acceleration) == len(self.jerk):
            raise ValueError("home, acceleration and jerk must have a value for each joint")


def find_arm_file(arm: str) -> Path:
    """YAML of an arm given by name (``fr3``), by its path, or by that of the URDF it lies beside.

    Raises:
        UnihmError: INVALID_CONFIG where there is none.
    """
    if arm.endswith((".yaml", ".yml")):
        if Path(arm).is_file():
            return Path(arm)
        raise UnihmError(ErrorCode.INVALID_CONFIG, f"There is no arm file {arm}.")
    if arm.endswith(DESCRIPTIONS):
        urdf = resolve_path(arm, Path())
        path = urdf.with_name(f"{urdf.name.split('.')[0]}.yaml")
        if path.is_file():
            return path
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"{urdf} says what the arm is made of; write {path} beside it with its flange, home, "
            "acceleration and jerk, as config/robots/fr3.yaml has them.",
        )
    known = {path.stem: path for path in sorted((config_dir() / "robots").glob("*.yaml"))}
    if arm in known:
        return known[arm]
    raise UnihmError(
        ErrorCode.INVALID_CONFIG,
        f"No arm is called '{arm}'. There are: {', '.join(known)}; or give the path of an arm's "
        "YAML.",
    )


def read_arm_spec(path: Path) -> ArmSpec:
    """Read an arm's YAML.

    Raises:
        UnihmError: INVALID_CONFIG with the file's name and what is wrong in it.
    """
    return from_mapping(ArmSpec, {**read_yaml(path), "path": str(path)}, path.name)


def read_arm_urdf(spec: ArmSpec, urdf: Path | None = None) -> Urdf:
    """The description that an arm's YAML names, or ``urdf`` instead; it has the flange.

    Raises:
        UnihmError: INVALID_HAND_FILE; INVALID_CONFIG where it has no such flange.
    """
    reference, arguments = split_arguments(spec.urdf)
    path = urdf or resolve_path(reference, spec.path.parent)
    found = read_urdf(path, arguments=arguments)
    if spec.flange not in found.links:
        leaves = set(found.links) - {joint.parent for joint in found.joints}
        raise UnihmError(
            ErrorCode.INVALID_CONFIG,
            f"{path} has no link '{spec.flange}', which {spec.path.name} names as the flange; its "
            f"last links are {', '.join(sorted(leaves))}.",
        )
    return found
