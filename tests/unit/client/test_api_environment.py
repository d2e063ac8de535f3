"""Which environment does `use` look in when nobody says? This process's active one, whichever client answers."""

import pytest

from credmagic import api


class _Remote:
    """A client in another process: it must be told, it cannot read our variables."""

    plane = "kernel"
    asked = None

    def resolve(self, ref, *, environment=None, version=None, kind=None):
        self.asked = environment
        return {"id": "0" * 32, "name": ref, "kind": "basic", "kind_version": 1, "version": 1, "environment": "",
                "fields": {"user": "ada"}, "secret": [], "expires_at": None}  # fmt: skip

    def close(self):
        pass


@pytest.mark.parametrize(
    ("active", "given", "expected"), [("", None, "draft"), ("live", None, "live"), ("live", "", "")]
)
def test_use_tells_the_server_which_environment_is_active(home, monkeypatch, active, given, expected):
    remote = _Remote()
    monkeypatch.setattr(api, "_client", remote)
    monkeypatch.setenv("CREDMAGIC_ENVIRONMENT", active)

    api.use("demo", given)

    assert remote.asked == expected
