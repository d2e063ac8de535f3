"""Behind a reverse proxy with an origin of its own: links lead back to the proxy, if Jupyter trusts it, else nowhere new."""

from contextlib import ExitStack

import pytest

from client_process import ClientProcess
from credmagic.testing.jupyter import TOKEN, isolated, jupyter_server
from credmagic.testing.tls import self_signed
from credmagic.wiring import local_client
from reverse_proxy import reverse_proxy

SECRET = "canary-P-6c2d90e7f8"
TRUST = "--ServerApp.trust_xheaders=True"
NAMES = [f"c{number:02}" for number in range(45)]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """`running(base_url, *options)`: a server with 45 credentials in its store; one for each way, kept for all tests."""
    with ExitStack() as stack:
        found = {}

        def start(base_url, *options):
            if (base_url, options) not in found:
                workdir = tmp_path_factory.mktemp("proxied")
                fill(workdir)
                found[base_url, options] = stack.enter_context(jupyter_server(workdir, *options, base_url=base_url))
            return found[base_url, options]

        yield start
        assert all(SECRET not in server.log for server in found.values())


def fill(workdir):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in isolated(workdir).items():
            patch.setenv(name, value)
        client = local_client()
        for name in NAMES:
            client.call("create", name=name, kind="basic", fields={"user": "u", "password": SECRET}, verify=False)
        client.close()


def page(server, query="limit=2&offset=2&types=basic", **headers):
    """A page in the middle, asked for with further headers."""
    path = f"credmagic/api/v2/credentials/?{query}"
    return server.request("GET", path, headers={**server.headers, **headers}).json()


@pytest.mark.parametrize("base_url", ["/", "/user/jo/"])
def test_the_real_client_pages_through_the_proxy(running, certificate, tmp_path, base_url):
    server = running(base_url, TRUST)
    with reverse_proxy(server.port, certificate) as proxy, ClientProcess("datarobot", tmp_path) as client:
        endpoint = f"{proxy.origin}{base_url}credmagic/api/v2"
        client.ok("connect", endpoint=endpoint, token=TOKEN, ssl_verify=str(certificate.cert))
        listed = client.ok("list")
        made = client.ok("create_basic", name="by-proxy", user="u", password=SECRET)
        client.ok("update", credential_id=made["credential_id"], description="changed")
        client.ok("delete", credential_id=made["credential_id"])

    assert [one["name"] for one in listed] == NAMES
    asked = [path for method, path in proxy.passed if method == "GET" and "credentials/" in path]
    assert [path.partition("?")[2] for path in asked[:3]] == ["", "offset=20", "offset=40"]


@pytest.mark.parametrize("base_url", ["/", "/user/jo/"])
def test_both_links_are_of_the_origin_the_client_knows(running, certificate, base_url):
    server = running(base_url, TRUST)

    found = page(server, **{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "lab.example.org:8443"})

    start = f"https://lab.example.org:8443{base_url}credmagic/api/v2/credentials/?limit=2&types=basic&offset="
    assert (found["next"], found["previous"]) == (start + "4", start + "0")


def test_who_is_not_trusted_moves_no_link(running):
    server = running("/")

    found = page(server, **{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example.org"})

    assert found["next"].startswith(f"http://127.0.0.1:{server.port}/credmagic/")
    assert found["previous"].startswith(f"http://127.0.0.1:{server.port}/credmagic/")


@pytest.mark.parametrize(
    ("forwarded", "host"),
    [
        ("lab.example.org", "lab.example.org"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("client.example.org, lab.example.org", "lab.example.org"),
        ("", None), (" ", None), ("a b", None), ("evil.example.org/path", None), ("user@evil.example.org", None),
        ("evil.example.org?x", None), ("evil.example.org#", None), ("lab.example.org:port", None), ("https://evil", None),
    ],
)  # fmt: skip
def test_a_forwarded_host_is_a_host_or_nothing(running, forwarded, host):
    server = running("/", TRUST)

    found = page(server, **{"X-Forwarded-Host": forwarded})

    assert found["next"].startswith(f"http://{host or f'127.0.0.1:{server.port}'}/credmagic/")


def test_the_scheme_alone_may_be_another(running):
    server = running("/", TRUST)

    assert page(server, **{"X-Forwarded-Proto": "https"})["next"].startswith(f"https://127.0.0.1:{server.port}/")


def test_a_link_is_null_and_there_on_an_association(running, certificate, tmp_path):
    server = running("/", TRUST)
    with reverse_proxy(server.port, certificate) as proxy, ClientProcess("datarobot", tmp_path) as client:
        client.ok("connect", endpoint=f"{proxy.origin}/credmagic/api/v2", token=TOKEN, ssl_verify=str(certificate.cert))
        ident = client.ok("list")[0]["credential_id"]
        path = f"credentials/{ident}/associations/"
        rows = [{"objectId": f"o{number}", "objectType": "dataconnection"} for number in range(3)]
        client.ok("rest", method="patch", path=path, body={"credentialsToAdd": rows})
        held = client.ok("pages", path=path, limit=1)
        client.ok("rest", method="patch", path=path, body={"credentialsToRemove": ["o0", "o1", "o2"]})

    assert [(row["objectId"], row["link"]) for row in held] == [("o0", None), ("o1", None), ("o2", None)]
