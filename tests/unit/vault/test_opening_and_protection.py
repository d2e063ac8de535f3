"""A new store, the key that opens it, another key, a recovery key: always openable, never reset."""

import shutil
import sqlite3
from pathlib import Path

import pytest

from credmagic.errors import AccessDenied, CredmagicError, InvalidCredential, NotFound, StoreUnusable, VaultLocked
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.wiring import local_client, open_vault

PASSPHRASE = "correct horse battery"


def made(client):
    client.call("create", name="demo", kind="basic", fields={"user": "ada", "password": "Kanari-1234567"})
    client.close()
    return client


def password(client=None):
    client = client or local_client()
    try:
        return client.resolve("demo")["fields"]["password"]
    finally:
        client.close()


def test_a_second_process_reads_what_the_first_stored(home):
    made(local_client())
    assert password() == "Kanari-1234567"


def test_a_copied_home_opens_where_it_stands(home, tmp_path, monkeypatch):
    made(local_client())
    shutil.copytree(home, tmp_path / "copy")
    shutil.rmtree(home)
    monkeypatch.setenv("CREDMAGIC_HOME", str(tmp_path / "copy"))
    assert password() == "Kanari-1234567"


def test_without_its_key_file_a_store_stays_shut_and_untouched(home):
    made(local_client())
    key = next(Path(home).rglob("*.key"))
    kept = key.read_bytes()
    key.unlink()
    for action in (lambda: password(), lambda: open_vault()):
        with pytest.raises(VaultLocked) as refused:
            action()
        assert refused.value.next_step
    assert not key.exists()
    key.write_bytes(kept)
    key.chmod(0o600)
    assert password() == "Kanari-1234567"


def test_two_homes_do_not_see_each_other(home, tmp_path, monkeypatch):
    made(local_client())
    monkeypatch.setenv("CREDMAGIC_HOME", str(tmp_path / "other"))
    client = local_client()
    with pytest.raises(NotFound):
        client.resolve("demo")
    client.close()


def test_protecting_by_passphrase_replaces_the_key_file(home, monkeypatch):
    client = made(local_client())
    client.call("protect", provider="passphrase", secret=PASSPHRASE)
    client.close()
    with pytest.raises(VaultLocked):
        password()
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE", "wrong horse battery")
    with pytest.raises(VaultLocked):
        password()
    monkeypatch.setenv("CREDMAGIC_PASSPHRASE", PASSPHRASE)
    assert password() == "Kanari-1234567"
    assert not list(Path(home).rglob("*.key"))


def test_a_weak_passphrase_changes_nothing(home):
    client = made(local_client())
    with pytest.raises(InvalidCredential):
        client.call("protect", provider="passphrase", secret="short")
    client.close()
    assert password() == "Kanari-1234567"


def test_the_recovery_key_opens_a_store_that_lost_its_key(home, monkeypatch):
    client = made(local_client())
    recovery = client.call("recovery_key")["recovery_key"]
    client.close()
    next(Path(home).rglob("*.key")).unlink()
    monkeypatch.setenv("CREDMAGIC_RECOVERY_KEY", recovery)
    assert password() == "Kanari-1234567"


def test_a_new_recovery_key_voids_the_one_before(home, monkeypatch):
    client = made(local_client())
    first = client.call("recovery_key")["recovery_key"]
    client.call("recovery_key")
    client.close()
    next(Path(home).rglob("*.key")).unlink()
    monkeypatch.setenv("CREDMAGIC_RECOVERY_KEY", first)
    with pytest.raises(VaultLocked):
        password()


def test_operator_actions_are_for_a_shell_on_this_machine(vault):
    for action in ("protect", "recovery_key"):
        with pytest.raises(AccessDenied) as refused:
            dispatch(vault, Caller("kernel", kernel_id="k"), action, {"provider": "key_file"})
        assert "In a terminal" in refused.value.next_step


@pytest.mark.parametrize("content", [b"not a database at all", b"SQLite format 3\x00" + b"\x00" * 4096])
def test_a_foreign_file_is_no_store(home, content):
    store = home / "data" / "credmagic.db"
    store.parent.mkdir(parents=True, mode=0o700)
    store.write_bytes(content)
    with pytest.raises(CredmagicError) as refused:
        password()
    assert refused.value.code == "not_a_store"
    assert store.read_bytes() == content


def test_somebody_elses_database_is_no_store(home):
    store = home / "data" / "credmagic.db"
    store.parent.mkdir(parents=True, mode=0o700)
    with sqlite3.connect(store) as connection:
        connection.execute("CREATE TABLE pets (name)")
    connection.close()
    with pytest.raises(StoreUnusable) as refused:
        password()
    assert refused.value.code == "not_a_store"
