"""Settings of the refinement, and the two presets ``default`` and ``paper``."""

from __future__ import annotations

from dataclasses import field
from typing import Any, Literal

from unihm.config import Count, Natural, NotNegative, Positive, settings


@settings()
class RefinementConfig:
    """What the refined motion shall satisfy, and how hard to try.

    Energies have no unit: 1 is one standard deviation, so a weight is 1 / sigma^2 of what it
    weighs. The default values are the project's own; :meth:`paper` gives the paper's.

    Attributes:
        alpha: stiffness of equation 12 outside, 1/m^2 (times ``contact_weight``).
        k: steepness of equation 12 inside, 1/m. At 1 the inside branch is a second spring, within
            1 % at a depth of 1 cm; at 500 one millimetre inside costs as much as 1.1 mm outside,
            and 1 cm as much as 3.4 cm.
        contact_weight: lambda_c of equation 13.
        penetration_weight: the same for every other link, inside only.
        self_collision_weight: 1/m^2 of overlap between links of different fingers.
        opposition_weight: 1/m^2 of the lever between the thumb's and the fingers' normals.
        joint_prior: diagonal of W_gen for the joints, 1/rad^2 (1/m^2 where sliding).
        wrist_position_prior: the same for the wrist's position, 1/m^2.
        wrist_rotation_prior: and for its rotation, 1/rad^2.
        velocity_prior: W_vel of equation 15, as a fraction of W_gen.
        acceleration_prior: W_acc, likewise.
        velocity_of: whose first difference W_vel weighs: the ``motion``'s as in equation 15, which
            slows it down, or that of the ``correction``, which only keeps it even.
        schedule: ``phases`` attracts pads to the surface from the end of GRASP to the end of HOLD,
            makes HOLD one constant grasp, and forbids penetration in every frame; ``always``
            attracts all pads in all frames.
        hold_slide: metres; a motion whose wrist strays farther from its mean place in HOLD is
            refused, for it is not the one grasp that ``phases`` makes of it; 0 refuses none.
        reach: metres; a pad that starts farther from the surface keeps its prior.
        touch: metres; a pad that ends farther away than this could not reach and is let go.
        neighbours: surface points that a local tangent plane is averaged over.
        body_spheres: spheres of the links, the nearest to the object, that are kept out of it.
        self_pairs: pairs of spheres of different fingers, the nearest, that are kept apart.
        iterations: Gauss-Newton iterations per frame.
        grasp_iterations: the same for the one grasp of all HOLD frames.
        warm_start: begin a frame with the correction of the frame before it; otherwise, as in
            Algorithm 1, with the generated motion.
        damping: first Levenberg-Marquardt factor; it scales the diagonal of the prior weights.
        tolerance: a step whose components (radians, metres) are all smaller ends a frame; 0: never.
        wrist_shift: metres the wrist may move from where it was generated.
        wrist_turn: radians, likewise.
        velocity_limit: radians per second that no joint exceeds; 0 takes the hand's own limits.
        acceleration_limit: radians per second^2; 0 takes the largest of the motion that comes in.
        friction: Coulomb coefficient for the contact forces of the report.
        mass: kilograms that the contact forces of the report hold up.
        terms: weights of further terms by the names they are registered under; see
            :mod:`unihm.refinement.terms`.
    """

    alpha: Positive = 1.0
    k: Positive = 500.0
    contact_weight: Positive = 1e6
    penetration_weight: NotNegative = 1e6
    self_collision_weight: NotNegative = 1e6
    opposition_weight: NotNegative = 1e4
    joint_prior: Positive = 40.0
    wrist_position_prior: Positive = 1.5e4
    wrist_rotation_prior: Positive = 150.0
    velocity_prior: NotNegative = 0.5
    acceleration_prior: NotNegative = 0.1
    velocity_of: Literal["motion", "correction"] = "correction"
    schedule: Literal["phases", "always"] = "phases"
    hold_slide: NotNegative = 0.0
    reach: Positive = 0.025
    touch: Positive = 0.004
    neighbours: Count = 8
    body_spheres: Natural = 24
    self_pairs: Natural = 12
    iterations: Count = 5
    grasp_iterations: Count = 30
    warm_start: bool = True
    damping: Positive = 1.0
    tolerance: NotNegative = 1e-4
    wrist_shift: Positive = 0.03
    wrist_turn: Positive = 0.35
    velocity_limit: NotNegative = 0.0
    acceleration_limit: NotNegative = 0.0
    friction: Positive = 0.5
    mass: Positive = 0.3
    terms: dict[str, NotNegative] = field(default_factory=dict)

    @classmethod
    def paper(cls, **changes: Any) -> RefinementConfig:
        """Equations 11 to 18 and Algorithm 1 as printed: alpha = k = 1, weights times identity.

        The paper does not print lambda_c nor the factors of the identity; those here let a
        fingertip 1 cm away and a joint 0.1 rad away pull alike. ``changes`` replace settings.
        """
        settings: dict[str, Any] = {
            "k": 1.0,
            "contact_weight": 1e2,
            "penetration_weight": 0.0,
            "self_collision_weight": 0.0,
            "opposition_weight": 0.0,
            "joint_prior": 1.0,
            "wrist_position_prior": 1.0,
            "wrist_rotation_prior": 1.0,
            "velocity_of": "motion",
            "schedule": "always",
            "reach": 1e3,
            "touch": 1e3,
            "warm_start": False,
            "neighbours": 1,
            "body_spheres": 0,
            "self_pairs": 0,
            "wrist_shift": 1e3,
            "wrist_turn": 1e3,
        }
        return cls(**{**settings, **changes})
