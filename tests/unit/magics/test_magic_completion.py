"""What does the Tab key offer?"""

import pytest
from IPython.core.completer import provisionalcompleter

from credmagic import api


@pytest.fixture
def offered(cells, warehouse):
    api.client().call("create", name="my lake", kind="bearer", fields={"token": "some-long-secret"}, verify=False)

    def complete(line):
        with provisionalcompleter():
            return [c.text for c in cells.ip.Completer.completions(line, len(line))]

    return complete


@pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("%cred ", ["use", "add", "list"], ["run", "recovery-key"]),
        ("%cred us", ["use", "uses"], ["list"]),
        ("x = %cred use ", ["warehouse", '"my lake"'], []),
        ("%cred show ware", ["warehouse"], ['"my lake"']),
        ("%%cred use warehouse --e", ["--env", "--export"], ["--kind"]),
        ("%cred kinds s", ["s3", "ssh_key"], ["basic"]),
        ("%cred add n --kind ba", ["basic"], ["s3"]),
        ("%cred add n --kind basic ", ["user="], ["password="]),
        ("%cred add n --kind basic --secret ", ["password=prompt", "password=var:"], []),
        ("%cred rotate warehouse --secret pass", ["password=env:"], []),
        ("%cred use warehouse --env l", ["live"], ["draft"]),
        ("%cred attach warehouse --inject e", ["export"], []),
    ],
)
def test_the_tab_key_offers(offered, line, some, none):
    found = offered(line)

    assert set(some) <= set(found)
    assert not set(none) & set(found)


def test_other_lines_are_left_to_others(offered):
    assert "use" not in offered("credential = us")
    assert "warehouse" not in offered("print('%cred use ")


def test_the_tab_key_never_raises_and_never_waits(cells, monkeypatch):
    import time

    from credmagic.magics.door import NotebookDoor

    def slow(self):
        time.sleep(5)

    monkeypatch.setattr(NotebookDoor, "_fetch_names", slow)
    began = time.monotonic()
    with provisionalcompleter():
        list(cells.ip.Completer.completions("%cred use ", 10))

    assert time.monotonic() - began < 2
