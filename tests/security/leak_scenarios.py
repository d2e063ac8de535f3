"""In which ways does a secret live in credmagic? Each function is one life: it is made, handed over, shown, refused or deleted.

A function gets the session and its own five canaries. Code of cells never holds a value, unless typing one is the point.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping

import nbformat
from nbformat import v4

from credmagic.crypto.entry import entry_info, seal_entry
from credmagic.demo import service
from security.leak_session import Session
from security.leaks import Canary

Canaries = Mapping[str, Canary]
TYPED = ("ascii", "quotes", "base64", "url")
"""Shapes a person can type in one line."""

SHOWN = (
    "print(v, repr(v), {v: [v]}, f'{v:>90}'); v",
    "import json; print(json.dumps(v), json.dumps({'a': json.dumps(v)}))",
    "import base64; print(base64.b64encode(b'user:' + v.encode()), base64.urlsafe_b64encode(v.encode()))",
    "print(v.encode().hex(), v.encode('utf-16-le').hex(), v[::-1], v.encode())",
    "from urllib.parse import quote, quote_plus; print(quote(v), quote(v, safe=''), quote_plus(v))",
    "import html; from IPython.display import HTML, display; display(HTML('<b>' + html.escape(v) + '</b>'), {'v': v})",
    "display({'application/json': {'v': [v]}, 'text/plain': 'x'}, raw=True)",
    "import logging, warnings; logging.getLogger('x').error('got %s', v); warnings.warn(v)",
    "import sys; [print(v[i:i + 7], end='', flush=True) for i in range(0, len(v), 7)]; print(v, file=sys.stderr)",
    "import threading; t = threading.Thread(target=print, args=(v,)); t.start(); t.join()",
    "import os; os.environ['V'] = v; os.system('printf \"%s\\n\" \"$V\"'); del os.environ['V']",
)
FAILING = (
    "int(v)",
    "{}[v]",
    "raise RuntimeError('login failed: ' + v)",
    "def login(password):\n    host = 'db'\n    raise ValueError(host)\nlogin(v)",
    "import ipywidgets; ipywidgets.IntText(value=v)",
    "import pydantic\nclass M(pydantic.BaseModel):\n    port: int\nM(port=v)",
    "import sqlalchemy as sa; url = sa.URL.create('sqlite', database='/nowhere/' + v); sa.create_engine(url).connect()",
    "import urllib.request; urllib.request.urlopen('http://127.0.0.1:1/' + v)",
    "import subprocess; subprocess.run(['sh', '-c', 'exit 3'], input=v, text=True, check=True)",
)
EXPORTED = "import os, subprocess; print(os.environ['ascii'], flush=True); subprocess.run('env', check=True)"


def _each(s: Session, name: str, lines: tuple[str, ...], canaries: Canaries, *, fails: bool | None) -> None:
    for shape in canaries:
        s.cell(f"v = credmagic.use({name!r})[{shape!r}]", fails=False)
        for line in lines:
            s.cell(line, fails=fails)
    s.cell("del v")


def made_from_files(s: Session, c: Canaries) -> None:
    s.command("add", "from-files", "--kind", "key_value", *s.by_file(c))
    s.command("show", "from-files", "--json")


def made_from_variables(s: Session, c: Canaries) -> None:
    words = [f"--secret={shape}=env:CANARY_{shape}" for shape in c]
    s.command("add", "from-env", "--kind", "kv", *words, env={f"CANARY_{shape}": c[shape].value for shape in c})


def made_at_a_prompt(s: Session, c: Canaries) -> None:
    words = [f"--secret={shape}=prompt" for shape in TYPED]
    s.terminal(["add", "prompted", "--kind", "kv", *words], {f"{shape}: ": c[shape].value for shape in TYPED})


def made_by_magic(s: Session, c: Canaries) -> None:
    s.cell(f"%cred add by-magic --kind kv {' '.join(s.by_file(c))}", fails=False)
    s.cell("%cred show by-magic\n%cred list\n%cred", fails=False)


def made_from_notebook_variables(s: Session, c: Canaries) -> None:
    for shape in c:
        s.cell(f"v_{shape} = open({s.file(c[shape])!r}, newline='').read()", fails=False)
    s.cell(f"%cred add from-vars --kind kv {' '.join(f'--secret {x}=var:v_{x}' for x in c)}", fails=False)
    s.cell(f"del {', '.join(f'v_{x}' for x in c)}")


def made_at_a_prompt_in_a_notebook(s: Session, c: Canaries) -> None:
    words = " ".join(f"--secret {shape}=prompt" for shape in TYPED)
    s.cell(f"%cred add asked --kind kv {words}", answers=[c[shape].value for shape in TYPED], fails=False)


def made_in_a_form(s: Session, c: Canaries) -> None:
    """The kernel relays what was sealed outside of it."""
    s.cell(
        "form = credmagic.api.client().begin_entry('key_value')\nprint(form['entry_id'], form['public_key'])",
        fails=False,
    )
    entry_id, public_key = s.text().split()
    point = base64.urlsafe_b64decode(public_key + "=" * (-len(public_key) % 4))
    form = {"name": "formed", "fields": {"entries": {x: c[x].value for x in c}}, "verify": True, "attach": False}
    sealed = base64.urlsafe_b64encode(seal_entry(point, entry_info(entry_id, "key_value"), form)).decode().rstrip("=")
    s.cell(f"credmagic.api.client().submit_entry({entry_id!r}, 'save', {sealed!r})", fails=False)


def made_and_changed_by_rest(s: Session, c: Canaries) -> None:
    body = {"name": "by-rest", "user": "ada", "password": c["ascii"].value}
    one = f"api/v2/credentials/{s.ask('POST', 'api/v2/credentials/', body, status=201).json()['credentialId']}/"
    for canary in c.values():
        s.ask("PATCH", one, {"password": canary.value}, status=200)
    for path in (one, one + "associations/", "api/v2/credentials/", "api/kinds", "api/health", "api/v2/version/"):
        s.ask("GET", path, status=200)


def used_as_an_expression(s: Session, c: Canaries) -> None:
    s.store("used", c)
    s.cell("x = %cred use used\nx", fails=False)
    s.cell("print(x, dict(x), x.environ(), x.secrets()); display(x); dict(x)", fails=False)
    s.cell("from IPython.core import page; page.page(x['ascii'])", fails=False)
    _each(s, "used", SHOWN, c, fails=False)


def failing_with_it(s: Session, c: Canaries) -> None:
    s.store("failing", c)
    for mode in ("Verbose", "Context"):
        s.cell(f"%xmode {mode}")
        _each(s, "failing", FAILING, c, fails=True)


def bound_to_a_variable(s: Session, c: Canaries) -> None:
    s.store("bound", c)
    s.cell("%cred use bound as login", fails=False)
    s.cell("login['pem'], login\n%whos", fails=False)
    s.cell("import pickle; pickle.dump(login, open(dumps / 'pickle', 'wb')); pickle.dumps(login['url'])", fails=True)


def exported(s: Session, c: Canaries) -> None:
    s.store("exported", c)
    s.cell("%cred use exported --export", fails=False)
    s.cell(EXPORTED, fails=False)
    s.cell('!echo "$quotes $pem"', fails=False)


def used_in_one_cell(s: Session, c: Canaries) -> None:
    s.store("scoped", c)
    s.cell(f"%%cred use scoped --export\n{EXPORTED}", fails=False)
    s.cell("%%cred use scoped as inner\nraise ValueError(dict(inner))", fails=True)
    s.cell("inner", fails=True)


def handed_over_as_files(s: Session, c: Canaries) -> None:
    path = s.file(c["pem"])
    s.cell(f"%cred add deploy --kind ssh_key --secret private_key=file:{path} --no-verify", fails=False)
    s.cell("%%cred use deploy --export\nimport os; print(open(os.environ['DEPLOY_KEY_FILE']).read())", fails=False)
    assert "[deploy." in s.text()


def attached_and_injected(s: Session, c: Canaries) -> None:
    s.store("injected", c)
    s.cell("%cred attach injected --inject export", fails=False)
    s.restart_kernel()
    s.cell(EXPORTED, fails=False)
    s.cell("%cred uses injected", fails=False)


def rotated(s: Session, c: Canaries) -> None:
    s.command("add", "turning", "--kind", "bearer", f"--secret=token=file:{s.file(c['ascii'])}")
    s.cell("t = %cred use turning\nprint(t['token'])", fails=False)
    s.command("rotate", "turning", f"--secret=token=file:{s.file(c['pem'])}", "--json")
    for shape in ("quotes", "base64", "url"):
        s.cell(f"%cred rotate turning --secret token=file:{s.file(c[shape])}", fails=False)
        s.cell("print(t.refresh()['token'])\n%cred versions turning", fails=False)


def refused_by_its_service(s: Session, c: Canaries) -> None:
    with service.running("another secret") as url:
        for shape, canary in c.items():
            made = f"--secret token=file:{s.file(canary)} url={url}/keys/orders"
            s.cell(f"%cred add refused-{shape} --kind bearer {made}", fails=True)
            s.cell(f"%cred add refused-{shape} --kind bearer {made} --no-verify", fails=False)
            s.cell(f"%cred verify refused-{shape}", fails=True)
            there = (
                f"dialect=postgresql host=127.0.0.1 port=1 database=x user=u --secret password=file:{s.file(canary)}"
            )
            s.cell(f"%cred add nobody-{shape} --kind database {there}", fails=True)
        s.command("verify", "refused-quotes", "--json", code=7)
    s.command("show", "refused-url", "--json")


def given_to_wrong_fields(s: Session, c: Canaries) -> None:
    path, value = s.file(c["quotes"]), c["quotes"].value
    long = s.given / "long"
    long.write_text(c["ascii"].value * 10_000)
    words = f"--kind database dialect=postgresql host=h database=d user=u --secret pasword=file:{path}"
    s.command("add", "wrong", *words.split(), code=2)
    s.cell(f"%cred add wrong {words}", fails=True)
    s.cell(f"%cred add wrong --kind gcp --secret gcp_key=file:{s.file(c['url'])}", fails=True)
    s.cell(f"%cred add wrong --kind s3 --secret aws_secret_access_key=file:{s.file(c['base64'])}", fails=True)
    s.cell(f"%cred add wrong --kind bearer --secret token=file:{long}", fails=True)
    for body in (
        {"name": "x", "user": {"a": value}, "password": [value]}, {"name": "x", "pasword": value}, [value],
        {"name": "x", "user": "u", "password": value, "extra": {value: value}}, {"name": "x", "tags": value},
        f'{{"password": {json.dumps(value)},,'.encode(), f"password={value}".encode(),
    ):  # fmt: skip
        assert s.ask("POST", "api/v2/credentials/", body).status in (400, 422)


def typed_inline(s: Session, c: Canaries) -> None:
    for shape in TYPED:
        value = c[shape].value
        s.cell(f"%cred add typed --kind basic user=u password={json.dumps(value, ensure_ascii=False)}")
        s.cell(f" %cred use typed --token {json.dumps(value, ensure_ascii=False)}")
    s.command("add", "typed", "--kind", "basic", "user=u", f"password={c['pem'].value}", code=2)
    assert b'"typed"' not in s.ask("GET", "api/v2/credentials/").body


def deleted(s: Session, c: Canaries) -> None:
    s.store("gone", c)
    s.cell("%cred use gone as gone", fails=False)
    s.command("rm", "gone")
    s.cell("print(dict(gone), gone['url'])\ngone.refresh()", fails=True)


def behind_a_passphrase(s: Session, c: Canaries) -> None:
    """A home of its own, whose passphrase is one of the canaries and a wrong one another."""
    protected = {"CREDMAGIC_HOME": str(s.workdir / "protected")}
    right = protected | {"CREDMAGIC_PASSPHRASE_FILE": s.file(c["url"])}
    wrong = protected | {"CREDMAGIC_PASSPHRASE_FILE": s.file(c["quotes"])}
    s.command("add", "kept", "--kind", "bearer", f"--secret=token=file:{s.file(c['ascii'])}", env=protected)
    s.command("protect", "passphrase", f"--secret=file:{s.file(c['url'])}", env=protected)
    s.command("list", "--json", env=wrong, code=6)
    s.command("use", "kept", env=right)


def in_programs(s: Session, c: Canaries) -> None:
    s.store("scripted", c)
    s.script("import credmagic as m; c = m.use('scripted'); print(c, repr(c['pem']), [c['url']], m.list()); c['nope']")
    s.command("run", "scripted", "--", "python3", "-c", "import os; print(len(os.environ['pem']))")
    s.command("use", "scripted")


def saved_in_files(s: Session, c: Canaries) -> None:
    """What the user pastes into files is masked as they are saved through the server."""
    s.store("pasted", c)
    values = [c[x].value for x in TYPED]
    cells = [v4.new_code_cell(f"x = {value!r}", metadata={"note": value}) for value in values]
    book = json.loads(nbformat.writes(v4.new_notebook(cells=cells)))
    s.server.request("PUT", "api/contents/pasted.ipynb", {"type": "notebook", "format": "json", "content": book})
    text = "\n".join([*values, c["pem"].value])
    s.server.request("PUT", "api/contents/pasted.txt", {"type": "file", "format": "text", "content": text})
    s.server.request("PUT", "api/contents/pasted.b64", {
        "type": "file", "format": "base64", "content": base64.b64encode(text.encode()).decode(),
    })  # fmt: skip


def asked_through_the_socket(s: Session, c: Canaries) -> None:
    """Every answer of the kernel plane but those that hand values over; and what the kernel remembers of its cells."""
    s.store("listed", c)
    s.cell("""
import linecache
ask = credmagic.api.client().call
asked = {a: ask(a) for a in ('kinds', 'overview', 'list', 'names', 'status', 'audit')}
asked |= {a: ask(a, ref='listed') for a in ('show', 'versions', 'uses', 'why', 'verify')}
(dumps / 'socket').write_text(json.dumps(asked))
""", fails=False)  # fmt: skip


SCENARIOS: tuple[Callable[[Session, Canaries], None], ...] = (
    attached_and_injected, made_from_files, made_from_variables, made_at_a_prompt, made_by_magic,
    made_from_notebook_variables, made_at_a_prompt_in_a_notebook, made_in_a_form, made_and_changed_by_rest,
    used_as_an_expression, failing_with_it, bound_to_a_variable, exported, used_in_one_cell, handed_over_as_files,
    rotated, refused_by_its_service, given_to_wrong_fields, typed_inline, deleted, behind_a_passphrase, in_programs,
    saved_in_files, asked_through_the_socket,
)  # fmt: skip
