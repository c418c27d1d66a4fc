"""Send an instruction to the robot, or to the simulation, and follow it.

    ros2 launch unihm sim.launch.py &       # the graph; or that of your robot
    python examples/02_send_an_instruction.py ["pick up the red box"]

The commander spins itself: the program around it need not know ROS.
"""

import sys
import time

from unihm.ros import Commander

instruction = sys.argv[1] if len(sys.argv) > 1 else "pick up the red box"

with Commander() as robot:
    robot.manipulate(instruction, attempts=2)
    stage = ""
    try:
        while not robot.is_task_complete():
            feedback = robot.get_feedback()
            if feedback is not None and feedback.stage != stage:
                stage = feedback.stage
                print(f"{100 * feedback.progress:3.0f} %  {stage}")
            time.sleep(0.1)
    except KeyboardInterrupt:
        robot.cancel_task()  # the robot brakes within its limits
    result = robot.get_result()

if result.error_code:
    sys.exit(f"error {result.error_code}: {result.error_msg}")
print("done")
