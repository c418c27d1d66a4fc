"""The files of an SROS2 keystore, as ``ros2 security`` lays them out.

One authority signs both who a participant is (X.509, DDS Security 1.1, 9.3) and what it may do
(S/MIME, 9.4). Elliptic curve keys on prime256v1, as the specification asks for.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from unihm.errors import ErrorCode, UnihmError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import pkcs7
except ImportError as error:
    raise UnihmError(
        ErrorCode.MISSING_DEPENDENCY, "Keys need the package cryptography: pip install cryptography"
    ) from error

_AUTHORITIES = ("identity_ca", "permissions_ca")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_SCHEMAS = "http://www.omg.org/spec/DDS-SECURITY/20170901/omg_shared_ca_"
# Nobody joins, hears of a topic, or hears or says anything on it without permission; everything,
# discovery included, is encrypted.
_RULE = {
    "allow_unauthenticated_participants": "false",
    "enable_join_access_control": "true",
    "discovery_protection_kind": "ENCRYPT",
    "liveliness_protection_kind": "ENCRYPT",
    "rtps_protection_kind": "ENCRYPT",
}
_TOPIC_RULE = {
    "topic_expression": "*",
    "enable_discovery_protection": "true",
    "enable_liveliness_protection": "true",
    "enable_read_access_control": "true",
    "enable_write_access_control": "true",
    "metadata_protection_kind": "ENCRYPT",
    "data_protection_kind": "ENCRYPT",
}


class Keystore:
    """A folder with an authority and enclaves; it is made where it is not there.

    Args:
        folder: of the keystore.
        domain_id: DDS domain that everything is allowed in.
        days: that new certificates and permissions are valid.
    """

    def __init__(self, folder: Path, domain_id: int = 0, days: int = 3650) -> None:
        self.folder, self.domain_id = folder, domain_id
        self._now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
        self._end = self._now + datetime.timedelta(days=days)
        for part in ("public", "enclaves"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "private").mkdir(mode=0o700, exist_ok=True)
        self._certificate, self._key = self._identity(
            folder / "public" / "ca.cert.pem", folder / "private" / "ca.key.pem", "unihm authority"
        )
        for authority in _AUTHORITIES:
            _link(folder / "public" / f"{authority}.cert.pem", Path("ca.cert.pem"))
            _link(folder / "private" / f"{authority}.key.pem", Path("ca.key.pem"))
        self._sign(folder / "enclaves" / "governance", self._governance())

    def add(self, enclave: str, publish: Iterable[str], subscribe: Iterable[str]) -> Path:
        """Give a node its keys, unless it has them, and its permissions.

        Args:
            enclave: full name, such as ``/unihm/planner``.
            publish, subscribe: DDS topics; ``*`` stands for any text.

        Returns:
            the enclave's folder.
        """
        place = self.folder / "enclaves" / enclave.strip("/")
        place.mkdir(parents=True, exist_ok=True)
        up = Path(*[".."] * len(enclave.strip("/").split("/")))
        for authority in _AUTHORITIES:
            _link(place / f"{authority}.cert.pem", up / ".." / "public" / f"{authority}.cert.pem")
        _link(place / "governance.p7s", up / "governance.p7s")
        self._identity(place / "cert.pem", place / "key.pem", enclave)
        self._sign(place / "permissions", self._permissions(enclave, publish, subscribe))
        return place

    def _identity(
        self, certificate_path: Path, key_path: Path, name: str
    ) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """Read or make a key and its certificate; the first one signs itself."""
        if certificate_path.is_file() and key_path.is_file():
            key = serialization.load_pem_private_key(key_path.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise UnihmError(
                    ErrorCode.INVALID_CONFIG, f"{key_path} is no key of this keystore."
                )
            return x509.load_pem_x509_certificate(certificate_path.read_bytes()), key
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        own = hasattr(self, "_certificate")
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._certificate.subject if own else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now)
            .not_valid_after(self._end)
            .add_extension(
                x509.BasicConstraints(ca=not own, path_length=None if own else 1), critical=not own
            )
            .sign(self._key if own else key, hashes.SHA256())
        )
        key_path.touch(mode=0o600)
        key_path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return certificate, key

    def _sign(self, path: Path, document: ElementTree.Element) -> None:
        """Write ``path.xml`` and ``path.p7s``."""
        ElementTree.indent(document)
        text = ElementTree.tostring(document, encoding="utf-8", xml_declaration=True) + b"\n"
        path.with_suffix(".xml").write_bytes(text)
        signed = (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(text)
            .add_signer(self._certificate, self._key, hashes.SHA256())
            .sign(
                serialization.Encoding.SMIME,
                [pkcs7.PKCS7Options.Text, pkcs7.PKCS7Options.DetachedSignature],
            )
        )
        path.with_suffix(".p7s").write_bytes(signed)

    def _governance(self) -> ElementTree.Element:
        document = _document("governance")
        rule = _add(_add(document, "domain_access_rules"), "domain_rule")
        _add(_add(rule, "domains"), "id", str(self.domain_id))
        for name, value in _RULE.items():
            _add(rule, name, value)
        topics = _add(_add(rule, "topic_access_rules"), "topic_rule")
        for name, value in _TOPIC_RULE.items():
            _add(topics, name, value)
        return document

    def _permissions(
        self, enclave: str, publish: Iterable[str], subscribe: Iterable[str]
    ) -> ElementTree.Element:
        document = _document("permissions")
        grant = _add(_add(document, "permissions"), "grant")
        grant.set("name", enclave)
        _add(grant, "subject_name", f"CN={enclave}")
        validity = _add(grant, "validity")
        _add(validity, "not_before", f"{self._now:%Y-%m-%dT%H:%M:%S}")
        _add(validity, "not_after", f"{self._end:%Y-%m-%dT%H:%M:%S}")
        rule = _add(grant, "allow_rule")
        _add(_add(rule, "domains"), "id", str(self.domain_id))
        for what, topics in (("publish", publish), ("subscribe", subscribe)):
            place = _add(_add(rule, what), "topics")
            for topic in sorted(set(topics)):
                _add(place, "topic", topic)
        _add(grant, "default", "DENY")
        return document


def _document(schema: str) -> ElementTree.Element:
    ElementTree.register_namespace("xsi", _XSI)
    location = {f"{{{_XSI}}}noNamespaceSchemaLocation": f"{_SCHEMAS}{schema}.xsd"}
    return ElementTree.Element("dds", location)


def _add(parent: ElementTree.Element, name: str, text: str | None = None) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, name)
    child.text = text
    return child


def _link(path: Path, target: Path) -> None:
    if not path.is_symlink() and not path.exists():
        path.symlink_to(target)
