"""In which ways do tokens, and what they are made of, live in credmagic? As `leak_scenarios`, each returning what it made besides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.testing.authorization_server import AuthorizationServer, Client
from credmagic.testing.oidc_provider import OidcProvider
from security.leak_session import Session
from security.leaks import Canary

Canaries = Mapping[str, Canary]
SHOWN = (
    "print(c, dict(c), c.token, repr(c.token), c.environ(), c.auth(), vars, [c['{field}']]); c",
    "%cred use {name} --export",
    "import os; print({{k: v for k, v in os.environ.items() if 'TOKEN' in k}}); os.system('env | grep -i token')",
    "print(c.refresh(), c.expires_at)\n%cred show {name}\n%cred why {name}\n%cred audit {name}\n%cred",
)


def _shown(s: Session, name: str, field: str) -> None:
    s.cell(f"c = %cred use {name}", fails=False)
    for cell in SHOWN:
        s.cell(cell.format(name=name, field=field), fails=False)
    s.cell("raise ValueError(c.token)", fails=True)
    s.cell("import pickle; pickle.dump(c, open(dumps / 'pickle', 'ab')); pickle.dumps(c.token)", fails=True)
    s.command("use", name)
    s.command("show", name, "--json")


def made_into_tokens(s: Session, c: Canaries) -> list[Canary]:
    """Client secrets of every shape, logins that are renewed, and the tokens themselves; refused ones, too."""
    with AuthorizationServer() as provider:
        for shape, canary in c.items():
            provider.clients[shape] = Client(shape, canary.value)
            fields = f"client_id={shape} token_url={provider.token_url}"
            secret = f"--secret client_secret=file:{s.file(canary)}"
            s.cell(f"%cred add app-{shape} --kind oauth_client_credentials {fields} {secret}", fails=False)
            login = Canary("logins", shape, provider.login(shape), ())
            more = f"--secret refresh_token=file:{s.file(login)} authorization_url={provider.url}/authorize"
            s.cell(f"%cred add login-{shape} --kind oauth {fields} {secret} {more}", fails=False)
        for name, field in (("app-ascii", "access_token"), ("login-pem", "token"), ("login-url", "token")):
            _shown(s, name, field)
        _refused(s, provider, c)
        spent = [one for family in provider.families for one in (*family.spent, family.current)]
        return [Canary("tokens", text[:9], text, (text,)) for text in (*provider.issued, *spent) if text]


def _refused(s: Session, provider: AuthorizationServer, c: Canaries) -> None:
    for family in provider.families:
        family.revoked = True
    for shape in c:
        provider.clients[shape].client_secret = "changed over there"
        s.cell(f"%cred verify app-{shape}", fails=True)
        s.cell(f"%cred pause app-{shape}\n%cred resume app-{shape}\n%cred use app-{shape}", fails=True)
        s.cell(f"%cred use login-{shape}")
    s.cell("%cred\n%cred status\n%cred audit", fails=False)
    s.command("use", "app-quotes", code=8)


def signed_in_for(s: Session, c: Canaries) -> list[Canary]:
    """A browser that comes back to the server, and an answer that is pasted; without node there is no such provider."""
    try:
        provider = OidcProvider()
    except pytest.skip.Exception:
        return []
    with provider:
        secret = provider.clients["notebook"]["client_secret"]
        given = s.file(Canary("signed in for", "client_secret", secret, ()))
        fields = f"client_id=notebook token_url={provider.token_url} authorization_url={provider.authorization_url}"
        scope = """scope='["openid", "offline_access"]' custom_auth_query='{"prompt": "consent"}'"""
        s.cell(f"%cred add signed --kind oauth {fields} {scope} --secret client_secret=file:{given}", fails=False)
        codes = [_signed_in(s, provider, pasted=pasted) for pasted in (False, True)]
        _shown(s, "signed", "token")
        s.cell(f"_ = open({str(s.given / 'token')!r}, 'w').write(c.token)", fails=False)
        token = (s.given / "token").read_text()
        assert provider.accepts(token)
    return [Canary("signed in for", text[:4] + "…", text, (text,)) for text in (secret, token, *codes)]


def _signed_in(s: Session, provider: OidcProvider, *, pasted: bool) -> str:
    """One login from a cell; the code that the provider sent the browser back with."""
    s.cell("call = credmagic.api.client().call", fails=False)
    redirect = f"{s.server.url}credmagic/api/oauth/callback"
    s.cell(f"login = call('login_begin', ref='signed', redirect_uri={redirect!r})", fails=False)
    s.cell("print(login['authorization_url'])", fails=False)
    back = provider.sign_in(s.text().strip())
    query = urlsplit(back).query
    if pasted:
        end = "done = call('login_finish', login_id=login['login_id'], answer=input())"
        s.cell(end, answers=[back], fails=False)
    else:
        page = s.server.request("GET", f"credmagic/api/oauth/callback?{query}", headers={})
        s.seen["REST: reads"].append(page.body)
        s.cell("done = call('login_check', login_id=login['login_id'])", fails=False)
    s.cell("print(done); assert done['state'] == 'done'", fails=False)
    return parse_qs(query)["code"][0]


TOKEN_SCENARIOS: tuple[Callable[[Session, Canaries], list[Canary]], ...] = (made_into_tokens, signed_in_for)
