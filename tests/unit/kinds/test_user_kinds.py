"""Kinds that a user describes in files are kinds like all others; a damaged file is named and left out."""

import json

import pytest

from credmagic.errors import InvalidCredential, UnknownKind
from credmagic.kinds import registry
from credmagic.kinds.described import BadDescription, described_kind
from credmagic.kinds.user_files import UserFiles, read_kind
from credmagic.plugins import BrokenPlugin
from credmagic.testing.kind_suite import KindSuite
from credmagic.values import SecretStr

GITLAB = {
    "kind": "gitlab",
    "title": "GitLab token",
    "group": "Git",
    "aliases": ["gitlab_token"],
    "help": "A personal access token.",
    "help_url": "https://docs.example.org",
    "version": 2,
    "fields": {
        "token": {"title": "Access token", "secret": True, "env": "GITLAB_TOKEN", "aliases": "pat", "wire": {"datarobot": "gitlabToken"}},
        "url": {"type": "url", "default": "https://gitlab.com", "help": "Your GitLab.", "placeholder": "https://…"},
        "scope": {"choices": ["api", "read_api"], "required": False},
        "level": {"type": "choice", "choices": ["low"], "open_choice": True, "required": False},
        "port": {"type": "int", "default": "443", "more": True},
        "safe": {"type": "bool", "required": False, "more": True},
        "ends": {"type": "datetime", "required": False, "more": True},
        "groups": {"type": "list", "required": False, "more": True},
        "options": {"type": "json", "required": False, "more": True},
        "extra": {"type": "map", "secret": True, "required": False, "more": True},
        "note": None,
    },
    "verify": {"url": "{url}/api/v4/user", "headers": {"PRIVATE-TOKEN": "{token}"}},
}  # fmt: skip
SCHEMA = {
    "title": "Weather service",
    "description": "A key and a place.",
    "type": "object",
    "properties": {
        "key": {"type": "string", "writeOnly": True, "title": "Key"},
        "site": {"type": "string", "format": "uri"},
        "days": {"type": "integer", "default": 3},
        "units": {"enum": ["metric", "imperial"], "description": "How it is measured."},
    },
    "required": ["key"],
}


class TestDescribed(KindSuite):
    kind = described_kind(GITLAB, "x")
    good = (
        {"token": "CANARY", "note": "n"},
        {
            "token": "CANARY", "url": "https://git.example.org", "scope": "api", "level": "any", "port": 1, "safe": True,
            "ends": "2027-01-31", "groups": ["a"], "options": {"a": 1}, "extra": {"k": "CANARY"}, "note": "n",
        },
    )  # fmt: skip
    bad = (({"note": "n"}, "token"), ({"token": "CANARY", "note": "n", "scope": "CANARY"}, "scope"))


@pytest.fixture
def kinds_dir(home, monkeypatch):
    """The directory of kind files of a home of its own; what was found there is forgotten afterwards."""
    place = home / "config" / "kinds"
    place.mkdir(parents=True)
    monkeypatch.setattr(registry, "user_files", UserFiles())
    monkeypatch.setattr(registry, "_found", {})
    return place


def test_a_kind_in_a_file_is_found_by_name_and_alias_and_listed(kinds_dir):
    (kinds_dir / "gitlab.json").write_text(json.dumps(GITLAB))

    cls = registry.find_kind("gitlab-token")

    assert cls in registry.all_kinds()
    assert cls.describe()["verifiable"] is True
    assert cls.describe()["version"] == 2
    assert type(cls.parse({"pat": "s", "note": "n"}).token) is SecretStr


def test_a_yaml_file_may_leave_out_almost_everything(kinds_dir):
    (kinds_dir / "my-tool.yaml").write_text("fields:\n  key: {secret: true}\n  region:\n")

    cls = registry.find_kind("my_tool")

    assert (cls.kind, cls.title, cls.version) == ("my_tool", "my_tool", 1)
    assert [spec.title for spec in cls.specs()] == ["Key", "Region"]
    assert cls.parse({"key": "s3cr3t", "region": "eu"}).secrets() == {"key": "s3cr3t"}


def test_a_json_schema_describes_a_kind_as_well(kinds_dir):
    (kinds_dir / "weather.json").write_text(json.dumps(SCHEMA))

    cls = registry.find_kind("weather")

    assert cls.title == "Weather service"
    assert {spec.name: (spec.type, spec.secret, spec.required) for spec in cls.specs()} == {
        "key": ("str", True, True), "site": ("url", False, False), "days": ("int", False, False),
        "units": ("choice", False, False),
    }  # fmt: skip
    assert cls.parse({"key": "k"}).days == 3
    with pytest.raises(InvalidCredential):
        cls.parse({"key": "k", "units": "other"})


def test_the_request_that_verifies_goes_out_with_the_values(kinds_dir):
    made = described_kind(GITLAB, "x").parse({"token": "s3cr3t", "note": "n", "url": "https://git.example.org"})
    check = made.http_check()

    assert (check.url, check.headers["PRIVATE-TOKEN"]) == ("https://git.example.org/api/v4/user", "s3cr3t")
    assert "s3cr3t" not in repr(check)


