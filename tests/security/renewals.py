"""What tests of renewed logins share: a login at the real provider, and processes that use it."""

import json
import os
import traceback
from contextlib import contextmanager
from urllib.parse import urlsplit

from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller
from credmagic.vault.logins import came_back
from credmagic.wiring import open_vault

REDIRECT = "http://127.0.0.1:9/callback"


def act(vault, action, **params):
    return dispatch(vault, Caller(), action, params)


def fields(provider):
    """Of a credential that somebody may sign in for; each login is one of its own there."""
    return {
        "client_id": "notebook", "client_secret": provider.clients["notebook"]["client_secret"],
        "token_url": provider.token_url, "authorization_url": provider.authorization_url,
        "scope": ["openid", "offline_access"], "custom_auth_query": {"prompt": "consent"},
    }  # fmt: skip


def sign_in(vault, provider, name):
    """What a person does after `%cred login`."""
    begun = act(vault, "login_begin", ref=name, how="code", redirect_uri=REDIRECT)
    came_back(vault, urlsplit(provider.sign_in(begun["authorization_url"])).query)
    assert act(vault, "login_check", login_id=begun["login_id"])["state"] == "done"


def signed_in(vault, provider, name):
    """A credential with a fresh login."""
    act(vault, "create", name=name, kind="oauth", fields=fields(provider), verify=False)
    sign_in(vault, provider, name)


def token(vault, name):
    """What code gets now."""
    return str.__str__(act(vault, "resolve", ref=name)["fields"]["token"])


def expire(vault, name):
    """As if the token's time were over."""
    with vault.store.read() as reader:
        vault.tokens.drop(vault.find(reader, name).row.id)


def stored(vault, name):
    """The refresh token in the store, and its version."""
    with vault.store.read() as reader:
        found = vault.find(reader, name)
        return str.__str__(vault.credential(reader, found).refresh_token), found.row.current_version


class Process:
    """A fork with a vault of its own. `work(vault, say)` runs there; `heard` is a pipe with what it said, by line."""

    def __init__(self, work):
        end, ours = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.close(end)
                vault = open_vault(notify=lambda line: None)
                work(vault, lambda what: os.write(ours, json.dumps(what).encode() + b"\n"))
                os._exit(0)
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(1)
        os.close(ours)
        self.heard = os.fdopen(end)

    def ended(self):
        """How it ended: its exit code, or minus the signal."""
        self.heard.close()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@contextmanager
def vault_of_ours():
    """The vault of the process that watches."""
    opened = open_vault(notify=lambda line: None)
    try:
        yield opened
    finally:
        opened.close()
