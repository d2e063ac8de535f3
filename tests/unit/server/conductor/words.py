"""Where Conductor's face is, and how it says no."""

API = "credmagic/api/"


def refused(answer):
    """Status and word of a refusal, whose form is checked."""
    body = answer.json()
    assert body["status"] == answer.status
    assert body["message"]
    assert body["code"]
    assert set(body) <= {"status", "error", "message", "code", "next_step", "errors"}
    return answer.status, body["error"]
