"""A browser comes back to a real server: the login it belongs to ends, and nothing of the answer stays anywhere."""

import ssl
import threading
import time
import urllib.request
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from credmagic.testing.jupyter import jupyter_server
from credmagic.testing.oidc_provider import OidcProvider
from credmagic.testing.tls import self_signed
from loopback_server import running
from reverse_proxy import reverse_proxy


@pytest.fixture(scope="module")
def provider():
    with OidcProvider() as running:
        yield running


@pytest.fixture(scope="module", params=["/", "/user/jo/"])
def server(request, tmp_path_factory):
    with jupyter_server(tmp_path_factory.mktemp("callback"), base_url=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def kernel(server, provider):
    kernel = server.start_kernel("login.ipynb")
    fields = {
        "client_id": "notebook", "client_secret": provider.clients["notebook"]["client_secret"],
        "token_url": provider.token_url, "authorization_url": provider.authorization_url,
        "scope": ["openid", "offline_access"], "custom_auth_query": {"prompt": "consent"},
    }  # fmt: skip
    server.run(kernel, "import credmagic, credmagic.api; call = credmagic.api.client().call")
    server.run(kernel, f"_ = call('create', name='crm', kind='oauth', verify=False, fields={fields!r})")
    return kernel


def address(server):
    return f"{server.url.rstrip('/')}/credmagic/api/oauth/callback"


def get(server, query, **headers):
    return server.request("GET", f"credmagic/api/oauth/callback{query}", headers=headers)


def begun(server, kernel):
    server.run(kernel, "login = call('login_begin', ref='crm')")
    return server.run(kernel, "print(login['authorization_url'])").strip()


def test_the_browser_that_comes_back_ends_the_login(server, kernel, provider):
    target = provider.sign_in(begun(server, kernel))
    answer = get(server, f"?{urlsplit(target).query}", **{"Sec-Fetch-Site": "cross-site", "Cookie": "a=b"})

    assert target.partition("?")[0] == address(server)
    assert answer.status == 200
    assert "set-cookie" not in answer.headers
    assert server.run(kernel, "print(call('login_check', login_id=login['login_id'])['state'])").strip() == "done"
    server.run(kernel, "token = credmagic.use('crm').token")
    code = parse_qs(urlsplit(target).query)["code"][0]
    time.sleep(0.2)
    for secret in (code, parse_qs(urlsplit(target).query)["state"][0]):
        assert secret not in server.log
        assert secret not in answer.body.decode()


def test_the_page_is_the_same_whatever_happened(server, kernel):
    pages = {
        get(server, query).body.decode() for query in ("", "?state=x&code=y", "?error=access_denied", "?" + "a" * 9000)
    }
    assert len(pages) == 1


def test_the_page_allows_nothing_but_its_own_style(server):
    answer = get(server, "?state=x")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_a_browser_that_comes_back_is_expected(server, method):
    assert server.request(method, "credmagic/api/oauth/callback?state=x", headers={}).status == 405


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("end", ["callback?", "callback/?"])
def test_no_query_is_logged_whatever_is_wrong_with_it(server, canary, method, end):
    queries = (
        f"code={quote(canary)}",
        f"token={quote(canary)}",
        f"{quote(canary)}",
        f"code=%ff%00{quote(canary)}&" * 80,
    )
    for query in queries:
        assert server.request(method, f"credmagic/api/oauth/{end}{query}", headers={}).status in (200, 405)
    time.sleep(0.2)
    assert "callback" in server.log
    assert canary not in server.log
    assert quote(canary) not in server.log


def test_the_page_does_not_wait_for_a_provider_that_takes_its_time(server, kernel, provider):
    held = threading.Event()

    def slowly(path, headers, body):
        held.wait(20)
        return 200, {"access_token": "at-1234567890", "refresh_token": "rt-1234567890"}

    with running() as slow:
        slow.answer = slowly
        fields = {"client_id": "app", "token_url": f"{slow.url}/token", "authorization_url": f"{slow.url}/auth"}
        server.run(kernel, f"_ = call('create', name='slow', kind='oauth', verify=False, fields={fields!r})")
        server.run(kernel, "login = call('login_begin', ref='slow')")
        state = parse_qs(urlsplit(server.run(kernel, "print(login['authorization_url'])")).query)["state"][0].strip()
        try:
            assert get(server, f"?code=c-1234567890&state={state}").status == 200
            checked = server.run(kernel, "print(call('login_check', login_id=login['login_id'])['state'])")
            assert checked.strip() == "waiting"
        finally:
            held.set()
        script = (
            "import time\nfor _ in range(100):\n    ended = call('login_check', login_id=login['login_id'])\n"
            "    if ended['state'] != 'waiting': break\n    time.sleep(.1)\nprint(ended['state'])"
        )
        assert server.run(kernel, script).strip() == "done"
        server.run(kernel, "_ = call('delete', ref='slow')")


def test_the_page_is_there_for_a_vault_that_does_not_open_and_an_address_that_somebody_chose(tmp_path):
    front = "https://front.example/credmagic/api/oauth/callback"
    options = (f"--Credmagic.callback_url={front}",)
    with jupyter_server(tmp_path, *options) as server:
        kernel = server.start_kernel("a.ipynb")
        fields = {"client_id": "app", "token_url": "https://id.example/t", "authorization_url": "https://id.example/a"}
        server.run(kernel, "import credmagic.api; call = credmagic.api.client().call")
        server.run(kernel, f"_ = call('create', name='crm', kind='oauth', verify=False, fields={fields!r})")
        assert server.run(kernel, "print(call('login_begin', ref='crm')['redirect_uri'])").strip() == front
        opened = get(server, "?state=x").body
    for key in (tmp_path / "home" / "config").rglob("*.key"):
        key.unlink()
    with jupyter_server(tmp_path) as locked:
        answer = get(locked, "?state=x&code=y")
        assert (answer.status, answer.body) == (200, opened)
        assert answer.headers["cache-control"] == "no-store"
        assert "could not end" not in locked.log


def test_nothing_that_a_login_is_made_of_lies_anywhere(server, kernel, canary):
    tokens = {"access_token": f"at-{canary}", "refresh_token": f"rt-{canary}"}
    with running() as provider:
        provider.answer = lambda *asked: (200, tokens)
        fields = {
            "client_id": "app", "client_secret": f"cs-{canary}",
            "token_url": f"{provider.url}/token", "authorization_url": f"{provider.url}/auth",
        }  # fmt: skip
        server.run(kernel, f"_ = call('create', name='swept', kind='oauth', verify=False, fields={fields!r})")
        server.run(kernel, "login = call('login_begin', ref='swept')")
        state = parse_qs(urlsplit(server.run(kernel, "print(login['authorization_url'])").strip()).query)["state"][0]
        get(server, f"?code=c-{quote(canary)}&state={state}")
        said = server.run(kernel, "print(call('login_check', login_id=login['login_id']), call('audit'))")
        form = parse_qs(provider.seen[0][2].decode())
    time.sleep(0.2)
    assert "'state': 'done'" in said
    assert form["code"] == [f"c-{canary}"]
    files = [path for path in server.workdir.rglob("*") if path.is_file()]
    lying = b"".join(path.read_bytes() for path in files) + said.encode()
    assert b"login.done" in lying
    for secret in (canary[:30], state, form["code_verifier"][0]):
        assert secret.encode() not in lying


def test_a_browser_comes_back_through_a_proxy_under_the_address_it_knows(server, kernel, tmp_path):
    certificate = self_signed(tmp_path)
    trusted = ssl.create_default_context(cafile=str(certificate.cert))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted))
    with reverse_proxy(server.port, certificate) as proxy, running() as provider:
        provider.answer = lambda *asked: (200, {"access_token": "at-1234567890", "refresh_token": "rt-1234567890"})
        fields = {"client_id": "app", "token_url": f"{provider.url}/token", "authorization_url": f"{provider.url}/auth"}
        server.run(kernel, f"_ = call('create', name='proxied', kind='oauth', verify=False, fields={fields!r})")
        redirect = f"{proxy.origin}{server.base_url}credmagic/api/oauth/callback"
        server.run(kernel, f"login = call('login_begin', ref='proxied', redirect_uri={redirect!r})")
        asked = parse_qs(urlsplit(server.run(kernel, "print(login['authorization_url'])").strip()).query)
        with opener.open(f"{asked['redirect_uri'][0]}?code=c-1234567890&state={asked['state'][0]}", timeout=20) as page:
            assert page.status == 200
        form = parse_qs(provider.seen[0][2].decode())
    assert server.run(kernel, "print(call('login_check', login_id=login['login_id'])['state'])").strip() == "done"
    assert form["redirect_uri"] == [redirect]
