"""Does docs/commands.md say what the tree does?"""

from pathlib import Path

from credmagic.cli.reference import page

DOC = Path(__file__).parents[3] / "docs/commands.md"


def test_the_page_is_that_of_the_tree():
    assert DOC.read_text("utf-8") == page(), "run: python -m credmagic.cli.reference > docs/commands.md"
