"""Where does a test get a certificate for a server on loopback?

Self-signed, made on the spot and short-lived: nothing that could be trusted by mistake is ever kept in a repository.
"""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class Certificate:
    """Files of a self-signed certificate: `cert` is what a client trusts (PEM), `key` its private key (PEM, 0600)."""

    cert: Path
    key: Path

    @property
    def server_options(self) -> tuple[str, str]:
        """The command-line options with which a Jupyter server serves https by it."""
        return f"--ServerApp.certfile={self.cert}", f"--ServerApp.keyfile={self.key}"


def self_signed(directory: Path, *names: str, days: int = 1) -> Certificate:
    """A certificate for `names` (hosts or addresses; without any, those of loopback), its files in `directory`.

    It ends in so many `days`.
    """
    directory.mkdir(parents=True, exist_ok=True)
    made = Certificate(directory / "cert.pem", directory / "key.pem")
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _certificate(key, names or ("localhost", "127.0.0.1", "::1"), days)
    made.cert.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    with os.fdopen(os.open(made.key, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(pem)
    return made


def _certificate(key: ec.EllipticCurvePrivateKey, names: tuple[str, ...], days: int) -> x509.Certificate:
    """Also an authority (of itself): a client that trusts only this file must accept it, strict ones too."""
    itself = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
    now, public = datetime.now(UTC), key.public_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(public)
    other = ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement")
    usage = dict.fromkeys((*other, "encipher_only", "decipher_only"), False)
    builder = (
        x509.CertificateBuilder()
        .subject_name(itself)
        .issuer_name(itself)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=days))
    )
    for extension, critical in (
        (x509.SubjectAlternativeName([_general(name) for name in names]), False),
        (x509.BasicConstraints(ca=True, path_length=0), True),
        (x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (identifier, False),
        (x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), False),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(key, hashes.SHA256())


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
