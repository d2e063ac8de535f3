"""A login that is carried on for ever: a renewed refresh token is never lost, and never sent twice (USERS #3)."""

import json
import threading

import pytest

from credmagic.errors import StoreUnusable, TokenRefused
from credmagic.store.rows import VersionRow
from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller, Event
from credmagic.vault.client_part import LEANS
from credmagic.vault.records import open_version, seal_version
from credmagic.wiring import open_vault

PATH = "/oauth/token"


@pytest.fixture
def provider(canary):
    with AuthorizationServer() as server:
        server.clients["app"] = Client("app", canary)
        yield server


@pytest.fixture
def vaults(home):
    """Two vaults on one store, as two processes have them."""
    made = [open_vault(notify=lambda line: None) for _ in range(2)]
    yield made
    for vault in made:
        vault.close()


@pytest.fixture
def vault(vaults):
    return vaults[0]


@pytest.fixture
def mail(vault, provider, canary):
    """A credential that somebody has signed in with."""
    fields = {
        "client_id": "app", "client_secret": canary, "token_url": provider.token_url,
        "refresh_token": provider.login("app"),
    }  # fmt: skip
    return run(vault, "create", name="mail", kind="oauth", fields=fields, verify=False)


def run(vault, action, **params):
    return dispatch(vault, Caller(), action, params)


def stored(vault):
    """The refresh token in the store, and the current version."""
    with vault.store.read() as reader:
        found = vault.find(reader, "mail")
        return vault.credential(reader, found).refresh_token, found.row.current_version


def token(vault, **how):
    return run(vault, "resolve", ref="mail", **how)["fields"]["token"]


def expire(*vaults):
    for vault in vaults:
        with vault.store.read() as reader:
            vault.tokens.drop(vault.find(reader, "mail").row.id)


def test_the_renewed_refresh_token_is_stored_and_does_not_leave(vault, mail, provider, canary):
    resolved = run(vault, "resolve", ref="mail")
    family = provider.families[0]
    assert stored(vault) == (family.current, 2)
    assert provider.accepts(resolved["fields"]["token"])
    text = json.dumps(resolved)
    assert canary not in text
    assert not any(old and old in text for old in (*family.spent, family.current))


def test_it_is_stored_before_the_token_leaves(vault, mail, provider, monkeypatch):
    """While the store refuses, nothing leaves; afterwards what came is stored, and the provider is not asked again."""
    change, refusing = vault.change, threading.Event()

    def sometimes(event):
        if refusing.is_set() and event.action == "credential.renew":
            raise StoreUnusable("full", code="disk_full")
        return change(event)

    monkeypatch.setattr(vault, "change", sometimes)
    refusing.set()
    with pytest.raises(StoreUnusable):
        token(vault)
    assert stored(vault)[1] == 1
    refusing.clear()
    assert provider.accepts(token(vault))
    assert stored(vault) == (provider.families[0].current, 2)
    assert provider.asked[PATH] == 1
    expire(vault)
    assert provider.accepts(token(vault))


def test_many_renewals_fill_no_store_and_never_sign_out(vault, mail, provider):
    for _ in range(12):
        expire(vault)
        assert provider.accepts(token(vault))
    assert not provider.families[0].revoked
    with vault.store.read() as reader:
        assert reader.count(VersionRow) == 2  # what a person made, and the newest renewal


def test_two_processes_take_turns_and_stay_signed_in(vaults, mail, provider):
    for number in range(10):
        vault = vaults[number % 2]
        expire(vault)
        assert provider.accepts(token(vault))
    assert not provider.families[0].revoked


def test_a_renewal_elsewhere_does_not_make_a_good_token_old(vaults, mail, provider):
    first = token(vaults[0])
    token(vaults[1])
    for _ in range(5):
        assert token(vaults[0]) == first
    assert provider.asked[PATH] == 2


def test_a_new_name_meanwhile_costs_nothing(vault, mail, provider):
    provider.faults[PATH] = lambda: run(vault, "update", ref=mail["id"], description="renamed meanwhile") and None
    assert provider.accepts(token(vault))
    provider.faults.clear()
    assert stored(vault)[0] == provider.families[0].current
    assert run(vault, "show", ref="mail")["description"] == "renamed meanwhile"


def test_new_values_meanwhile_win(vault, mail, provider):
    """Somebody signs in again while an old login is being renewed: the new login is what stays."""
    fresh = provider.login("app", "grace")

    def sign_in_again():
        provider.faults.clear()
        run(vault, "rotate", ref="mail", fields={"refresh_token": fresh}, verify=False)

    provider.faults[PATH] = sign_in_again
    assert provider.accepts(token(vault))
    assert stored(vault)[0] == provider.families[1].current
    assert not provider.families[1].revoked


