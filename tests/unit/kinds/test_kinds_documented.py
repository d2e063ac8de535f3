"""docs/kinds.md says what the classes say."""

from pathlib import Path

from credmagic.kinds.document import document

PAGE = Path(__file__).parents[3] / "docs" / "kinds.md"


def test_the_page_of_kinds_has_not_drifted():
    assert PAGE.read_text() == document(), "run: python -m credmagic.kinds.document > docs/kinds.md"
