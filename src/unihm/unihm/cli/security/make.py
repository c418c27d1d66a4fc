"""Write a keystore: who each node is, and what it alone may say and hear.

The files are those of SROS2: an authority, an enclave with a key for every node, and permissions
for what that node uses, signed. Calling it again keeps all keys and writes the permissions anew,
e.g. for another hand. Copy to each machine the enclaves of the nodes that run there, and keep the
folder private/ to yourself: whoever has it can make nodes.

Example: unihm security make out/keystore --hand inspire
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``unihm security make``."""
    parser.add_argument("folder", type=Path, help="where the keystore is, or shall be")
    parser.add_argument("--namespace", default="unihm", help="that the graph runs in")
    parser.add_argument("--domain", type=int, default=0, help="DDS domain (ROS_DOMAIN_ID)")
    parser.add_argument("--hand", default="xhand", help="the hand that is mounted")
    parser.add_argument(
        "--protocol", default="", help="of the hand controller: joint_trajectory with a simulation"
    )
    parser.add_argument(
        "--robot-namespace", default="", help="of the drivers and the camera, as the nodes have it"
    )
    parser.add_argument("--days", type=int, default=3650, help="how long certificates are valid")


def run(args: argparse.Namespace) -> int:
    """Write it, and say whether the DDS that is here can use it."""
    from unihm.ros.security.keystore import Keystore
    from unihm.ros.security.rights import graph_rights, refusal

    keystore = Keystore(args.folder, args.domain, args.days)
    rights = graph_rights(args.namespace, args.hand, args.protocol, args.robot_namespace)
    for enclave, may in rights.items():
        keystore.add(enclave, may.publish, may.subscribe)
        print(f"{enclave:<32} says {len(may.publish):3} topics, hears {len(may.subscribe):3}")
    print(
        f"export ROS_SECURITY_KEYSTORE={args.folder.resolve()} ROS_SECURITY_ENABLE=true "
        "ROS_SECURITY_STRATEGY=Enforce"
    )
    reason = refusal(args.folder, next(iter(rights)))
    if reason:
        print(
            "note: the DDS that is installed here cannot use it, and with these settings no node "
            f"will start: {reason}"
        )
    return 0
