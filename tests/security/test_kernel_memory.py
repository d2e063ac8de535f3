"""Is anything long-lived in a kernel that talks to a server? Every kind of token is used there; then its memory is searched.

Twice: all that is reachable as a Python object, and the raw memory of the process, where also what was freed still lies.
Controls: what the kernel may have (its tokens), and canaries in places that are easily overlooked, are found.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from credmagic.client.socket import SocketClient
from credmagic.kinds.registry import find_kind
from credmagic.kinds.token_kind import TokenKind
from credmagic.testing.authorization_server import AuthorizationServer
from credmagic.testing.fixtures import require
from credmagic.testing.jupyter import JupyterServer, jupyter_server
from credmagic.testing.oidc_provider import OidcProvider
from integration.every_kind import SIGN_IN, TABLE
from integration.every_service import Services, ThreadedMotoServer, address_of, boto3, post
from security.leaks import Canary, Search

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:botocore", "ignore::DeprecationWarning:moto"),
]

WALK = Path(__file__).with_name("object_walk.py")
USED = """
import credmagic, os
kept = []
for name in {names}:
    cred = credmagic.use(name)
    kept += [cred, str(cred.token if cred.is_short_lived else cred), dict(cred), cred.environ(), cred.files(), repr(cred)]
    kept += [cred.refresh(), cred.public(), getattr(cred, 'auth', dict)()]
    get_ipython().run_line_magic('cred', f'use {{name}} --export')
    get_ipython().run_line_magic('cred', f'show {{name}}')
print(len(kept))
"""
REFUSED = """
for name in {names}:
    try:
        credmagic.use(name)
    except credmagic.errors.CredmagicError as error:
        kept.append(error)
    else:
        raise AssertionError(name)
