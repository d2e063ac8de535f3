"""Who asks in the fuzz run, and what is there to be asked about?

A real Jupyter server with one user, an Admin, a Contributor and nobody, and things of all faces, made anew when one of
them is gone.
"""

from __future__ import annotations

import secrets

from credmagic.testing.jupyter import TOKEN

USER, ADMIN, CONTRIBUTOR, NOBODY = WHO = ("user", "admin", "contributor", "nobody")
ENV = {"environment": "draft"}
KINDS = {"security_scheme": "basic_auth", "preference": "team", "sso": False}
LOGIN = {"app_credentials": {"username": "ada", "password": "PASSWORD"}}
OWN_LOGIN = {"runtime_credentials": {"username": "ada", "password": "PASSWORD"}}
TAGS = [{"key": "stage", "value": "test"}]
_CREATION = {"credentialType": "basic", "user": "ada", "password": "PASSWORD"}
_USER = {"password": "PASSWORD", "roleNames": ["Contributor"]}

ASKED_RIGHT = {
    "conductor_post_token": {"keyId": "KEY_ID", "keySecret": "KEY_SECRET"},
    "conductor_post_applications": {"name": "NEW"},
    "conductor_put_applications_applicationId": {"name": "NEW"},
    "conductor_put_applications_applicationId_tags": TAGS,
    "conductor_delete_applications_applicationId_tags": TAGS,
    "datarobot_post_credentials": {"name": "NEW", **_CREATION},
    "datarobot_patch_credentials_credentialId": {"description": "changed"},
    "datarobot_patch_credentials_credentialId_associations": {
        "credentialsToAdd": [{"objectId": "NEW", "objectType": "job"}]
    },
    "datarobot_put_credentials_credentialId_associations_objectType_objectId": {"isDefault": True},
    "machine_post_resolve": {"ref": "OWN_CREDENTIAL"},
    "machine_post_actions_action": {},
    "orchestrate_post_icp4d_api_v1_authorize": {"username": "KEY_ID", "api_key": "KEY_SECRET"},
    "orchestrate_post_v1_orchestrate_connections_applications": {"app_id": "NEW"},
    "orchestrate_post_v1_orchestrate_connections_applications_app_id_configurations": {**KINDS, "environment": "live"},
    "orchestrate_patch_v1_orchestrate_connections_applications_app_id_configurations_environment": {
        "server_url": "https://example.org"
    },
    "orchestrate_post_v1_orchestrate_connections_applications_app_id_configs_environment_credentials": LOGIN,
    "orchestrate_patch_v1_orchestrate_connections_applications_app_id_configs_environment_credentials": LOGIN,
    "orchestrate_post_v1_orchestrate_connections_applications_app_id_configs_environment_runtime_credentials": OWN_LOGIN,
    "orchestrate_patch_v1_orchestrate_connections_applications_app_id_configs_environment_runtime_credentials": OWN_LOGIN,
    "unify_post_sessions": {"email": "KEY_ID", "password": "KEY_SECRET"},
    "unify_post_v1_orgs_org_machine_users": {"identifier": "NEW", **_USER},
    "unify_put_v1_orgs_org_machine_users_machineUserId": {"newPassword": "PASSWORD"},
}
"""The body of each operation that takes one, as a client sends it; words in capitals are put in by the world.

These operations answer 2xx only to data that no generator would find: names of kinds, ids and secrets that exist.
"""


