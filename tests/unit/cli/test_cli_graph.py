"""Is the picture of uses safe to draw, whatever things are called?"""

import re

from credmagic.cli.graph import MOST, mermaid, tree

DATA = {
    "name": "demo",
    "kind": "basic",
    "associations": [{"object_type": "notebook", "object_id": "/nb/a.ipynb", "is_default": True, "inject": "export"}],
    "usages": [
        {"object_type": "notebook", "object_id": "/nb/a.ipynb", "count": 2, "last_at": "2026-01-01T00:00:00Z"},
        {"object_type": "notebook", "object_id": "/nb/b.ipynb", "count": 1, "last_at": None},
    ],
}


def test_what_is_attached_and_used_is_one_node():
    source = mermaid(DATA)
    assert source.startswith("flowchart LR")
    assert source.count("a.ipynb") == 1
    assert "attached, default, injected: export, used 2 times" in source
    assert 'c -.-|"used 1 time"| o1' in source


def test_names_mean_nothing_to_mermaid_or_html():
    evil = 'x"]; click c href "javascript:alert(1)" <img src=x onerror=alert(1)> `%%{init}%%` & ü'
    source = mermaid({**DATA, "name": evil, "usages": [], "associations": [{**DATA["associations"][0], "object_id": evil}]})
    labels = re.findall(r'"([^"]*)"', source)

    assert "<img" not in source
    assert "javascript" in source
    assert source.count('"') == 2 * len(labels)
    assert not set("<>&`%{}()") & set("".join(labels).replace("<br/>", ""))


def test_many_are_counted_instead_of_drawn():
    many = [{**DATA["usages"][0], "object_id": f"/w/{number}.ipynb"} for number in range(MOST + 5)]
    source = mermaid({**DATA, "associations": [], "usages": many})
    assert "and 5 more" in source
    assert source.count("ipynb") == MOST


def test_the_words_say_the_same():
    assert tree(DATA).splitlines()[0] == "demo (basic)"
    assert "└── notebook /nb/b.ipynb: used 1 time" in tree(DATA)
    assert "used in no notebook" in tree({**DATA, "associations": [], "usages": []})
