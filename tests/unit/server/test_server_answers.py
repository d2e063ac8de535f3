"""What an error looks like to whoever asked, and what of it reaches the log."""

from tornado.web import HTTPError

from credmagic.errors import NameTaken, StoreUnusable
from credmagic.server.answers import as_json, describe_unforeseen, error_answer

SECRET = "canary-answer-3c7e"


def test_a_typed_error_keeps_its_status_and_words():
    status, body, _ = error_answer(NameTaken("taken", next_step="choose another", errors={"name": "taken"}))

    assert status == 409
    assert body == {
        "message": "taken", "code": "name_taken", "next_step": "choose another", "errors": {"name": "taken"},
    }  # fmt: skip
    assert error_answer(StoreUnusable("full", code="disk_full"))[0] == 507


def test_texts_of_http_errors_are_not_repeated():
    for status in (400, 403, 404, 405, 418, 500, 503):
        got, body, _ = error_answer(HTTPError(status, f"about {SECRET}", reason=SECRET))
        assert got == status
        assert body["message"]
        assert SECRET not in repr(body)


def test_the_unforeseen_says_nothing_of_its_cause():
    try:
        raise ValueError(f"cannot read {SECRET}")
    except ValueError as error:
        status, body, _ = error_answer(error)
        told = describe_unforeseen(error)

    assert (status, body["code"]) == (500, "error")
    assert SECRET not in repr(body) + told
    assert told.startswith("ValueError\n")
    assert "test_server_answers.py" in told


def test_answers_are_ascii():
    assert as_json({"a": "ü💾\u2028"}) == b'{"a":"\\u00fc\\ud83d\\udcbe\\u2028"}'
