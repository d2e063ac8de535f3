"""Is a secret value in the command line refused, whatever way it was typed?"""

import shlex

import pytest

from credmagic import api
from credmagic.cli.door import Door
from credmagic.cli.tree import examine, run
from credmagic.errors import InvalidCredential

S = "hunter2-kanari"


@pytest.fixture
def door(home):
    yield Door()
    api.close()


REFUSED = {
    f"add db --kind basic user=me password={S}": "add db --kind basic user=me --secret password=prompt",
    f"add db password={S} --kind basic user=me": "add db --secret password=prompt --kind basic user=me",
    f"add db --kind basic user=me pasword={S}": "add db --kind basic user=me --secret password=prompt",
    f"add db --kind basic user=me --secret password={S}": "add db --kind basic user=me --secret password=prompt",
    f"add db --kind basic user=me --secret={S}": None,
    f"add db --kind basic user=me --password {S}": "add db --kind basic user=me --secret password=prompt",
    f"add db --kind basic user=me --password={S}": "add db --kind basic user=me --secret password=prompt",
    f"add db --kind basic user=me {S}": "add db --kind basic user=me",
    f"add db --kind basic user=me -p {S}": None,
    f"add db --kind basic user=me -p{S}": "add db --kind basic user=me",
    f"add db --kind basic user=me --{S}": "add db --kind basic user=me",
    f"add db --kind basic user=me -e PGPASSWORD={S}": None,
    f"add password={S}": "add --secret password=prompt",
    f"add --kind basic user=me password={S}": "add --kind basic user=me --secret password=prompt",
    f"add t --kind bearer token={S}": "add t --kind bearer --secret token=prompt",
    f"add t --kind bearer {S}==": "add t --kind bearer",
    f"add t --kind api_token api_token={S}": "add t --kind api_token --secret api_token=prompt",
    f"add kv --kind kv TOKEN={S}": None,
    f"add x --kind nosuch password={S}": "add x --kind nosuch --secret password=prompt",
    f"add x password={S}": "add x --secret password=prompt",
    f"add b --kind basic user=me url=https://me:{S}@h/": None,
    f"rotate db password={S}": "rotate db --secret password=prompt",
    f"rotate db --secret password {S}": None,
    f"use db --token {S}": "use db --secret token=prompt",
    f"use db password={S}": "use db --secret password=prompt",
    f"new basic db --password {S}": "new basic db --secret password=prompt",
    f"show db --api-key {S}": None,
    "add db --kind basic user=me password=env:PW": "add db --kind basic user=me --secret password=env:PW",
    "add db --kind basic user=me password=$pw": "add db --kind basic user=me --secret password=var:pw",
}


@pytest.mark.parametrize(("line", "safe"), REFUSED.items())
def test_a_value_typed_inline_is_refused_and_nothing_is_stored(door, line, safe):
    with pytest.raises(InvalidCredential) as caught:
        run(shlex.split(line), door)
    error = caught.value
    said = "\n".join(error.lines())

    assert S not in said + repr(error.to_json())
    assert error.__context__ is None
    assert "Write instead: credmagic " in said
    if safe:
        assert said.endswith(f"Write instead: credmagic {safe}")
    assert api.client().call("list")["credentials"] == []


@pytest.mark.parametrize(
    "line",
    [
        "add db --kind basic user=me --secret password=env:PW",
        "add db --kind basic user=me url=https://h/ --secret password=file:/x/y",
        "add db --kind basic username=me --secret password=prompt --description 'my password is elsewhere'",
        "add db --kind database dialect=postgresql host=h port=5432 user=u database=d",
        "add s --kind s3 aws_access_key_id=AKIA --secret aws_secret_access_key=env:X",
        "rotate db host=other",
        "use db as x --env live --version 3",
        "use db --exprot",
        "run db -- psql --password=x token=y",
        "list --kind basic --json",
    ],
)
def test_ordinary_lines_pass(door, line):
    finding = examine(shlex.split(line), door)

    assert finding is None or not finding.instead


def test_options_of_other_tools_take_a_reference(door, monkeypatch, canary):
    """`--password env:PW` is what people type who come from elsewhere; it is `--secret password=env:PW`."""
    monkeypatch.setenv("PW", canary)
    run(["add", "db", "--kind", "basic", "user=me", "--password", "env:PW"], door)
    run(["add", "kv", "--kind", "kv", "-e", "TOKEN=env:PW"], door)

    assert api.use("db")["password"] == canary
    assert api.use("kv")["TOKEN"] == canary


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("env:NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE is not set"),
        ("file:/nowhere/at/all", "cannot be read"),
        ("var:x", "notebook"),
    ],
)
def test_a_source_that_is_not_there_names_field_and_source(door, source, says):
    with pytest.raises(Exception) as caught:
        run(["add", "db", "--kind", "basic", "user=me", "--secret", f"password={source}"], door)

    assert says in "\n".join(caught.value.lines())
    assert api.client().call("list")["credentials"] == []


def test_a_file_that_is_no_text_is_refused_without_its_bytes(door, tmp_path):
    file = tmp_path / "binary"
    file.write_bytes(b"\xff\xfe" + S.encode())
    with pytest.raises(InvalidCredential) as caught:
        run(["add", "db", "--kind", "basic", "user=me", "--secret", f"password=file:{file}"], door)

    assert "is not UTF-8 text" in str(caught.value.errors)
    assert S not in repr(caught.value.to_json())
    assert caught.value.__context__ is None