def test_a_refusal_because_somebody_signed_in_meanwhile_is_read_again_once(vault, mail, provider):
    fresh = provider.login("app", "grace")

    def sign_in_again():
        provider.faults.clear()
        run(vault, "rotate", ref="mail", fields={"refresh_token": fresh}, verify=False)
        provider.families[0].revoked = True

    provider.faults[PATH] = sign_in_again
    assert provider.accepts(token(vault))
    assert stored(vault)[0] == provider.families[1].current
    assert provider.asked[PATH] == 2


def test_two_processes_at_once_take_turns_at_the_provider(vaults, mail, provider):
    """The second asks only when the first has stored what it got, and with that."""
    asking, go_on, tokens = threading.Event(), threading.Event(), []

    def slow():
        provider.faults.clear()
        asking.set()
        assert go_on.wait(10)

    provider.faults[PATH] = slow
    threads = [threading.Thread(target=lambda vault=vault: tokens.append(token(vault))) for vault in vaults]
    threads[0].start()
    assert asking.wait(10)
    threads[1].start()
    threads[1].join(0.3)
    assert (tokens, provider.asked[PATH]) == ([], 1)
    go_on.set()
    for thread in threads:
        thread.join(20)
    assert all(provider.accepts(value) for value in tokens)
    assert (len(tokens), provider.asked[PATH]) == (2, 2)
    assert not provider.families[0].revoked


def test_a_login_that_is_over_says_what_to_do(vault, mail, provider):
    provider.families[0].revoked = True
    with pytest.raises(TokenRefused) as caught:
        token(vault)
    assert caught.value.details == {"error": "invalid_grant"}
    assert caught.value.next_step == "Sign in again, then: %cred rotate mail --secret refresh_token=prompt"
    assert provider.asked[PATH] == 1
    event = run(vault, "audit", ref="mail")["events"][0]
    assert (event["outcome"], event["reason"]) == ("refused", "invalid_grant")


def test_a_used_up_version_is_never_sent(vault, mail, provider):
    token(vault)
    expire(vault)
    with pytest.raises(TokenRefused, match="earlier version"):
        token(vault, version=1)
    assert not provider.families[0].revoked
    assert provider.asked[PATH] == 1


def test_a_provider_that_keeps_its_refresh_token_makes_no_versions(vault, mail, provider):
    provider.rotates = False
    for _ in range(3):
        expire(vault)
        assert provider.accepts(token(vault))
    assert stored(vault)[1] == 1


def test_fifty_threads_renew_once(vault, mail, provider):
    gate, tokens = threading.Barrier(50), []

    def use():
        gate.wait()
        tokens.append(token(vault))

    threads = [threading.Thread(target=use) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert (len(tokens), len(set(map(str, tokens))), provider.asked[PATH]) == (50, 1, 1)
    assert not provider.families[0].revoked


def test_a_member_s_renewal_does_not_copy_the_team_s_application(vault, mail, provider, canary):
    """Under a connection the application is the team's: it stands under the member's values, and stays there."""
    fields = {"client_id": "app", "client_secret": canary, "token_url": provider.token_url}
    fields["authorization_url"] = f"{provider.url}/authorize"
    run(vault, "create", name="mail", kind="oauth", fields=fields, team=True, verify=False)
    with vault.store.read() as reader:
        found = vault.find(reader, mail["id"])
        row = reader.get(VersionRow, credential_id=found.row.id, version=1)
    own = {"public": {}, "secret": {"refresh_token": provider.login("app")}, "exchange": "refresh", LEANS: True}
    with vault.change(Event("credential.replace", Caller(), object_id=found.row.id)) as transaction:
        transaction.delete(row)
        transaction.insert(seal_version(vault.keyset, found.row, 1, own, row.created_at))
    for _ in range(3):
        expire(vault)
        assert provider.accepts(token(vault))
    with vault.store.read() as reader:
        found = vault.find(reader, mail["id"])
        newest = reader.get(VersionRow, credential_id=found.row.id, version=found.row.current_version)
    opened = open_version(vault.keyset, found.row, newest)
    assert opened["secret"] == {"refresh_token": provider.families[-1].current}
    assert opened["public"] == {}


def test_a_renewal_between_our_reading_and_our_asking_is_seen(vaults, mail, provider, monkeypatch):
    """This provider ends the login when a refresh token comes twice: it must not."""
    get = vaults[0].tokens.get

    def other_first(*what):
        token(vaults[1])
        return get(*what)

    monkeypatch.setattr(vaults[0].tokens, "get", other_first)
    assert provider.accepts(token(vaults[0]))
    assert not provider.families[0].revoked
