"""What does the wrapper around a real session do with single messages?"""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from jupyter_client.session import Session

from credmagic import redact
from credmagic.redact import registry
from credmagic.redact.content import FAILED, is_own_model


class Shell:
    """As much of a shell as the filter asks for: a kernel with a real session."""

    def __init__(self) -> None:
        self.kernel = SimpleNamespace(session=Session(key=b"k"), iopub_socket=None)

    def sent(self, kind: str, content: Any, **parts: Any) -> dict[str, Any]:
        msg = self.kernel.session.msg(kind, content=None)
        msg["content"] = content
        before = repr(content)
        frames = self.kernel.session.serialize(msg, **parts)
        assert repr(msg["content"]) == before, "the message was changed in place"
        _, bare = self.kernel.session.feed_identities(frames)
        return self.kernel.session.deserialize(bare)  # type: ignore[no-any-return]


@pytest.fixture
def shell() -> Any:
    shell = Shell()
    assert redact.install(shell) == "kernel"
    registry.register("w", {"p": "hunter2-x"})
    yield shell
    redact.uninstall(shell)


def test_a_message_is_masked_and_still_signed(shell: Shell) -> None:
    received = shell.sent("execute_result", {"data": {"text/plain": "'hunter2-x'"}, "execution_count": 3})

    assert received["content"] == {"data": {"text/plain": "'[w.p]'"}, "execution_count": 3}


@pytest.mark.parametrize("packed", [json.dumps, lambda c: json.dumps(c).encode()])
def test_content_that_was_packed_before_is_masked(shell: Shell, packed: Any) -> None:
    received = shell.sent("execute_reply", packed({"evalue": "hunter2-x"}))

    assert received["content"] == {"evalue": "[w.p]"}


def test_no_content_at_all_passes(shell: Shell) -> None:
    assert shell.sent("shutdown_reply", None)["content"] in ({}, None)


def test_a_failure_shows_a_notice_and_neither_raises_nor_leaks(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def redact_text(self, text: str) -> str:
            raise RuntimeError("boom hunter2-x")

        hits = live_start = redact_text

    monkeypatch.setattr(registry, "current", Broken)

    error = shell.sent("execute_reply", {"status": "error", "evalue": "hunter2-x", "traceback": ["hunter2-x"]})
    stream = shell.sent("stream", {"name": "stdout", "text": "hunter2-x"})

    assert error["content"] == {"status": "error", "evalue": FAILED, "traceback": [FAILED]}
    assert stream["content"] == {"name": "stdout", "text": FAILED}


def test_our_own_forms_pass_as_they_are_and_others_do_not(shell: Shell) -> None:
    """A form's public fields may equal a value; rewriting them would break the form. Sealed bytes must arrive."""
    state = {"_anywidget_id": "credmagic.forms.form.Form", "name": "hunter2-x"}
    ours = shell.sent("comm_open", {"comm_id": "1", "target_name": "jupyter.widget", "data": {"state": state}})
    ours_later = shell.sent("comm_msg", {"comm_id": "1", "data": {"state": {"name": "hunter2-x"}}})
    other = shell.sent("comm_open", {"comm_id": "2", "data": {"state": {"value": "hunter2-x"}}})
    other_later = shell.sent("comm_msg", {"comm_id": "2", "data": {"state": {"value": "hunter2-x"}}})

    assert ours["content"]["data"]["state"] == state
    assert ours_later["content"]["data"]["state"]["name"] == "hunter2-x"
    assert other["content"]["data"]["state"]["value"] == "[w.p]"
    assert other_later["content"]["data"]["state"]["value"] == "[w.p]"


def test_the_real_form_is_recognised() -> None:
    from credmagic.forms.form import Form

    assert is_own_model({"_anywidget_id": f"{Form.__module__}.{Form.__name__}"})


def test_installing_twice_masks_once_and_uninstalling_restores(shell: Shell) -> None:
    redact.install(shell)
    redact.uninstall(shell)

    received = shell.sent("stream", {"name": "stdout", "text": "hunter2-x"})

    assert received["content"]["text"] == "hunter2-x"
    redact.uninstall(shell)


def test_nothing_is_wrapped_before_the_first_value() -> None:
    """Loading the extension must cost next to nothing."""
    shell = Shell()
    redact.install(shell)
    assert "serialize" not in shell.kernel.session.__dict__

    registry.register("w", {"p": "hunter2-x"})

    assert shell.sent("execute_result", {"v": "hunter2-x"})["content"] == {"v": "[w.p]"}
    redact.uninstall(shell)


def test_uninstalled_before_the_first_value_it_never_starts() -> None:
    shell = Shell()
    redact.install(shell)
    redact.uninstall(shell)

    registry.register("w", {"p": "hunter2-x"})

    assert shell.sent("execute_result", {"v": "hunter2-x"})["content"] == {"v": "hunter2-x"}