"""
PLANTED = """
import secrets, threading
planted = {{place: f'planted-{{secrets.token_hex(16)}}' for place in ('closure', 'slot', 'frame', 'error', 'bytes')}}
def closure(value): return lambda: value
class Slotted: __slots__ = ('x',)
def waits(value, over): over.wait()
def fails(value): raise ValueError('x')
hidden = [closure(planted['closure']), Slotted(), b'..' + planted['bytes'].encode()]
hidden[1].x = planted['slot']
over = threading.Event(); threading.Thread(target=waits, args=(planted['frame'], over), daemon=True).start()
try: fails(planted['error'])
except ValueError as error: hidden.append(error)
open({out!r}, 'w').write('\\n'.join(planted.values())); del planted
"""


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """The services that make tokens."""
    require("moto", boto3)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    moto.start()
    post(address_of(moto) + "/moto-api/reset")
    with AuthorizationServer() as provider:
        yield Services(provider, address_of(moto), None, None, tmp_path_factory.mktemp("keys"))
    post(address_of(moto) + "/moto-api/reset-auth", b"inf")
    moto.stop()


@pytest.fixture(scope="module")
def server(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[JupyterServer]:
    workdir = tmp_path_factory.mktemp("memory")
    config = workdir / "jupyter-config/jupyter_server_config.py"
    config.parent.mkdir()
    box = f"from credmagic.kinds import box_jwt\nbox_jwt.TOKEN_URL = {services.provider.token_url!r}\n"
    config.write_text(box)  # the only service whose address is not in the credential
    with jupyter_server(workdir) as running:
        yield running


def values(services: Services) -> Iterator[tuple[str, dict]]:
    """A credential of every kind that is made into tokens; of an AWS role one with a key, one with a session.

    None may leave as it is: Snowflake's connector signs by itself, so its key does unless one says otherwise.
    """
    for kind, made in TABLE.items():
        if issubclass(find_kind(kind), TokenKind):
            yield kind, {**made(services, 1), "exportable": False}
    yield from zip(("s3", "s3-session"), services.aws(), strict=True)


def signed_in(server: JupyterServer, kernel: str, outside: SocketClient, provider: OidcProvider) -> list[Canary]:
    """A person signs in from a cell of that kernel; the code, and what else only the vault may know of it."""
    secret = provider.clients["notebook"]["client_secret"]
    fields = {
        "client_id": "notebook", "client_secret": secret, "token_url": provider.token_url,
        "authorization_url": provider.authorization_url, "scope": ["openid", "offline_access"],
        "custom_auth_query": {"prompt": "consent"},
    }  # fmt: skip
    outside.call("create", name="login", kind="oauth", fields=fields, verify=False)
    redirect = f"{server.url}credmagic/api/oauth/callback"
    call = "credmagic.api.client().call"
    begin = f"import credmagic.api\nlogin = {call}('login_begin', ref='login', redirect_uri={redirect!r})\n"
    address = server.run(kernel, begin + "print(login['authorization_url'])").strip()
    back = provider.sign_in(address)
    assert server.request("GET", f"credmagic/api/oauth/callback?{urlsplit(back).query}", headers={}).status == 200
    ended = server.run(kernel, f"print({call}('login_check', login_id=login['login_id'])['state'])")
    assert ended.strip() == "done"
    code = parse_qs(urlsplit(back).query)["code"][0]
    return [Canary("login", name, text, (text,)) for name, text in (("code", code), ("client_secret", secret))]


@pytest.fixture(scope="module")
def lived(server: JupyterServer, services: Services) -> SimpleNamespace:
    """All of it used in one kernel: what must not be there, what must be, the texts of its objects, its raw memory."""
    kernel = server.start_kernel("memory.ipynb")
    env = server.kernel_environment(kernel)
    outside = SocketClient(env["CREDMAGIC_SOCKET"], env["CREDMAGIC_KERNEL_TOKEN"])
    made = list(values(services))
    for name, fields in made:
        outside.call("create", name=name, kind=name.removesuffix("-session"), fields=fields, verify=False)
    names = [name for name, _ in made]
    usable = [name for name in names if name not in (*SIGN_IN, "external_oauth_provider")]
    with OidcProvider() as provider:
        canaries = [*services.canaries, *signed_in(server, kernel, outside, provider)]
        shown = server.run(kernel, USED.format(names=[*usable, "login"]), seconds=120)
        assert re.search(r"^\d+$", shown, re.MULTILINE), shown
    shown = server.run(kernel, REFUSED.format(names=list(SIGN_IN)), seconds=60)
    assert not shown, shown
    outside.close()
    planted = server.workdir / "planted"
    server.run(kernel, PLANTED.format(out=str(planted)))
    out = server.workdir / "texts"
    visited = server.run(
        kernel, f"exec(open({str(WALK)!r}).read()); print(walk({str(out)!r}), os.getpid())", seconds=120
    )
    objects, pid = map(int, visited.split())
    renewals = [one for family in services.provider.families for one in (*family.spent, family.current)]
    return SimpleNamespace(
        canaries=[*canaries, *(Canary("renewal", one[:9], one, (one,)) for one in renewals if one)],
        tokens=services.tokens(), planted=planted.read_text().splitlines(), usable=usable,
        objects=objects, texts=out.read_bytes(), memory=raw_memory(pid),
    )  # fmt: skip


def raw_memory(pid: int) -> bytes:
    """Everything that process can write to and has written."""
    found = []
    try:
        maps = Path(f"/proc/{pid}/maps").read_text().splitlines()
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                span, rights, *_ = line.split()
                start, end = (int(part, 16) for part in span.split("-"))
                if rights.startswith("rw"):
                    found.append(read(memory, start, end))
    except PermissionError:
        require("the right to read the memory of one's own processes (ptrace)", None)
    return b"".join(found).replace(bytes(4096), b"")  # most of it was never used


def read(memory: Any, start: int, end: int) -> bytes:
    try:
        return os.pread(memory.fileno(), end - start, start)
    except OSError:  # a region that nobody can read
        return b""


def test_every_kind_that_is_made_into_tokens_was_used(lived) -> None:
    kinds = {cls for cls in TABLE if issubclass(find_kind(cls), TokenKind)} | {"s3", "s3-session"}
    assert kinds - set(lived.usable) == {*SIGN_IN, "external_oauth_provider"}
    assert len(lived.canaries) > 40


def test_no_object_of_the_kernel_holds_what_stays_in_the_vault(lived, record_property) -> None:
    record_property("figures", f"{lived.objects} objects, {len(lived.texts)} bytes of text")
    print(f"{lived.objects} objects, {len(lived.texts)} bytes of text, {len(lived.canaries)} canaries")
    assert Search(lived.canaries).hits(lived.texts) == set()


def test_nor_is_it_in_the_raw_memory_of_its_process(lived, record_property) -> None:
    record_property("figures", f"{len(lived.memory)} bytes of memory")
    print(f"{len(lived.memory)} bytes of memory")
    assert Search(lived.canaries).hits(lived.memory) == set()


@pytest.mark.parametrize("where", ["texts", "memory"])
def test_what_a_kernel_may_have_is_found_there(lived, where) -> None:
    """So are canaries in a closure, a slot, a frame of another thread, a traceback and in bytes."""
    data = getattr(lived, where)
    assert [text for text in lived.planted if text.encode() not in data] == []
    found = [token for token in lived.tokens if token.encode() in data]
    assert len(found) >= len(lived.usable) - 3  # AWS's and Snowflake's are not made by this provider
