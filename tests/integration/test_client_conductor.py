"""Does Conductor's own, unmodified client work against this server, in every call it offers for identities?

The client lives in a virtual environment of its own: `CREDMAGIC_TEST_CONDUCTOR_PYTHON` is that environment's python.
"""

import re
import secrets
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from beside import vault_of
from client_process import ClientProcess, python_of
from credmagic.crypto import jwt
from credmagic.testing.jupyter import jupyter_server
from credmagic.vault.actions import dispatch
from credmagic.vault.audit import Caller

REQUEST = re.compile(r"\b(\d{3}) (GET|POST|PUT|DELETE) \S*?credmagic/+api/+(\S*)")

APPLICATION = {"model": "CreateOrUpdateApplicationRequest"}
SUBJECT = {"model": "SubjectRef", "type": "USER", "id": "jo"}
TARGET = {"model": "TargetRef", "type": {"model": "TargetType", "value": "WORKFLOW_DEF"}, "id": "w"}
GATEWAY = {"model": "AuthenticationConfig", "id": "g", "authentication_type": "NONE"}
ROLE = {"model": "CreateOrUpdateRoleRequest", "name": "r", "permissions": []}

NOT_SERVED = {
    "upsert_user": [{"model": "UpsertUserRequest", "name": "Jo"}, "jo"],
    "get_user": ["jo"],
    "list_users": [],
    "delete_user": ["jo"],
    "check_permissions": ["jo", "WORKFLOW_DEF", "w"],
    "get_granted_permissions_for_user": ["jo"],
    "upsert_group": [{"model": "UpsertGroupRequest", "description": "d"}, "g"],
    "get_group": ["g"],
    "list_groups": [],
    "delete_group": ["g"],
    "add_user_to_group": ["g", "jo"],
    "get_users_in_group": ["g"],
    "remove_user_from_group": ["g", "jo"],
    "add_users_to_group": ["g", ["jo"]],
    "remove_users_from_group": ["g", ["jo"]],
    "get_granted_permissions_for_group": ["g"],
    "get_permissions": [TARGET],
    "grant_permissions": [SUBJECT, TARGET, ["READ"]],
    "remove_permissions": [SUBJECT, TARGET, ["READ"]],
    "list_all_roles": [],
    "list_system_roles": [],
    "list_custom_roles": [],
    "list_available_permissions": [],
    "create_role": [ROLE],
    "get_role": ["r"],
    "update_role": ["r", ROLE],
    "delete_role": ["r"],
    "create_gateway_auth_config": [GATEWAY],
    "get_gateway_auth_config": ["g"],
    "list_gateway_auth_configs": [],
    "update_gateway_auth_config": ["g", GATEWAY],
    "delete_gateway_auth_config": ["g"],
}


class Client(ClientProcess):
    """The real client in a process of its own, configured by nothing but its environment and `new`."""

    def __init__(self, home, **variables):
        super().__init__("conductor", home, **variables)
        self.called = set()

    def do(self, call, **how):
        answer = self.ask(call, **how)
        return answer["ok"] if "ok" in answer else Raised(**answer)

    def __getattr__(self, name):
        def call(*args):
            self.called.add(name)
            return self.do("method", name=name, args=list(args))

        return call


@dataclass
class Raised:
    """What the client raised."""

    error: str
    status: int | None
    error_code: str | None
    message: str | None

    @property
    def short(self):
        return self.error, self.status, self.error_code


@contextmanager
def client(home, environment=None, **settings):
    with Client(home, **(environment or {})) as made:
        made.ok("new", **settings)
        yield made


class Requests:
    """What reached the server since it was last asked: (status, method, path below api/)."""

    def __init__(self, server):
        self.server, self.seen = server, 0
        self.new()

    def new(self):
        mark = f"mark-{secrets.token_hex(8)}"  # lines are written in order, each just after its answer
        self.server.request("GET", f"credmagic/api/{mark}")
        deadline = time.monotonic() + 5
        while mark not in (log := self.server.log) and time.monotonic() < deadline:
            time.sleep(0.01)
        found = [(int(status), method, path) for status, method, path in REQUEST.findall(log) if "mark-" not in path]
        found, self.seen = found[self.seen :], len(found)
        return found


