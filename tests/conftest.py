"""Episodes for tests that need motions but no physics: boxes, and hands that close on them."""

from __future__ import annotations

import fcntl
import itertools
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from unihm.errors import ErrorCode, UnihmError
from unihm.learning.datasets.episode import Episode
from unihm.learning.training.tokenizer import collect_motions, train_tokenizer
from unihm.perception.trajectory import make_trajectory
from unihm.robots import load_hand
from unihm.sim.world import World
from unihm.tokenizer import Tokenizer, TokenizerConfig, TokenizerTraining
from unihm.transforms import interpolate, invert, make_transform, minimum_snap
from unihm.types import HandMotion, ObjectCloud, TaskKind

DOMAINS = 100  # of those up to 101 the ports are free on every Linux
# In an order of this process's own, so that two that test at once seldom follow each other.
_domains = itertools.cycle(Random(os.getpid()).sample(range(1, 1 + DOMAINS), DOMAINS))

# Where the tests run in the background of a shell, Ctrl-C is ignored, and so it would be in every
# process that they start: but how those end on Ctrl-C is a part of what is tested. And tests that
# are told to end, end what they have started.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or leaves a state of the user's, such as an engaged emergency stop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@contextmanager
def own_domain() -> Iterator[int]:
    """A ROS domain that nothing else on this machine tests in meanwhile; the environment has it.

    Whoever holds the lock of a domain's file has the domain; it ends with the process at the
    latest. Each is another than the last ones: what a killed process leaves in the middleware's
    shared memory disturbs whoever comes next in its domain.
    """
    for domain in itertools.islice(_domains, DOMAINS):
        path = Path(tempfile.gettempdir()) / f"unihm-ros-domain-{domain}.lock"
        try:
            lock = path.open("a")
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # taken, or the file is another user's
            continue
        with lock, pytest.MonkeyPatch.context() as patch:
            patch.setenv("ROS_DOMAIN_ID", str(domain))
            patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
            yield domain
        return
    pytest.fail("Every ROS domain is in use by tests.")


@pytest.fixture
def domain_id() -> Iterator[int]:
    """A ROS_DOMAIN_ID of this test's own; set in the environment too."""
    with own_domain() as domain:
        yield domain


@pytest.fixture(scope="module")
def module_domain_id() -> Iterator[int]:
    """A ROS_DOMAIN_ID of this module's own; set in the environment too."""
    with own_domain() as domain:
        yield domain


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that share a trained tokenizer or a renderer stay in one process: it is made once.

    Whole graphs in real time (group "graphs") run one after the other, not beside each other.
    Tests of several processes in real time get a second chance: a machine that is busy with
    something else can let any deadline pass. The summary counts what was run again.
    """
    for item in items:
        if "tokenizer" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
        if item.get_closest_marker("ros") or item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.flaky(reruns=1))
        if item.get_closest_marker("render") and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group("render"))


@pytest.fixture(scope="session")
def rendered_world() -> World:
    """The demo's table with the XHand, at home and settled; tests leave it so."""
    try:
        return World("table", seed=3)
    except UnihmError as error:
        if error.code is ErrorCode.MISSING_DEPENDENCY:
            pytest.skip(error.message)
        raise


def box_episode(number: int, hands: tuple[str, ...], random: np.random.Generator) -> Episode:
    """A box of random size; every hand takes it from above, wider open the wider the box."""
    half = np.sort(random.uniform(0.015, 0.05, 3))[::-1]
    trajectory = make_trajectory(
        TaskKind(int(random.integers(3))),
        make_transform(np.eye(3), [0.5, 0.0, half[2]]),
        pick_point=np.array([0.5, 0.0, 2 * half[2]]),
        place_position=np.array([0.5, 0.2, 0.0]),
        push_direction=np.array([1.0, 0.0]),
    )
    frames = len(trajectory)
    fingers_down = Rotation.from_euler("y", np.pi / 2)
    yaw = Rotation.from_euler("z", 10.0 * (half[0] - half[1]))
    rotation = (yaw * fingers_down).as_matrix()
    grasp = np.array([0.0, -half[1] - 0.02, half[2] + 0.05])
    approach = np.ones(frames)
    approach[:12] = minimum_snap(np.arange(12) / 11)
    T_object_palm = interpolate(
        make_transform(rotation, grasp + np.array([0.0, -0.03, 0.12])),
        make_transform(rotation, grasp),
        approach,
    )
    closing = np.ones(frames)
    closing[:12] = 0.0
    closing[12:20] = minimum_snap(np.arange(1, 9) / 8)
    motions = {}
    for name in hands:
        hand = load_hand(name)
        reach = hand.closed_joints - hand.open_joints
        joints = hand.open_joints + (1.0 - 10.0 * half[1]) * closing[:, None] * reach
        T_object_wrist = T_object_palm @ invert(hand.T_wrist_palm)
        motions[name] = HandMotion(name, T_object_wrist, hand.clip(joints), trajectory)
    points = random.uniform(-1.0, 1.0, (600, 3))
    axis = random.integers(3, size=600)
    side = np.sign(points[np.arange(600), axis])
    points[np.arange(600), axis] = side
    normals = np.zeros((600, 3))
    normals[np.arange(600), axis] = side
    return Episode(
        episode_id=f"box-{number:04d}",
        source="synth",
        object_id=f"box-{number:04d}",
        instructions=("pick up the box", "please take the red block"),
        trajectory=trajectory,
        cloud=ObjectCloud(points * half, normals),
        motions=motions,
    )


@pytest.fixture(scope="session")
def make_box_episodes() -> Callable[..., list[Episode]]:
    """``make_box_episodes(count, hands, seed)``."""

    def make(count: int, hands: tuple[str, ...], seed: int = 0) -> list[Episode]:
        random = np.random.default_rng(seed)
        return [box_episode(number, hands, random) for number in range(count)]

    return make


@pytest.fixture(scope="session")
def tokenizer_config() -> TokenizerConfig:
    """A tokenizer that is trained in seconds."""
    training = TokenizerTraining(
        warmup_epochs=10,
        reference_epochs=20,
        align_epochs=5,
        tune_epochs=20,
        refresh_every=5,
        batch=8,
    )
    return TokenizerConfig(
        chunk=4,
        levels=3,
        codebook_size=64,
        latent=16,
        hidden=32,
        depth=1,
        reference="human",
        hands=("human", "xhand"),
        training=training,
    )


@pytest.fixture(scope="session")
def tokenizer(
    tokenizer_config: TokenizerConfig,
    make_box_episodes: Callable[..., list[Episode]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Tokenizer:
    """Trained on 60 boxes of seed 0; tests leave it as it is."""
    motions = collect_motions(make_box_episodes(60, tokenizer_config.hands), tokenizer_config.hands)
    return train_tokenizer(tokenizer_config, motions, {}, tmp_path_factory.mktemp("tokenizer"))
