"""A browser comes back to a real server: the login it belongs to ends, and nothing of the answer stays anywhere."""

import time
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.testing.jupyter import jupyter_server
from credmagic.testing.oidc_provider import OidcProvider


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


def get(server, query, **headers):
    return server.request("GET", f"credmagic/api/oauth/callback{query}", headers=headers)


def begun(server, kernel):
    redirect = f"{server.url.rstrip('/')}/credmagic/api/oauth/callback"
    server.run(kernel, f"login = call('login_begin', ref='crm', redirect_uri={redirect!r})")
    return server.run(kernel, "print(login['authorization_url'])").strip()


def test_the_browser_that_comes_back_ends_the_login(server, kernel, provider):
    target = provider.sign_in(begun(server, kernel))
    answer = get(server, f"?{urlsplit(target).query}", **{"Sec-Fetch-Site": "cross-site", "Cookie": "a=b"})

    assert urlsplit(target).path.endswith("/credmagic/api/oauth/callback")
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