def test_a_changed_file_is_read_again_when_kinds_are_listed(kinds_dir):
    file = kinds_dir / "mine.yaml"
    file.write_text("{title: One, fields: {a: {}}}")
    assert registry.find_kind("mine").title == "One"

    file.write_text("{title: Another, fields: {a: {}}}")

    assert "Another" in [cls.title for cls in registry.all_kinds()]
    assert registry.find_kind("mine").title == "Another"


def test_a_damaged_file_is_named_and_the_others_stay(kinds_dir):
    (kinds_dir / "good.yaml").write_text("fields: {a: {}}")
    (kinds_dir / "bad.yaml").write_text("fields:\n  a: {type: [}\n")
    (kinds_dir / "notes.txt").write_text("not looked at")

    assert "good" in [cls.kind for cls in registry.all_kinds()]
    assert registry.broken_kinds() == {"bad.yaml": "is not valid YAML (line 2, column 14)"}
    with pytest.raises(BrokenPlugin, match=r"bad\.yaml is not valid YAML"):
        registry.find_kind("bad")
    with pytest.raises(UnknownKind):
        registry.find_kind("quite_another")


def test_a_file_cannot_take_the_place_of_a_kind_that_is_there(kinds_dir):
    (kinds_dir / "s3.yaml").write_text("fields: {a: {}}")
    (kinds_dir / "x1.yaml").write_text("{kind: mine, fields: {a: {}}}")
    (kinds_dir / "x2.yaml").write_text("{kind: mine, fields: {b: {}}}")

    assert registry.find_kind("s3").__name__ == "S3"
    assert "mine" in [cls.kind for cls in registry.all_kinds()]
    assert registry.broken_kinds() == {
        "s3.yaml": "names a kind that there is already: s3", "x2.yaml": "names a kind that there is already: mine",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must be a mapping with kind"),
        ("[1, 2]", "must be a mapping with kind"),
        ("{fields: {}}", "fields: must be a mapping of at least one"),
        ("{kind: Bad Name, fields: {a: {}}}", "kind: must be a word"),
        ("{fields: {A-b: {}}}", "must be a word of small letters"),
        ("{fields: {a: 1}}", "fields.a: must be a mapping"),
        ("{fields: {a: {secrets: true}}}", "fields.a: unknown key 'secrets'"),
        ("{fields: {a: {}}, verfy: {}}", "unknown key 'verfy'"),
        ("{fields: {a: {type: password}}}", "fields.a.type: must be one of"),
        ("{fields: {a: {type: choice}}}", "fields.a.choices: is required"),
        ("{fields: {a: {type: int, default: x}}}", "fields.a.default: must be a whole number"),
        ("{fields: {a: {secret: 'yes'}}}", "fields.a.secret: must be true or false"),
        ("{fields: {a: {secret: true, default: s}}}", "fields.a.default: a secret has none"),
        ("{fields: {a: {secret: true, type: int}}}", "fields.a.type: a secret is"),
        ("{fields: {a: {type: map}}}", "fields.a.secret: a map holds secrets"),
        ("{fields: {a: {env: 'A B'}}}", "fields.a.env: 'A B' is no variable"),
        ("{fields: {a: {required: 1}}}", "fields.a.required: must be true or false"),
        ("{fields: {public: {}}}", "fields.public: this name has a meaning of its own"),
        ("{fields: {name: {}}}", "fields.name: this name has a meaning of its own"),
        ("{fields: {a: {aliases: b}, b: {}}}", "means both"),
        ("{version: 0, fields: {a: {}}}", "version: must be a whole number"),
        ("{title: [x], fields: {a: {}}}", "title: must be text"),
        ("{fields: {a: {}}, verify: {url: 'https://h/{b}'}}", "verify.url: there is no field b"),
        ("{fields: {a: {secret: true}}, verify: {url: 'https://h/{a}'}}", "a secret belongs into a header"),
        ("{fields: {a: {}}, verify: {}}", "verify.url: must be text"),
        ("{properties: {a: 1}}", "properties.a: must be a mapping"),
        ("{properties: {a: {type: 'null'}}}", "properties.a.type: must be one of"),
        ("a: b: c", "is not valid YAML (line 1, column 5)"),
        ("!!python/object/apply:os.system ['true']", "is not valid YAML"),
        ("\x00", "is not valid YAML"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(tmp_path, text, said):
    (tmp_path / "mine.yaml").write_text(text)

    with pytest.raises(BadDescription) as caught:
        read_kind(tmp_path / "mine.yaml")
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [(b'{"a": ', "is not valid JSON (line 1, column 7)"), (b"\xff\xfe", "is not UTF-8"), (b"[" * 300_000, "is larger than 256 KiB"), (b"[" * 100_000, "too deep")],
)  # fmt: skip
def test_odd_bytes_are_a_damaged_file_and_nothing_worse(tmp_path, data, said):
    (tmp_path / "mine.json").write_bytes(data)

    with pytest.raises(BadDescription) as caught:
        read_kind(tmp_path / "mine.json")
    assert said in str(caught.value)


def test_without_a_directory_there_are_only_installed_kinds(home, monkeypatch):
    monkeypatch.setattr(registry, "user_files", UserFiles())

    assert registry.broken_kinds() == {}
    assert registry.all_kinds()
