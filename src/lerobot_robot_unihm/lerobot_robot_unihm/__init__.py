"""``--robot.type=unihm``: arm and hand of a UniHM graph as a robot of LeRobot."""

from lerobot_robot_unihm.unihm_robot import UnihmRobot, UnihmRobotConfig

__all__ = ["UnihmRobot", "UnihmRobotConfig"]
