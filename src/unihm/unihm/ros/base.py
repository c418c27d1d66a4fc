"""What every node has: described parameters, one status topic, diagnostics, a life cycle."""

from __future__ import annotations

import copy
import secrets
import time
import traceback
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import rclpy.subscription
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor
from rclpy.action import ActionClient, ActionServer
from rclpy.clock import Clock, ClockType
from rclpy.exceptions import ParameterException
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from std_msgs.msg import Header
from unihm_msgs.msg import Heartbeat, Measurement, StageStatus, StopTask, Task

from unihm.errors import ErrorCode, UnihmError
from unihm.ros.clock_watch import ClockWatch
from unihm.ros.conversions import time_to_seconds
from unihm.ros.executor import told_sender
from unihm.ros.qos import (
    HEARTBEAT,
    RELIABLE,
    STATUS,
    is_foreign,
    publisher_events,
    subscription_events,
)
from unihm.ros.senders import HELD_BACK, NotYet, Senders, Twin

# Humble's callbacks are not told where a message comes from.
_TOLD_SENDER = hasattr(rclpy.subscription, "MessageInfo")
_REMEMBERED_TASKS = 32
_LOOK = 0.25  # s between looks at the clock, and at who publishes where one node alone may
_RETRY = 0.02  # s
_UNDECIDED = 32  # messages


@dataclass
class _Arrival:
    """A message and what is known of it."""

    topic: str
    message: Any
    gid: bytes | None  # of its publisher
    callback: Callable[[Any], None]
    time: float  # s, steady


