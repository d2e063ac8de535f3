"""Whom does a client of another machine's server trust?"""

import ssl
from contextlib import ExitStack

import pytest

from credmagic.client import remote
from credmagic.client.remote import AccessKeyToken, RemoteClient
from credmagic.errors import InvalidCredential, Unreachable
from credmagic.testing.tls import self_signed
from loopback_server import context_of, running, token

KEY = "cmk_abcdefghijklmnopqrst"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"), "127.0.0.1")


@pytest.fixture
def tls(certificate, monkeypatch):
    """`tls(cert, **limits)` starts a server; nothing but that test says whom to trust."""
    for name in ("CREDMAGIC_CA_FILE", "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as servers:
        yield lambda cert=certificate, **limits: servers.enter_context(running(context_of(cert, **limits)))


def test_a_certificate_nobody_vouches_for_is_refused_before_anything_is_sent(tls, canary):
    server = tls()

    with pytest.raises(Unreachable, match="not trusted") as error:
        AccessKeyToken(server.url, KEY, canary)()

    assert "CREDMAGIC_CA_FILE" in error.value.next_step
    assert server.seen == []


def test_a_certificate_for_another_name_is_refused(tls, tmp_path):
    other = self_signed(tmp_path, "other.example")
    server = tls(other)

    with pytest.raises(Unreachable, match="not trusted"):
        RemoteClient(server.url, token, str(other.cert)).call("names")

    assert server.seen == []


@pytest.mark.parametrize("variable", ["CREDMAGIC_CA_FILE", "SSL_CERT_FILE"])
def test_a_certificate_is_trusted_by_the_file_that_a_variable_names(tls, certificate, monkeypatch, variable):
    monkeypatch.setenv(variable, str(certificate.cert))

    assert RemoteClient(tls().url, token).call("names") == {"ok": True}


@pytest.mark.parametrize("content", [None, "", "no certificate"])
def test_a_file_of_certificates_that_is_none_is_named(tls, tmp_path, monkeypatch, content):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    monkeypatch.setenv("CREDMAGIC_CA_FILE", str(file))

    with pytest.raises(InvalidCredential) as error:
        RemoteClient(tls().url, token).call("names")

    assert error.value.errors.keys() == {"CREDMAGIC_CA_FILE"}


def test_tls_1_2_is_spoken_and_nothing_older(tls, certificate):
    ca = str(certificate.cert)
    assert RemoteClient(tls(maximum_version=ssl.TLSVersion.TLSv1_2).url, token, ca).call("names") == {"ok": True}

    trust = remote._Trust(ca)
    assert trust._made().minimum_version == ssl.TLSVersion.TLSv1_2
    assert trust._made().verify_mode == ssl.CERT_REQUIRED
    assert trust._made().check_hostname


def test_the_keys_of_a_connection_are_never_logged(tls, certificate, tmp_path, monkeypatch):
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    RemoteClient(tls().url, token, str(certificate.cert)).call("names")

    assert not (tmp_path / "keys").exists()


def test_a_server_without_tls_is_told_from_a_dead_one():
    with running() as server, pytest.raises(Unreachable, match="no TLS"):
        RemoteClient(server.url.replace("http:", "https:"), token).call("names")