@dataclass
class Place:
    """A server, its vault, and an application in it that has the role ADMIN."""

    server: object
    vault: object
    url: str
    application: str
    key: str
    secret: str

    def do(self, action, **params):
        return dispatch(self.vault, Caller("local"), action, params)

    def key_of(self, *roles):
        """(application id, key id, secret) of a new application."""
        ident = self.do("app_add", name="another")["id"]
        self.do("app_update", ref=ident, roles=list(roles))
        key = self.do("key_create", ref=ident)
        return ident, key["id"], key["secret"]

    def environment(self, url=None, key=None, secret=None):
        return {
            "CONDUCTOR_SERVER_URL": url or self.url,
            "CONDUCTOR_AUTH_KEY": key or self.key,
            "CONDUCTOR_AUTH_SECRET": secret or self.secret,
        }


@contextmanager
def place(workdir, base_url="/"):
    with jupyter_server(workdir, base_url=base_url) as server, vault_of(workdir) as vault:
        url = f"http://127.0.0.1:{server.port}{base_url}credmagic/api"
        found = Place(server, vault, url, "", "", "")
        found.application, found.key, found.secret = found.key_of("ADMIN")
        yield found


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    python_of("conductor")
    with place(tmp_path_factory.mktemp("conductor"), "/user/jo/") as found:
        yield found


@pytest.fixture
def admin(here, tmp_path):
    with client(tmp_path, here.environment()) as made:
        yield made


@pytest.fixture
def requests(here):
    return Requests(here.server)


# ── every call ───────────────────────────────────────────────────────────────────────────────────────────────


def test_an_application_lives_its_whole_life_in_the_clients_hands(admin, here):
    made = admin.create_application({**APPLICATION, "name": "Nachtschicht 💾"})
    ident = made["id"]
    assert (made["name"], type(made["create_time"])) == ("Nachtschicht 💾", int)
    assert admin.get_application(ident) == made
    assert made in admin.list_applications()
    renamed = admin.update_application({**APPLICATION, "name": "night"}, ident)
    assert (renamed["name"], renamed["create_time"]) == ("night", made["create_time"])

    assert admin.add_role_to_application_user(ident, "ADMIN") is None
    assert here.do("app", ref=ident)["role"] == "Admin"
    assert admin.remove_role_from_application_user(ident, "ADMIN") is None
    assert here.do("app", ref=ident)["role"] == "Contributor"

    tags = [
        {"model": "MetadataTag", "key": "auth_tag", "value": "val"},
        {"model": "MetadataTag", "key": "b", "value": "w"},
    ]
    assert admin.set_application_tags(tags, ident) is None
    assert [(tag["key"], tag["type"], tag["value"]) for tag in admin.get_application_tags(ident)] == [
        ("auth_tag", "METADATA", "val"), ("b", "METADATA", "w"),
    ]  # fmt: skip
    assert admin.delete_application_tags(tags, ident) is None
    assert admin.get_application_tags(ident) == []

    assert admin.get_access_keys(ident) == []
    key = admin.create_access_key(ident)
    (listed,) = admin.get_access_keys(ident)
    assert (listed["id"], listed["status"], type(listed["created_at"])) == (key["id"], "ACTIVE", int)
    assert admin.get_app_by_access_key_id(key["id"])["id"] == ident
    assert admin.generate_token(key["id"], key["secret"])["token"].count(".") == 2
    assert admin.toggle_access_key_status(ident, key["id"])["status"] == "INACTIVE"
    assert admin.generate_token(key["id"], key["secret"]).short == (
        "AuthorizationException",
        401,
        "INVALID_CREDENTIALS",
    )
    assert admin.toggle_access_key_status(ident, key["id"])["status"] == "ACTIVE"
    assert admin.delete_access_key(ident, key["id"]) is None
    assert admin.get_access_keys(ident) == []

    info = admin.get_user_info_from_token()
    assert (info["id"], info["roles"], info["applicationUser"]) == (here.application, [{"name": "ADMIN"}], True)
    assert admin.delete_application(ident) is None
    assert admin.get_application(ident).status == 404

    assert admin.called == set(admin.do("methods")) - set(NOT_SERVED)  # no call it offers was left out
    for value in (key["secret"], here.secret, admin.do("token")):
        assert value not in here.server.log


