"""Every example, run as its first lines say."""

from __future__ import annotations

import runpy
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
RUN_HERE = (
    "01_pipeline",
    "02_send_an_instruction",
    "03_refine_a_motion",
    "04_retarget_a_recording",
    "06_your_own_scene",
)

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run an example with arguments, and return what it printed."""

    def example(name: str, *arguments: object) -> str:
        path = str(EXAMPLES / f"{name}.py")
        monkeypatch.setattr(sys, "argv", [path, *map(str, arguments)])
        runpy.run_path(path, run_name="__main__")
        return capsys.readouterr().out

    return example


def test_every_example_is_run_here() -> None:
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(RUN_HERE)


@pytest.mark.slow
@pytest.mark.render
@pytest.mark.usefixtures("rendered_world")  # skips where nothing can be rendered
def test_01_pipeline(run: Run, tmp_path: Path) -> None:
    printed = run("01_pipeline", tmp_path)
    assert "OBJECT_NOT_FOUND: There is no" in printed
    with np.load(tmp_path / "motion.npz") as motion:
        assert motion["T_world_wrist"].shape == (len(motion["joints"]), 4, 4)


@pytest.fixture
def coordinator(domain_id: int) -> Iterator[list[str]]:
    """An action server that does whatever it is told; the sentences that it was told."""
    rclpy = pytest.importorskip("rclpy")
    from rclpy.action import ActionServer
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from unihm_msgs.action import Manipulate

    told: list[str] = []

    def execute(goal: Any) -> Manipulate.Result:
        told.append(goal.request.instruction)
        goal.publish_feedback(Manipulate.Feedback(stage="planner", progress=0.1, attempt=1))
        goal.succeed()
        return Manipulate.Result(attempts=1)

    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id)
    node = Node("coordinator", namespace="unihm", context=context)
    server = ActionServer(node, Manipulate, "manipulate", execute)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    done = threading.Event()

    def spin() -> None:
        while not done.is_set():
            executor.spin_once(timeout_sec=0.1)

    thread = threading.Thread(target=spin)
    thread.start()
    yield told
    done.set()
    thread.join()
    executor.shutdown()
    server.destroy()
    node.destroy_node()
    context.try_shutdown()


@pytest.mark.ros
def test_02_send_an_instruction(run: Run, coordinator: list[str]) -> None:
    printed = run("02_send_an_instruction", "pick up the green mug")
    assert printed.splitlines()[-1] == "done"
    assert coordinator == ["pick up the green mug"]


def test_03_refine_a_motion(run: Run, tmp_path: Path) -> None:
    printed = run("03_refine_a_motion", tmp_path)
    lines = [line.replace(" mm", "").split() for line in printed.splitlines()]
    changes = [(float(before), float(after)) for *_, before, _, after in lines]
    assert len(changes) == 6  # penetration, and five fingers
    assert all(after < 0.4 * before for before, after in changes)
    assert {"rough.npz", "refined.npz"} <= {path.name for path in tmp_path.iterdir()}


def test_04_retarget_a_recording(run: Run, tmp_path: Path) -> None:
    printed = run("04_retarget_a_recording", tmp_path)
    assert len(printed.splitlines()) == 4
    with np.load(tmp_path / "shadow.npz") as motion:
        assert motion["joints"].shape == (60, 24)


@pytest.mark.slow
@pytest.mark.render
@pytest.mark.usefixtures("rendered_world")
def test_06_your_own_scene(run: Run, tmp_path: Path) -> None:
    assert "The thing is at (0.4" in run("06_your_own_scene", tmp_path)
    assert (tmp_path / "gym.png").stat().st_size > 10_000