class UnihmNode(LifecycleNode):
    """A life-cycle node that reports on tasks and can be told to drop one.

    A subclass sets :attr:`stage`, overrides :meth:`load` for what takes long or can fail,
    :meth:`prepare` for what is the same in many, :meth:`on_task` and :meth:`on_stop_task`.

    Attributes:
        stage: its word in :class:`StageStatus` and in feedback.
        batch: s between two looks for messages, where it is a process of its own and rclpy has no
            EventsExecutor; 0: it is woken by each, as who streams to a driver has to be.
        priority: of its thread that listens and speaks, where the machine allows that
            (:func:`unihm.ros.priority.put_first`); 0: an ordinary thread.
        nice: by how much it stands back for other processes, as nice(1) counts: who computes may be
            late, who moves something may not.
        believes_anyone: it only shows what is said, and does not ask who says it.
        fault: why it is not active, if it is not.
        robot_namespace: of the drivers, the camera and all else whose names begin with a slash.
        clock_watch: notices jumps of the node's clock.
        trespass: who publishes where only one node may, if somebody does: then nothing moves.
        task_id: of the task that the coordinator gave last.
        dropped: messages that could not be taken, by topic and sender.
    """

    stage = ""
    batch: ClassVar[float] = 0.01
    priority: ClassVar[int] = 1
    nice: ClassVar[int] = 0
    believes_anyone: ClassVar[bool] = False

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self.fault: UnihmError | None = UnihmError(
            ErrorCode.INTERNAL, f"The {name} node is not active yet."
        )
        self.trespass: UnihmError | None = None
        self.task_id = ""
        self._given: deque[str] = deque(maxlen=_REMEMBERED_TASKS)
        self._stopped: deque[str] = deque(maxlen=_REMEMBERED_TASKS)
        self._counts = {"succeeded": 0, "failed": 0, "stopped": 0}
        self._last = ""
        self.dropped: Counter[str] = Counter()
        self._senders = Senders(self)
        self._undecided: deque[_Arrival] = deque(maxlen=_UNDECIDED)
        self._steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._retry = self.create_timer(_RETRY, self._decide, clock=self._steady)
        self._retry.cancel()
        self.clock_watch = ClockWatch(self.get_clock())
        self.clock_watch.listen(self._on_clock_jump)
        self.create_timer(_LOOK, self.look_around, clock=self._steady)
        self.preset = self.declare(
            "preset", "tiny", "Configuration and weights: a file in config/presets."
        )
        self.world_frame = self.declare("world_frame", "world", "Frame that poses are given in.")
        self.robot_namespace = self.declare(
            "robot_namespace",
            "",
            "Before every name that begins with a slash, the clock's aside: with left, "
            "/joint_states is /left/joint_states.",
        ).strip("/")
        self._warns_of_qos = self.declare(
            "qos_warnings",
            True,
            "Warn where the QoS of a driver or camera does not fit; every message costs a little "
            "more.",
        )
        self._status = self.publisher(StageStatus, "status", STATUS)
        self._diagnostics = self.publisher(DiagnosticArray, "/diagnostics", RELIABLE)
        self._life = secrets.randbits(32)
        self._beats = self.publisher(Heartbeat, f"heartbeat/{self.get_name()}", HEARTBEAT)
        period = self.declare(
            "heartbeat_period", 0.1, "Seconds between two words that this node is alive.", 0.02, 1.0
        )
        self.create_timer(period, self.beat, clock=self._steady)
        self.subscription(Task, "task", self._on_task, RELIABLE)
        self.subscription(StopTask, "stop", self._on_stop, RELIABLE)
        self.create_timer(1.0, self._publish_diagnostics, clock=self._steady)

    # ------------------------------------------------------------ for subclasses

    @classmethod
    def prepare(cls) -> None:
        """Do what takes long and is the same in every process; once, before it is forked."""

    def load(self) -> None:
        """Read weights and files; a :class:`UnihmError` leaves the node unconfigured."""

    def on_task(self, task: Task) -> None:
        """The coordinator has given a new task."""

    def on_stop_task(self, task_id: str, code: ErrorCode) -> None:
        """The task is over; drop it."""

    def on_clock_jump(self, error: UnihmError) -> None:
        """The node's clock has jumped: what was timed by it is worth nothing."""

    def end(self) -> None:
        """Stop the node's own threads; called before it is destroyed, while it is still spun."""

    def destroy_node(self) -> None:
        """Destroy the node with all that it has, so that others see it go at once.

        rclpy keeps a node's actions and its life-cycle until the garbage collector comes by: until
        then everybody sees the dead beside its successor, and clients that count servers wait.
        """
        for waitable in list(self.waitables):
            if isinstance(waitable, (ActionClient, ActionServer)):
                waitable.destroy()
        super().destroy_node()
        del self._state_machine

    def declare(
        self,
        name: str,
        default: Any,
        description: str,
        low: float | None = None,
        high: float | None = None,
    ) -> Any:
        """Declare a parameter, which is read once and cannot be set later, and return its value.

        Args:
            name: of the parameter.
            default: its value unless one is given; its type is the parameter's type.
            description: a sentence for ``ros2 param describe``.
            low, high: inclusive bounds of a number.

        Raises:
            UnihmError: INVALID_CONFIG for a value of another type (in a YAML file 5 is no float,
                5.0 is), or out of bounds.
        """
        descriptor = ParameterDescriptor(description=description, read_only=True)
        if low is not None and high is not None:
            if isinstance(default, float):
                bounds = FloatingPointRange(from_value=float(low), to_value=float(high))
                descriptor.floating_point_range = [bounds]
            else:
                descriptor.integer_range = [IntegerRange(from_value=int(low), to_value=int(high))]
        try:
            return self.declare_parameter(name, default, descriptor).value
        except ParameterException as error:
            raise UnihmError(
                ErrorCode.INVALID_CONFIG, f"Parameter {name} of {self.get_name()}: {error}."
            ) from error

    def outside(self, name: str) -> str:
        """A topic, service or action, in :attr:`robot_namespace` where it begins with a slash.

        So the drivers and cameras of two robots on one network are told apart.
        """
        if name.startswith("/") and self.robot_namespace:
            return f"/{self.robot_namespace}{name}"
        return name

    def publisher(
        self, kind: type, topic: str, qos: QoSProfile, *, alone: bool = False
    ) -> Publisher:
        """A publisher whose QoS parameters can override (``qos_overrides.<topic>.publisher.*``).

        Args:
            alone: nobody else may publish there, or nothing moves: commands to a driver.
        """
        if alone:
            self.watch(self.outside(topic), self.get_name())
        return self.create_publisher(
            kind,
            self.outside(topic),
            copy.copy(qos),  # overriding changes it in place
            event_callbacks=publisher_events(self._warns(topic)),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def subscription(self, kind: type, topic: str, callback: Any, qos: QoSProfile) -> Subscription:
        """A subscription whose QoS parameters can override.

        A message that is not its sender's (:mod:`unihm.ros.senders`) is dropped. Whatever the
        callback makes of one, the node lives on: one that it cannot take is dropped, counted on
        ``/diagnostics`` with its publisher and told of in the log.
        """

        def receive(message: Any, info: Any) -> None:
            gid = info.get("publisher_gid")
            now = self._steady.now().nanoseconds * 1e-9
            self._admit(_Arrival(topic, message, gid and gid["data"], callback, now))

        return self.create_subscription(
            kind,
            self.outside(topic),
            told_sender(receive) if _TOLD_SENDER else lambda message: receive(message, {}),
            copy.copy(qos),
            event_callbacks=subscription_events(self._warns(topic)),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def _warns(self, topic: str) -> bool:
        return self._warns_of_qos and is_foreign(topic)

    def _admit(self, arrival: _Arrival) -> None:
        """Check a message, hand it to its callback, or drop it."""
        try:
            if not self.believes_anyone:
                self._senders.check(arrival.topic, arrival.message, arrival.gid)
            arrival.callback(arrival.message)
        except NotYet as error:
            if self._steady.now().nanoseconds * 1e-9 - arrival.time > HELD_BACK:
                self._drop(arrival, error.message)
            else:
                self._undecided.append(arrival)
                self._retry.reset()
        except UnihmError as error:
            self._drop(arrival, error.message)
        except Exception as error:
            self.get_logger().debug(traceback.format_exc())
            self._drop(arrival, repr(error))

    def _decide(self) -> None:
        """Look again at the messages that could not be judged when they came."""
        self._retry.cancel()
        waiting = list(self._undecided)
        self._undecided.clear()
        for arrival in waiting:
            self._admit(arrival)

    def _drop(self, arrival: _Arrival, reason: str) -> None:
        publisher = self._senders.name_of(self.outside(arrival.topic), arrival.gid)
        self.dropped[f"{arrival.topic} from {publisher}"] += 1
        self.get_logger().warning(
            f"A message on {arrival.topic} was dropped: {reason}", throttle_duration_sec=5.0
        )

    def watch(self, topic: str, name: str) -> None:
        """Nothing moves while another node than ``name`` publishes on a topic."""
        self._senders.watch(topic, name)

    def look_around(self) -> None:
        """Look at the clock, and at who publishes where one node alone may (:attr:`trespass`).

        Where somebody else has begun to, the task at hand fails. Not so for another of the same
        name: it may have been killed, and two that live are told apart by their heartbeats.
        """
        self.clock_watch.look()
        before, self.trespass = self.trespass, self._senders.trespass()
        if self.trespass is None or type(before) is type(self.trespass):
            return
        self.get_logger().error(self.trespass.message)
        at_hand = self.task_id and not self.is_stopped(self.task_id)
        if at_hand and not isinstance(self.trespass, Twin):
            self.fail(self.task_id, self.trespass)

    # ------------------------------------------------------------ tasks

    @property
    def seconds(self) -> float:
        """Now, by the node's clock (simulated where ``use_sim_time`` is set)."""
        return self.get_clock().now().nanoseconds * 1e-9

    def header(self, frame_id: str = "") -> Header:
        """A header of now."""
        return Header(stamp=self.get_clock().now().to_msg(), frame_id=frame_id or self.world_frame)

    def is_stopped(self, task_id: str) -> bool:
        """True after the coordinator has ended the task."""
        return task_id in self._stopped

    def report(
        self,
        task_id: str,
        state: int,
        *,
        stage: str = "",
        error: UnihmError | None = None,
        progress: float = 0.0,
        duration: float = 0.0,
        measurements: list[Measurement] | None = None,
    ) -> None:
        """Publish the stage's status of a task."""
        outcome = {
            StageStatus.SUCCEEDED: "succeeded",
            StageStatus.FAILED: "failed",
            StageStatus.STOPPED: "stopped",
        }.get(state)
        if outcome:
            self._counts[outcome] += 1
            self._last = error.message if error else outcome
        if error:
            self.get_logger().warning(f"{task_id}: {error.message} [{error.code.name}]")
        self._status.publish(
            StageStatus(
                header=self.header(),
                task_id=task_id,
                stage=stage or self.stage,
                state=state,
                error_code=int(error.code) if error else 0,
                error_msg=error.message if error else "",
                progress=progress,
                duration=duration,
                measurements=measurements or [],
            )
        )

    def fail(self, task_id: str, error: UnihmError, duration: float = 0.0) -> None:
        """Report that the stage could not do its part."""
        self.report(task_id, StageStatus.FAILED, error=error, duration=duration)

    def _on_clock_jump(self, error: UnihmError) -> None:
        self.get_logger().error(error.message)
        self.on_clock_jump(error)

    def check_live(self, task_id: str, former: bool = False) -> None:
        """Refuse a message of a task that is not the last one given.

        Args:
            task_id: of the message.
            former: one of a task that was given before is taken too.

        Raises:
            NotYet: where it was never given: the message may have come before its task.
            UnihmError: INVALID_MOTION where it was given earlier.
        """
        if task_id != self.task_id and not (former and task_id in self._given):
            kind = UnihmError if task_id in self._given else NotYet
            raise kind(
                ErrorCode.INVALID_MOTION, f"It is of the task '{task_id}', which is not at hand."
            )

    def _on_task(self, message: Task) -> None:
        if not message.task_id or message.task_id in self._given:
            raise UnihmError(
                ErrorCode.INVALID_INSTRUCTION,
                f"The task '{message.task_id}' was given already; a task runs once.",
            )
        self._given.append(message.task_id)
        self.task_id = message.task_id
        if self.trespass is not None:
            self.fail(message.task_id, self.trespass)
        else:
            self.on_task(message)

    def _on_stop(self, message: StopTask) -> None:
        self._stopped.append(message.task_id)
        self.on_stop_task(message.task_id, ErrorCode(message.error_code))

    # ------------------------------------------------------------ life cycle

    def start(self) -> bool:
        """Configure and activate without a life-cycle manager; False where loading failed."""
        if self.trigger_configure() != TransitionCallbackReturn.SUCCESS:
            return False
        return self.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Load; a failure is remembered and told to whoever sends a task."""
        started = time.perf_counter()
        try:
            self.load()
        except UnihmError as error:
            self.fault = error
            self.get_logger().error(f"{error.message} [{error.code.name}]")
            return TransitionCallbackReturn.FAILURE
        except Exception as error:  # a defect of ours has to be told, too
            self.fault = UnihmError(
                ErrorCode.INTERNAL, f"The {self.get_name()} node cannot load: {error!r}"
            )
            self.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.FAILURE
        self.get_logger().info(f"ready after {time.perf_counter() - started:.1f} s")
        return super().on_configure(state)

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From now on tasks are worked on."""
        self.fault = None
        return super().on_activate(state)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """From now on tasks are refused."""
        self.fault = UnihmError(ErrorCode.INTERNAL, f"The {self.get_name()} node is not active.")
        return super().on_deactivate(state)

    def _publish_diagnostics(self) -> None:
        dropped = {f"dropped {what}": count for what, count in self.dropped.items()}
        wrong = self.fault or self.trespass
        values = {**self._counts, "last": self._last, **dropped, **self.diagnose()}
        status = DiagnosticStatus(
            name=self.get_fully_qualified_name(),
            hardware_id="unihm",
            level=DiagnosticStatus.ERROR if wrong else DiagnosticStatus.OK,
            message=wrong.message if wrong else "active",
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()],
        )
        self._diagnostics.publish(DiagnosticArray(header=self.header(), status=[status]))

    def beat(self) -> None:
        """Say that this node is alive, and what it is doing."""
        self._beats.publish(
            Heartbeat(
                header=self.header(),
                node=self.get_name(),
                life=self._life,
                **{"fault": self.fault.message if self.fault else "", **self.pulse()},
            )
        )

    def pulse(self) -> dict[str, Any]:
        """Further fields of the heartbeat."""
        return {}

    def diagnose(self) -> dict[str, Any]:
        """Further values for ``/diagnostics``."""
        return {}


def age(now: float, header: Header) -> float:
    """Seconds since a header's stamp."""
    return now - time_to_seconds(header.stamp)
