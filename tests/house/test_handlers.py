"""Every handler method on the Jupyter port says who may call it: an undecorated one would be public."""

import ast
from pathlib import Path

import pytest

SERVER = Path(__file__).parents[2] / "src/credmagic/server"
METHODS = {"get", "head", "post", "put", "patch", "delete", "options"}
OTHER_IDENTITY = {"kernel_plane.py": "asks for the kernel's token in `prepare`; listens on a Unix socket only"}
HANDLERS = [path for path in SERVER.rglob("*.py") if path.name not in OTHER_IDENTITY]


def methods(source):
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef):
            for child in node.body:
                if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) and child.name in METHODS:
                    yield node.name, child
                if isinstance(child, ast.Assign):  # `put = post`: of this very class, or it is not seen above
                    names = {target.id for target in child.targets if isinstance(target, ast.Name)}
                    if names & METHODS:
                        assert isinstance(child.value, ast.Name), node.name
                        assert child.value.id in METHODS, node.name


SIGN_INS = {"TokenHandler.post", "AuthorizeHandler.post", "SessionsHandler.post"}
"""The only methods that serve anyone: each takes a proof of its own and gives a token for it."""
COMES_BACK = {"CallbackHandler.get"}
"""And the one that takes what a browser brings back: `state` says whose it is, and nothing is given."""


def is_guarded(method, owner=""):
    """`@web.authenticated` outside, `@authorized("…", resource="credmagic")` next: explicit, and in this order.

    Or `@signed_in`, where identities of our own are asked for; `@anyone` only where one signs in.
    """
    written = [ast.unparse(decorator) for decorator in method.decorator_list]
    return written in (
        ["web.authenticated", "authorized('read', resource='credmagic')"],
        ["web.authenticated", "authorized('write', resource='credmagic')"],
        ["signed_in"],
    ) or (written == ["anyone"] and f"{owner}.{method.name}" in SIGN_INS | COMES_BACK)


def unguarded(source):
    return [f"{name}.{method.name}" for name, method in methods(source) if not is_guarded(method, name)]


def test_every_handler_method_is_guarded():
    found = {path.name: unguarded(path.read_text("utf-8")) for path in HANDLERS}

    assert {name: bad for name, bad in found.items() if bad} == {}
    assert sum(len(list(methods(path.read_text("utf-8")))) for path in HANDLERS) >= 12


def test_writing_methods_need_the_right_to_write():
    for path in HANDLERS:
        for name, method in methods(path.read_text("utf-8")):
            if method.name not in {"post", "put", "patch", "delete"} or name == "NothingHandler":
                continue
            if ast.unparse(method.decorator_list[0]) == "web.authenticated":  # the others: vault/access.py
                assert "write" in ast.unparse(method.decorator_list[1]), f"{name}.{method.name}"


@pytest.mark.parametrize(
    "faulty",
    [
        "class H:\n def get(self): pass",
        "class H:\n @web.authenticated\n def get(self): pass",
        "class H:\n @web.authenticated\n @authorized\n async def get(self): pass",
        "class H:\n @web.authenticated\n @authorized('read')\n async def get(self): pass",
        "class H:\n @allow_unauthenticated\n def options(self): pass",
        "class H:\n @anyone\n def post(self): pass",
    ],
)
def test_the_control_an_unguarded_method_is_found(faulty):
    assert unguarded(faulty)


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.name)
def test_no_handler_lets_jupyter_parse_or_log_a_body(path):
    assert "get_json_body" not in path.read_text("utf-8").replace("Jupyter's `get_json_body`", "")