class World:
    """What is there to be asked about, made anew when it is gone; each identity's own where ownership matters."""

    def __init__(self, server, canary):
        self.server = server
        self.canary = canary
        self.tokens = {}
        self.things = {}
        self.tokens[USER] = self.call("POST", "icp4d-api/v1/authorize", {"username": "me", "api_key": TOKEN})["token"]
        for who, role in ((ADMIN, "Admin"), (CONTRIBUTOR, "Contributor")):
            login = {"identifier": f"the-{who}", "password": self.password(), "roleNames": [role]}
            self.call("POST", "api/v1/orgs/1/machine_users", login, USER)
            sent = {"email": login["identifier"], "password": login["password"]}
            self.tokens[who] = self.call("POST", "api/sessions", sent)["authToken"]

    def call(self, method, path, body=None, who=NOBODY):
        """One request that succeeds; its JSON."""
        answer = self.server.request(method, "credmagic/" + path, body, headers=self.headers(who, path))
        assert answer.status in (200, 201), (method, path, answer.status, answer.body)
        return answer.json()

    def headers(self, who, path):
        """How `who` identifies there: each face has a header of its own."""
        if who == NOBODY:
            return {}
        if path.startswith("api/v1/orgs"):
            return {"x-auth-token": self.tokens[who]}
        if path.startswith(("api/applications", "api/token")):
            return {"X-Authorization": self.tokens[who]}
        if who == USER and path.startswith(("api/v2", "api/kinds", "api/health", "api/openapi.json")):
            return {"Authorization": f"token {TOKEN}"}
        return {"Authorization": f"Bearer {self.tokens[who]}"}

    def password(self):
        """Good enough for everybody, and with the canary in it."""
        return f"{self.canary}-{secrets.token_hex(6)}"

    # ── things ───────────────────────────────────────────────────────────────────────────────────────────────

    def thing(self, name, who):
        """A value of the parameter `name` that leads somewhere."""
        if name not in self.makers:
            return None
        owner = who if who == USER or name == "credentialId" else ADMIN
        key = (name, ADMIN if owner == NOBODY else owner)
        if key not in self.things:
            self.things[key] = self.makers[name](self, key[1])
        return self.things[key]

    def forget(self, name):
        """What was there is gone, and what was in it."""
        gone = {"applicationId", "keyId", "secret"} if name in ("applicationId", "keyId") else {name}
        self.things = {key: value for key, value in self.things.items() if key[0] not in gone}

    def _credential(self, who):
        body = {"name": new(), **_CREATION, "password": self.password()}
        return self.call("POST", "api/v2/credentials/", body, who)["credentialId"]

    def _application(self, who):
        return self.call("POST", "api/applications", {"name": new()}, who)["id"]

    def _key(self, who):
        key = self.call("POST", f"api/applications/{self.thing('applicationId', who)}/accessKeys", None, who)
        self.things["secret", who] = key["secret"]
        return key["id"]

    def fresh_key(self):
        """The id of a key that nobody has paused; its secret lies beside it."""
        self.forget("keyId")
        return self.thing("keyId", USER)

    def _connection(self, who):
        app_id, place = new(), "v1/orchestrate/connections/applications"
        self.call("POST", place, {"app_id": app_id}, who)
        self.call("POST", f"{place}/{app_id}/configurations", {**KINDS, **ENV}, who)
        self.call("POST", f"{place}/{app_id}/configs/draft/credentials", self.filled(LOGIN, who), who)
        return app_id

    def _machine(self, who):
        login = {"identifier": new(), **_USER, "password": self.password()}
        return self.call("POST", "api/v1/orgs/1/machine_users", login, who)["id"]

    makers = {
        "credentialId": _credential,
        "applicationId": _application,
        "keyId": _key,
        "app_id": _connection,
        "machineUserId": _machine,
        "objectType": lambda self, who: "job",
        "objectId": lambda self, who: "nightly",
        "role": lambda self, who: "USER",
        "environment": lambda self, who: "draft",
        "env": lambda self, who: "draft",
        "org": lambda self, who: "1",
        "action": lambda self, who: "names",
    }

    def filled(self, body, who):
        """A body with what its words in capitals stand for."""
        if isinstance(body, list):
            return [self.filled(item, who) for item in body]
        if isinstance(body, dict):
            return {name: self.filled(value, who) for name, value in body.items()}
        if not isinstance(body, str) or body not in self.words:
            return body
        return self.words[body](self, who)

    words = {
        "NEW": lambda self, who: new(),
        "PASSWORD": lambda self, who: self.password(),
        "OWN_CREDENTIAL": lambda self, who: self.thing("credentialId", who),
        "KEY_ID": lambda self, who: self.fresh_key(),
        "KEY_SECRET": lambda self, who: self.things["secret", USER],
    }


def new():
    """A name that nothing has yet."""
    return "n" + secrets.token_hex(6)
