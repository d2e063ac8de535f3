"""Is every page found, does every link lead somewhere, and has every decision a number of its own?"""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = sorted((ROOT / "docs").glob("*.md"))
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))


def links(page):
    """What a page links to, relative to it, without addresses and places within pages."""
    found = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    return [link.split("#")[0] for link in found if not link.startswith(("http", "#"))]


def test_the_index_names_every_page():
    index = ROOT / "docs/README.md"
    assert {page.name for page in DOCS} - {Path(link).name for link in links(index)} - {"README.md"} == set()


@pytest.mark.parametrize("page", [*DOCS, *DECISIONS], ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    assert [link for link in links(page) if not (page.parent / link).exists()] == []


def test_every_decision_has_a_number_of_its_own_and_says_it():
    numbers = [page.name[:4] for page in DECISIONS]

    assert len(set(numbers)) == len(numbers)
    assert [page.read_text("utf-8")[:8] for page in DECISIONS] == [f"# {number} ·" for number in numbers]


def test_every_decision_that_is_named_exists():
    numbers = {page.name[:4] for page in DECISIONS}
    files = [*DOCS, *(ROOT / "src").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    named = {number for file in files for number in re.findall(r"decisions?[ /](\d{4})\b", file.read_text("utf-8"))}

    assert named <= numbers