@pytest.mark.parametrize("ident", ["nobody", "a/b", "../token", "ä b?c#d%"])
def test_each_call_about_what_is_not_there_says_so(admin, requests, ident):
    tags = [{"model": "MetadataTag", "key": "k", "value": "v"}]
    failures = [
        admin.get_application(ident),
        admin.update_application({**APPLICATION, "name": "x"}, ident),
        admin.delete_application(ident),
        admin.add_role_to_application_user(ident, "USER"),
        admin.remove_role_from_application_user(ident, "USER"),
        admin.set_application_tags(tags, ident),
        admin.get_application_tags(ident),
        admin.delete_application_tags(tags, ident),
        admin.create_access_key(ident),
        admin.get_access_keys(ident),
        admin.toggle_access_key_status(ident, ident),
        admin.delete_access_key(ident, ident),
        admin.get_app_by_access_key_id(ident),
    ]

    assert {failure.short for failure in failures} == {("ApiException", 404, None)}
    assert all("no application" in failure.message or "no access key" in failure.message for failure in failures)
    assert [status for status, _, _ in requests.new()] == [404] * len(failures)


def test_what_cannot_be_is_told_in_the_clients_own_words(admin, here):
    assert admin.create_application({**APPLICATION, "name": "  "}).status == 400
    assert admin.create_application({**APPLICATION, "name": None}).status == 400
    assert admin.add_role_to_application_user(here.application, "NO_SUCH").status == 400
    assert admin.remove_role_from_application_user(here.application, "a/b").status == 400
    bad = admin.generate_token("cmk_nobody", "wrong")
    assert bad.short == ("AuthorizationException", 401, "INVALID_CREDENTIALS")
    assert bad.message == "id or secret are wrong, or paused"


@pytest.mark.parametrize("name", NOT_SERVED)
def test_what_is_not_served_fails_cleanly(not_served_client, name):
    admin, requests = not_served_client
    requests.new()

    failure = getattr(admin, name)(*NOT_SERVED[name])

    assert failure.short == ("ApiException", 404, None)
    assert failure.message == "there is nothing at this address"
    assert len(requests.new()) == 1


@pytest.fixture(scope="module")
def not_served_client(here, tmp_path_factory):
    with client(tmp_path_factory.mktemp("client"), here.environment()) as made:
        yield made, Requests(here.server)


def test_a_contributor_is_told_once_that_it_may_not(here, tmp_path, requests):
    ident, key, secret = here.key_of("WORKER")
    with client(tmp_path, here.environment(key=key, secret=secret)) as worker:
        assert worker.get_application(ident)["id"] == ident
        assert worker.get_user_info_from_token()["roles"] == [{"name": "WORKER"}]
        requests.new()

        refused = [
            worker.create_application({**APPLICATION, "name": "more"}),
            worker.create_access_key(here.application),
            worker.add_role_to_application_user(ident, "ADMIN"),
            worker.toggle_access_key_status(here.application, here.key),
        ]

    assert {failure.short for failure in refused} == {("AuthorizationException", 403, "FORBIDDEN")}
    assert [status for status, _, _ in requests.new()] == [403] * 4


# ── where the server is ──────────────────────────────────────────────────────────────────────────────────────


