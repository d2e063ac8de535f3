"""What does the save guard make of files that are not notebooks, or arrive as text?"""

from __future__ import annotations

import base64
import json

import pytest

from credmagic.redact.matcher import Matcher
from credmagic.redact.notebook import redact_notebook, redact_text_file

MATCHER = Matcher({"hunter2-x": "[w.p]"})


def test_plain_text_is_masked_and_counted() -> None:
    assert redact_text_file("a=hunter2-x\nb=hunter2-x", MATCHER) == ("a=[w.p]\nb=[w.p]", 2)


def test_a_clean_file_comes_back_as_the_same_object() -> None:
    text = '{"nbformat": 4, "cells": []}'

    assert redact_text_file(text, MATCHER)[0] is text


def test_a_notebook_saved_as_text_is_masked_across_its_lines() -> None:
    notebook = {"nbformat": 4, "cells": [{"source": ["x = 'hun", "ter2-x'"]}]}

    new, count = redact_text_file(json.dumps(notebook), MATCHER)

    assert count == 1
    assert json.loads(new)["cells"][0]["source"] == ["x = '[w.p]'"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_base64_of_text_is_masked_and_encoded_again(encoding: str) -> None:
    content = base64.encodebytes("ä hunter2-x".encode(encoding)).decode()

    new, count = redact_text_file(content, MATCHER, format="base64")

    assert count == 1
    assert base64.b64decode(new).decode(encoding) == "ä [w.p]"


def test_binary_files_stay_as_they_are() -> None:
    content = base64.b64encode(b"\x89PNG\xff\xfe hunter2-x \x00\xff\xd8").decode()

    assert redact_text_file(content, MATCHER, format="base64") == (content, 0)


def test_what_is_not_base64_is_refused_without_quoting_it() -> None:
    with pytest.raises(ValueError, match="not base64") as caught:
        redact_text_file("hunter2-x!", MATCHER, format="base64")

    assert "hunter2" not in repr((caught.value.__cause__, caught.value.__context__))


def test_a_json_list_is_not_taken_for_lines() -> None:
    content = {"data": {"application/json": ["hun", "ter2-x"]}, "tags": ["hun", "ter2-x"]}

    assert redact_notebook(content, MATCHER) == (content, 0)


def test_a_value_as_a_key_is_masked() -> None:
    assert redact_notebook({"metadata": {"hunter2-x": 1}}, MATCHER) == ({"metadata": {"[w.p]": 1}}, 1)


def test_the_state_of_our_own_forms_stays() -> None:
    model = {"model_name": "AnyModel", "state": {"_anywidget_id": "credmagic.forms.form.Form", "name": "hunter2-x"}}

    assert redact_notebook({"metadata": {"widgets": {"a": model}}}, MATCHER)[1] == 0
