"""Is the HTML of a page a real table, scoped, and safe for any name?"""

from html.parser import HTMLParser
from pathlib import Path

from credmagic.cli import views
from credmagic.magics.display import Shown, html

EVIL = "<script>alert(1)</script>\"'&"


class Elements(HTMLParser):
    """Counts elements and collects attributes and visible text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.classes, self.text = [], set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        self.classes |= set((dict(attrs).get("class") or "").split())

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.found if name == tag]


def view(name, **changes):
    base = {
        "name": name, "kind": "basic", "title": "User and password", "environment": "draft", "owner": "me",
        "status": "active", "version": 1, "description": "", "fields": {}, "secrets": [], "tags": [],
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "expires_at": None,
        "verified": None, "last_used_at": None, "default": False,
    }  # fmt: skip
    return base | changes


def page(groups):
    data = {"environment": "draft", "store": "s", "keys_in": "keyring", "total": sum(map(len, groups)), "expiring": 0}
    data["groups"] = [{"kind": f"k{i}", "title": f"Kind {i}", "credentials": g} for i, g in enumerate(groups)]
    return views.overview(data, "%cred")


def test_the_overview_is_a_table_with_caption_and_scopes():
    elements = Elements(html(page([[view("a"), view("b", default=True)], [view("c")]])))

    assert len(elements.all("table")) == len(elements.all("caption")) == 1
    assert {th.get("scope") for th in elements.all("th")} == {"col", "row", "rowgroup"}
    assert len([th for th in elements.all("th") if th["scope"] == "row"]) == 3
    assert all(svg.get("aria-hidden") == "true" for svg in elements.all("svg"))


def test_names_are_text_whatever_is_in_them():
    shown = html(page([[view(EVIL, description=EVIL)]]))

    assert "<script" not in shown
    assert "alert(1)" in "".join(Elements(shown).text)


def test_two_hundred_credentials_fold_by_kind():
    elements = Elements(
        html(page([[view(f"a{i}") for i in range(100)], [view(f"b{i}", status="paused") for i in range(100)]]))
    )

    assert len(elements.all("details")) == len(elements.all("summary")) == 2
    assert "100 need attention" in "".join(elements.text)


def test_an_empty_store_shows_one_sentence_and_no_table():
    elements = Elements(html(page([])))

    assert elements.all("table") == []
    assert "%cred new" in "".join(elements.text)


def test_the_words_for_a_screen_reader_say_the_same():
    shown = Shown(page([[view("a"), view("lake", status="paused")]]))
    bundle = shown._repr_mimebundle_()

    for word in ("lake", "paused", "not verified", "draft", "keyring"):
        assert word in bundle["text/plain"]
        assert word in bundle["text/html"]


def test_style_reaches_nothing_outside_and_uses_the_hosts_variables():
    css = (Path(__file__).parents[3] / "src/credmagic/magics/display.css").read_text("utf-8")
    selectors = [line.split("{")[0] for line in css.splitlines() if "{" in line and not line.startswith(" ")]

    assert all(".credmagic-page" in line or line.startswith("@container") for line in selectors)
    assert "http" not in css
    assert "--jp-ui-font-color1" in css
    assert "--vscode-" in css


def test_every_column_but_name_and_health_may_leave():
    table = page([[view("a")]])

    assert [column.title for column in table.columns if column.drop == 0] == ["Name", "Health"]
