"""The keystore that `unihm security make` writes: signatures, certificates, who may do what."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from unihm.cli.main import main
from unihm.ros.roster import FURTHER, NODES
from unihm.ros.senders import SENDERS

pytest.importorskip("cryptography")
pytestmark = [pytest.mark.ros, pytest.mark.xdist_group("security")]
NAMES = [*NODES, *FURTHER, "commander", "teleop"]


@pytest.fixture(scope="module")
def keystore(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("security") / "keystore"
    assert main(["security", "make", str(folder), "--hand", "inspire", *PROTOCOL]) == 0
    return folder


PROTOCOL = ["--protocol", "joint_trajectory"]


def topics(keystore: Path, name: str, what: str) -> set[str]:
    document = ElementTree.parse(keystore / "enclaves" / "unihm" / name / "permissions.xml")
    (grant,) = document.findall("permissions/grant")
    assert grant.findtext("subject_name") == f"CN=/unihm/{name}"
    assert grant.findtext("default") == "DENY"
    return {topic.text or "" for topic in grant.findall(f"allow_rule/{what}/topics/topic")}


def writers(keystore: Path, topic: str) -> set[str]:
    return {name for name in NAMES if topic in topics(keystore, name, "publish")}


@pytest.mark.parametrize("topic", SENDERS)
def test_a_topic_is_written_by_its_sender_alone(keystore: Path, topic: str) -> None:
    assert writers(keystore, f"rt/unihm/{topic}") == {SENDERS[topic]}


@pytest.mark.parametrize("driver", ["hand_controller", "fr3_arm_controller"])
def test_a_driver_is_written_to_by_its_controller_or_who_takes_its_place(
    keystore: Path, driver: str
) -> None:
    controller = driver.removeprefix("fr3_")
    assert writers(keystore, f"rt/{driver}/joint_trajectory") == {controller, "follower"}


def test_nobody_writes_where_a_star_would_let_him(keystore: Path) -> None:
    for name in NAMES:
        assert not [topic for topic in topics(keystore, name, "publish") if "*" in topic]


def test_the_client_may_send_goals_and_nothing_else_of_the_graph(keystore: Path) -> None:
    says = topics(keystore, "commander", "publish")
    action = "rq/unihm/manipulate/_action/"
    assert {f"{action}send_goalRequest", f"{action}cancel_goalRequest"} <= says
    assert not [topic for topic in says if topic.startswith("rt/unihm/")]
    assert f"{action}send_goalRequest" in topics(keystore, "coordinator", "subscribe")


def openssl(*arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    return subprocess.run(["openssl", *arguments], capture_output=True, check=False)


@pytest.mark.parametrize("name", ["coordinator", "commander"])
def test_everything_is_signed_by_the_authority(keystore: Path, name: str) -> None:
    place = keystore / "enclaves" / "unihm" / name
    certificate = openssl("verify", "-CAfile", place / "identity_ca.cert.pem", place / "cert.pem")
    assert certificate.returncode == 0, certificate.stderr
    key = openssl("pkey", "-in", place / "key.pem", "-pubout").stdout
    assert key == openssl("x509", "-in", place / "cert.pem", "-noout", "-pubkey").stdout
    assert (place / "key.pem").stat().st_mode & 0o077 == 0
    for document in ("permissions", "governance"):
        signed = (place / f"{document}.p7s").read_bytes()
        read = verify(place, signed)
        assert read.returncode == 0, read.stderr
        original = (place / f"{document}.p7s").resolve().with_suffix(".xml").read_bytes()
        assert read.stdout.replace(b"\r\n", b"\n") == original
        assert verify(place, signed.replace(b"/unihm/", b"/unihn/", 1)).returncode != 0 or (
            document == "governance"  # which names no node
        )


def verify(place: Path, signed: bytes) -> subprocess.CompletedProcess[bytes]:
    path = place.parents[2] / "signed.p7s"
    path.write_bytes(signed)
    authority = place / "permissions_ca.cert.pem"
    return openssl("smime", "-verify", "-text", "-CAfile", authority, "-in", path)


def test_governance_lets_nobody_in_without_a_key(keystore: Path) -> None:
    document = ElementTree.parse(keystore / "enclaves" / "governance.xml")
    (rule,) = document.findall("domain_access_rules/domain_rule")
    assert rule.findtext("allow_unauthenticated_participants") == "false"
    assert rule.findtext("enable_join_access_control") == "true"
    (topic,) = rule.findall("topic_access_rules/topic_rule")
    assert topic.findtext("topic_expression") == "*"
    assert topic.findtext("enable_write_access_control") == "true"
    assert topic.findtext("data_protection_kind") == "ENCRYPT"


def test_keys_are_kept_and_what_the_dds_lacks_is_said(
    keystore: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The DDS here can use the keys, or it is said that it cannot and why."""
    files = [keystore / "private" / "ca.key.pem", keystore / "enclaves/unihm/planner/key.pem"]
    before = [path.read_bytes() for path in files]
    assert main(["security", "make", str(keystore), *PROTOCOL]) == 0
    assert [path.read_bytes() for path in files] == before
    said = capsys.readouterr().out
    assert "ROS_SECURITY_STRATEGY=Enforce" in said
    assert "note:" not in said or "security" in said.split("note:")[1]