def test_a_slash_at_the_end_of_the_url_is_fine(here, tmp_path, requests):
    with client(tmp_path, here.environment(url=here.url + "/")) as made:
        assert here.application in [row["id"] for row in made.list_applications()]

    assert {status for status, _, _ in requests.new()} == {200}


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_base_url_is_fine(here, tmp_path, ending):
    environment = {name: value for name, value in here.environment().items() if name != "CONDUCTOR_SERVER_URL"}
    with client(tmp_path, environment, base_url=here.url.removesuffix("/api") + ending) as made:
        assert here.application in [row["id"] for row in made.list_applications()]


def test_a_server_without_a_base_url_is_fine(tmp_path):
    python_of("conductor")
    with place(tmp_path) as other, client(tmp_path, other.environment()) as made:
        assert [row["id"] for row in made.list_applications()] == [other.application]


# ── the token's life ─────────────────────────────────────────────────────────────────────────────────────────


def exchanges(found):
    return [status for status, method, path in found if path == "token"]


def test_one_exchange_serves_many_calls(admin, requests):
    for _ in range(5):
        admin.list_applications()

    assert exchanges(requests.new()) == []


def test_a_token_of_45_minutes_is_replaced_before_the_call(admin, requests):
    first = admin.do("token")
    admin.do("age", minutes=44)
    admin.list_applications()
    assert admin.do("token") == first
    requests.new()

    admin.do("age", minutes=2)
    rows = admin.list_applications()

    assert rows
    assert admin.do("token") != first
    assert [(status, path) for status, _, path in requests.new()] == [(200, "token"), (200, "applications")]


def test_an_expired_token_is_replaced_and_the_call_done_once(admin, here, requests):
    claims = jwt.read(here.vault.keyset, admin.do("token"), int(time.time()))
    said = {name: claims[name] for name in ("sub", "jti", "akid", "akv", "plane")}
    requests.new()
    admin.do("token", becomes=jwt.issue(here.vault.keyset, int(time.time()) - 4000, 3600, **said))

    made = admin.create_application({**APPLICATION, "name": "once"})

    assert [row["name"] for row in here.do("apps")["apps"]].count("once") == 1
    assert [(status, path) for status, _, path in requests.new()] == [
        (401, "applications"), (200, "token"), (200, "applications"),
    ]  # fmt: skip
    admin.delete_application(made["id"])


@pytest.mark.parametrize("spoil", [lambda token: "garbage", lambda token: token[:-6] + "AAAAAA", lambda token: ""])
def test_a_token_that_is_no_good_is_replaced(admin, requests, spoil):
    requests.new()
    admin.do("token", becomes=spoil(admin.do("token")))

    assert admin.list_applications()
    assert [status for status, _, _ in requests.new()] == [401, 200, 200]


def test_a_wrong_key_ends_after_a_few_requests(here, tmp_path, requests):
    wrong = here.environment(key="cmk_" + "a" * 20, secret="cms_wrong")
    with client(tmp_path, wrong) as nobody:
        failures = [nobody.list_applications() for _ in range(3)]

        assert not nobody.do("is_anonymous")  # it keeps its keys and will try again

    assert {failure.short for failure in failures} == {("AuthorizationException", 401, "INVALID_TOKEN")}
    found = requests.new()
    assert len(found) <= 7, found
    assert {status for status, _, _ in found} == {401}


def test_a_paused_key_loses_access_within_a_second_and_finds_back(here, tmp_path, requests):
    _, key, secret = here.key_of("USER")
    with client(tmp_path, here.environment(key=key, secret=secret)) as made:
        assert made.list_applications()
        requests.new()

        here.do("key_pause", key_id=key)
        began = time.monotonic()
        failure = made.list_applications()
        took = time.monotonic() - began
        seen = [(status, path) for status, _, path in requests.new()]

        here.do("key_resume", key_id=key)
        assert made.list_applications()

    assert failure.short == ("AuthorizationException", 401, "INVALID_TOKEN")
    assert seen == [(401, "applications"), (401, "token")]
    assert took < 1


def test_a_key_that_pauses_itself_is_out_at_once(here, tmp_path):
    ident, key, secret = here.key_of("ADMIN")
    with client(tmp_path, here.environment(key=key, secret=secret)) as made:
        assert made.toggle_access_key_status(ident, key)["status"] == "INACTIVE"

        assert made.list_applications().short == ("AuthorizationException", 401, "INVALID_TOKEN")


