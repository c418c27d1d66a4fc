"""Energies as residual terms: each a function of the state that returns r and dr/dy.

A term's energy is 1/2 r.r; the solver stacks the residuals of whatever terms it is given. The
quadratic priors of equations 14 and 15 are terms like the others; the solver takes what they add up
to, :class:`Prior`.

A new term is one file anywhere, and neither the solver nor the configuration is touched::

    @register_term("wrist_height")
    class WristHeight:
        def __init__(self, weight): self.weight = weight
        def __call__(self, state): ...  # residual (B, R) and its derivative (B, R, D)

``refine(motion, cloud, RefinementConfig(terms={"wrist_height": 9e6}))``, or a preset's
``refinement: {terms: {"my_terms:wrist_height": 9e6}}``, which imports the module ``my_terms``
first, so that nodes and commands find it, too; the report lists the term's energy. A term object
may also be given to ``refine(..., terms=[...])`` as it is.

Shapes: B sequences, P points, R residuals, D coordinates (see :mod:`unihm.refinement.chain`).
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from unihm.errors import ErrorCode, UnihmError
from unihm.refinement.backend import Backend
from unihm.refinement.chain import ChainArrays, LinkPointsAt


@dataclass
class State:
    """One configuration per sequence, and everything the terms need of it.

    Attributes:
        arrays: the hand's constants.
        y: (B, D) the configuration.
        links: (B, 1 + M, 4, 4).
        screws: of all moving coordinates, for :meth:`ChainArrays.rows`.
        probes: the spheres; the first F are the pads.
        x: (B, P, 3) their centres in the object frame.
        n: (B, P, 3) normals of the surface next to them.
        d: (B, P) signed distance of the sphere from the tangent plane, equation 11, pad included.
    """

    arrays: ChainArrays
    y: Any
    links: Any
    screws: Any
    probes: LinkPointsAt
    x: Any
    n: Any
    d: Any


class Term(Protocol):
    """A residual term."""

    def __call__(self, state: State) -> tuple[Any, Any]:
        """Residual (B, R) and its derivative (B, R, D)."""
        ...


Factory = TypeVar("Factory", bound=Callable[[float], Term])
_FACTORIES: dict[str, Callable[[float], Term]] = {}


def register_term(name: str) -> Callable[[Factory], Factory]:
    """Decorate a class, or a function, that makes a term from its weight, 1 / sigma^2."""

    def register(factory: Factory) -> Factory:
        _FACTORIES[name] = factory
        return factory

    return register


def make_terms(weights: Mapping[str, float]) -> list[tuple[str, Term]]:
    """Names and terms for ``weights``, by name or ``module:name``, of which 0 makes none.

    Raises:
        UnihmError: INVALID_CONFIG for a name that nobody registered.
    """
    made = []
    for reference, weight in weights.items():
        module, _, name = reference.rpartition(":")
        try:
            if module:
                importlib.import_module(module)
        except ImportError as error:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG, f"The term {reference} cannot be imported: {error}."
            ) from error
        if name not in _FACTORIES:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG,
                f"No refinement term is registered as '{name}'. "
                f"There are: {', '.join(sorted(_FACTORIES)) or 'none'}.",
            )
        if weight > 0:
            made.append((name, _FACTORIES[name](weight)))
    return made


@dataclass
class Contact:
    """Equations 12 and 13: pads to the surface, and everything out of the object.

    Attributes:
        outside: (B, P) square root of lambda_c where a probe is attracted, else 0.
        inside: (B, P) square root of the weight of penetration.
        alpha: 1/m^2.
        k: 1/m.
    """

    outside: Any
    inside: Any
    alpha: float
    k: float

    def __call__(self, state: State) -> tuple[Any, Any]:
        """R = P: one residual per probe; B19 with correspondences fixed."""
        arrays = state.arrays
        r, along = arrays.ops.contact(
            state.d, state.n, self.outside, self.inside, self.alpha, self.k
        )
        return r, arrays.rows(state.screws, state.x, along, state.probes.moved_by)


@dataclass
class SelfCollision:
    """Overlap of spheres of different fingers, r = w min(gap, 0).

    Attributes:
        first: the spheres of each pair.
        second: their partners.
        weight: square root of the weight, 1/m.
    """

    first: LinkPointsAt
    second: LinkPointsAt
    weight: float

    def __call__(self, state: State) -> tuple[Any, Any]:
        """R = pairs."""
        arrays, ops = state.arrays, state.arrays.ops
        a = arrays.points(state.links, self.first)
        b = arrays.points(state.links, self.second)
        way = a - b
        length = ops.xp.sqrt(ops.dot(way, way) + 1e-18)
        gap = length - self.first.radius - self.second.radius
        direction = way / length[..., None]
        rows = arrays.rows(state.screws, a, direction, self.first.moved_by) - arrays.rows(
            state.screws, b, direction, self.second.moved_by
        )
        overlap = -ops.positive(-gap)
        return self.weight * overlap, (self.weight * (gap < 0))[..., None] * rows


@dataclass
class Opposition:
    """The thumb's contact and the fingers' contacts on one line along both normals.

    Two contacts can hold an object against any wrench but a turn about their line when that line
    lies in both friction cones (Nguyen 1988). The residual is the part of the line, from the
    fingers' mean contact to the thumb's, that is across the thumb's normal, and likewise across
    the fingers' mean normal; both are taken as fixed, like all correspondences.

    Attributes:
        side: (B, F) +weight for the thumb, -weight / count for each finger in contact, else 0.
    """

    side: Any

    def __call__(self, state: State) -> tuple[Any, Any]:
        """R = 6."""
        arrays, ops, xp = state.arrays, state.arrays.ops, state.arrays.ops.xp
        count = self.side.shape[1]
        n = state.n[:, :count]
        contact = state.x[:, :count] - state.probes.radius[:, :count, None] * n
        moved_by = state.probes.moved_by[:, :count]
        derivative = []
        for axis in range(3):
            direction = xp.zeros_like(contact)
            direction[..., axis] = 1.0
            rows = arrays.rows(state.screws, state.x[:, :count], direction, moved_by)
            derivative.append((self.side[..., None] * rows).sum(1))
        derivative = xp.stack(derivative, 1)  # (B, 3, D) of the line
        line, thumb, fingers = opposing_line(contact, n, self.side, ops)
        r, J = [], []
        for normal in (thumb, fingers):
            along = ops.dot(normal, line)[..., None]
            r.append(line - along * normal)
            J.append(derivative - normal[..., None] * (normal[:, None] @ derivative))
        return xp.concatenate(r, 1), xp.concatenate(J, 1)


def opposing_line(contact: Any, n: Any, side: Any, ops: Backend) -> tuple[Any, Any, Any]:
    """Weighted line (B, 3) from the fingers' mean contact to the thumb's, and both unit normals.

    Args:
        contact: (B, F, 3) points on the surface.
        n: (B, F, 3) its normals there.
        side: (B, F), see :class:`Opposition`.
        ops: where they live.
    """
    side = side[..., None]
    thumb = _unit((ops.positive(side) * n).sum(1), ops)
    fingers = _unit((ops.positive(-side) * n).sum(1), ops)
    return (side * contact).sum(1), thumb, fingers


def _unit(v: Any, ops: Backend) -> Any:
    """Unit vectors (B, 3); zero stays zero."""
    return v / (ops.xp.sqrt(ops.dot(v, v)) + 1e-12)[..., None]


@dataclass
class Quadratic:
    """1/2 (y - mean)^T W (y - mean): equation 14, and each half of equation 15.

    The mean is the generated frame under ``W_gen``, the frame before under ``W_vel``, and
    ``2 before - before_that`` under ``W_acc``.

    Attributes:
        mean: (B, D).
        weight: (D, D) symmetric positive definite W.
    """

    mean: Any
    weight: Any

    def __call__(self, state: State) -> tuple[Any, Any]:
        """R = D: r = L^T (y - mean) with W = L L^T."""
        ops = state.arrays.ops
        L = ops.xp.linalg.cholesky(self.weight)
        return (state.y - self.mean) @ L, L.T + ops.zeros(len(state.y), 1, 1)


class Prior:
    """What quadratic terms of one frame add up to: they enter the normal equations directly.

    Their sum is one quadratic form: its matrix is the sum of theirs (B23), its gradient W-tilde of
    B24, and its energy theirs but for a constant.

    Args:
        terms: of equations 14 and 15.
        matrix: the sum of their weights (D, D).
        inverse: of ``matrix``.
        ops: where they live.

    Attributes:
        matrix: as given.
        scale: (B, D) its diagonal.
    """

    def __init__(self, terms: Sequence[Quadratic], matrix: Any, inverse: Any, ops: Backend) -> None:
        self.matrix, self._ops = matrix, ops
        weighted = terms[0].mean @ terms[0].weight
        for term in terms[1:]:
            weighted = weighted + term.mean @ term.weight
        self._mean = weighted @ inverse
        self.scale = ops.zeros(*self._mean.shape) + ops.xp.diag(matrix)

    def __call__(self, y: Any) -> tuple[Any, Any, Any]:
        """Energy (B,), gradient (B, D) and matrix (B, D, D), which may be written to."""
        return self._ops.quadratic(y, self._mean, self.matrix)