def test_a_role_that_is_taken_away_counts_at_once(here, tmp_path):
    ident, key, secret = here.key_of("ADMIN")
    with client(tmp_path, here.environment(key=key, secret=secret)) as made:
        assert made.create_application({**APPLICATION, "name": "by an admin"})["id"]

        here.do("app_update", ref=ident, roles=["USER"])

        assert made.create_application({**APPLICATION, "name": "x"}).short == (
            "AuthorizationException",
            403,
            "FORBIDDEN",
        )


def test_many_calls_of_the_asynchronous_client_at_once(admin, here, requests):
    requests.new()
    answers = admin.do("in_loop", paths=["/applications", "/token/userInfo", f"/applications/{here.application}"] * 5)

    assert {row["id"] for row in answers[0]} >= {here.application}
    assert [answer["id"] for answer in answers[1::3] + answers[2::3]] == [here.application] * 10
    assert exchanges(requests.new()) == []


def test_the_asynchronous_client_renews_like_the_other(admin, requests):
    first = admin.do("token")
    admin.do("age", minutes=46)
    assert admin.do("in_loop", paths=["/applications"])
    second = admin.do("token")
    admin.do("token", becomes="garbage")
    requests.new()

    assert admin.do("in_loop", paths=["/applications"])
    assert len({first, second, "garbage", admin.do("token")}) == 4
    assert [status for status, _, _ in requests.new()] == [401, 200, 200]


def test_the_asynchronous_client_gives_up_on_a_wrong_key(here, tmp_path, requests):
    with client(tmp_path, here.environment(key="cmk_" + "b" * 20)) as nobody:
        requests.new()

        failure = nobody.do("in_loop", paths=["/applications"])

    assert failure.short == ("AuthorizationException", 401, "INVALID_TOKEN")
    assert len(requests.new()) <= 4


def test_a_client_that_met_a_locked_vault_works_once_it_is_unlocked(tmp_path):
    python_of("conductor")
    with place(tmp_path) as other:
        environment = other.environment()
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    keys = list((tmp_path / "home" / "config").rglob("*.key"))
    for key in keys:
        shutil.move(key, hidden / key.name)

    with jupyter_server(tmp_path) as server:
        environment["CONDUCTOR_SERVER_URL"] = f"http://127.0.0.1:{server.port}/credmagic/api"
        with client(tmp_path, environment) as made:
            failure = made.list_applications()
            assert not made.do("is_anonymous")
            for key in keys:
                shutil.move(hidden / key.name, key)
            time.sleep(2.2)  # for so long the server remembers that it is locked
            failures = [failure, made.list_applications()]

            assert failures[0].status in (401, 423)
            assert [row["id"] for row in failures[1]] == [other.application]


# ── where values leave ───────────────────────────────────────────────────────────────────────────────────────


def test_a_key_that_the_client_made_opens_the_teams_credential_on_the_machine_plane(admin, here, canary):
    here.do("create", name="warehouse", kind="bearer", fields={"token": canary}, team=True, verify=False)
    ident = admin.create_application({**APPLICATION, "name": "nightly"})["id"]
    key = admin.create_access_key(ident)
    token = admin.generate_token(key["id"], key["secret"])["token"]

    def resolve(**headers):
        return here.server.request("POST", "credmagic/api/resolve", {"ref": "warehouse"}, headers=headers)

    resolved = resolve(Authorization=f"Bearer {token}")
    told = [admin.list_applications(), admin.get_access_keys(ident), admin.get_user_info_from_token()]
    admin.toggle_access_key_status(ident, key["id"])

    assert resolved.json()["fields"]["token"] == canary
    assert resolve(Authorization=f"Bearer {token}").status == 401
    assert canary[:24] not in repr(told)
    for secret in (canary, token, key["secret"]):
        assert secret not in here.server.log
