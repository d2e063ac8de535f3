"""A scheduled notebook on a machine without a store: three variables, and a real server over https behind a base URL."""

import json
import secrets
import subprocess
import sys
import time

import nbformat
import pytest
from nbformat import v4

from credmagic.testing.jupyter import isolated, jupyter_server
from credmagic.testing.tls import self_signed
from machine_store import machine_store

SECRET = f"Kanari-{secrets.token_hex(12)}-ß/+&\"'"

CELLS = (
    "%load_ext credmagic\nimport os; os.environ.get('CREDMAGIC_AUTH_SECRET')",
    "db = %cred use warehouse\nprint(db['user'], db['password'], len(db['password'])); db['password']",
    '%%cred use warehouse --export\n!echo "$WAREHOUSE_USER $WAREHOUSE_PASSWORD"; env | grep -c AUTH_SECRET=',
    "%cred status",
    "%cred list",
    "import credmagic; credmagic.use('warehouse')['password'] == db['password'], credmagic.api.client().plane",
    "%cred add found --kind bearer --secret token=var:token --no-verify",
    "print(credmagic.use('found')['token'])",
)

NBCLIENT = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
NotebookClient(book, timeout=100, kernel_name="python3").execute()
nbformat.write(book, sys.argv[2])
"""


@pytest.fixture(scope="module")
def there(tmp_path_factory):
    """The machine that has the store: its server, and what its owner does there."""
    workdir = tmp_path_factory.mktemp("there")
    certificate = self_signed(workdir / "tls", "127.0.0.1")
    with (
        machine_store(workdir, SECRET) as store,
        jupyter_server(workdir, base_url="/user/jo/", certificate=certificate) as server,
    ):
        server.store = store
        yield server
        assert SECRET not in server.log


@pytest.fixture
def key(there):
    return there.store.key()


@pytest.fixture
def elsewhere(there, key, tmp_path):
    """The environment of a job on another machine."""
    given = {
        "CREDMAGIC_URL": there.url,
        "CREDMAGIC_AUTH_KEY": key.id,
        "CREDMAGIC_AUTH_SECRET": key.secret,
        "CREDMAGIC_CA_FILE": str(there.certificate),
    }
    yield isolated(tmp_path) | given
    left = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert left == [], "a store was made where there should be none"


def book(token):
    source = (f"token = '{token}'", *CELLS)
    return v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in source], metadata={
        "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}
    })  # fmt: skip


def done(command, environment, *secret):
    finished = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert finished.returncode == 0, finished.stderr[-3000:]
    for value in secret:
        assert value not in finished.stdout + finished.stderr
    return finished


def checked(path, url, key):
    text = path.read_text("utf-8")
    shown = "".join(str(cell.outputs) for cell in nbformat.read(path, 4).cells)

    for value in (SECRET, json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1], key.secret):
        assert value not in text
    assert shown.count("[warehouse.password]") >= 3
    assert f"jo [warehouse.password] {len(SECRET)}" in shown
    assert "jo [warehouse.password]\\n0\\n" in shown.replace("\\r", ""), shown
    assert f"{url}credmagic" in shown
    assert "(True, 'machine')" in shown
    assert "[found.token]" in shown


def test_nbclient_gets_a_credential_of_another_machine(there, key, elsewhere, tmp_path):
    nbformat.write(book("tok-abcdef-123456"), tmp_path / "in.ipynb")
    program = [sys.executable, "-c", NBCLIENT, str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb")]

    done(program, elsewhere, SECRET, key.secret)

    checked(tmp_path / "out.ipynb", there.url, key)
    assert key.secret not in there.log


def test_papermill_gets_a_credential_of_another_machine(there, key, elsewhere, tmp_path):
    nbformat.write(book("tok-ghijkl-123456"), tmp_path / "in.ipynb")
    program = [sys.executable, "-m", "papermill", str(tmp_path / "in.ipynb"), str(tmp_path / "out.ipynb")]

    done([*program, "--log-output", "--log-level", "DEBUG", "-k", "python3"], elsewhere, SECRET, key.secret)

    checked(tmp_path / "out.ipynb", there.url, key)
    assert key.secret not in there.log


def test_what_a_job_stores_belongs_to_it_alone(there, key, elsewhere):
    script = "from credmagic import api; print(api.client().call('create', name='own', kind='bearer', fields={'token': 'abc-123-def'}, verify=False)['owner'])"

    assert done([sys.executable, "-c", script], elsewhere).stdout == "me\n"
    assert "own" not in [view["name"] for view in there.store.call("list")["credentials"]]


def test_a_shell_elsewhere_runs_commands_and_lists(there, key, elsewhere):
    cred = [sys.executable, "-c", "import sys; from credmagic.cli.main import main; sys.exit(main())"]

    ran = done([*cred, "run", "warehouse", "--", sys.executable, "-c", "import os; print(len(os.environ['WAREHOUSE_PASSWORD']))"], elsewhere, SECRET)  # fmt: skip
    status = done([*cred, "status"], elsewhere, key.secret)
    listed = json.loads(done([*cred, "list", "--json"], elsewhere, SECRET).stdout)

    assert ran.stdout == f"{len(SECRET)}\n"
    assert f"{there.url}credmagic" in status.stdout
    assert "warehouse" in [view["name"] for view in listed["credentials"]]


def test_a_file_may_hold_the_secret_and_serves_the_processes_a_job_starts(there, key, elsewhere, tmp_path):
    file = tmp_path / "secret"
    file.write_text(key.secret + "\n")
    file.chmod(0o600)
    inner = "import credmagic; print(len(credmagic.use('warehouse')['password']))"
    outer = f"import subprocess, sys; {inner}; sys.stdout.flush(); subprocess.run([sys.executable, '-c', {inner!r}], check=True)"
    given = {name: value for name, value in elsewhere.items() if name != "CREDMAGIC_AUTH_SECRET"}

    ran = done([sys.executable, "-c", outer], given | {"CREDMAGIC_AUTH_SECRET_FILE": str(file)}, SECRET)

    assert ran.stdout.split() == [str(len(SECRET))] * 2


def test_a_job_goes_on_over_a_fork_and_in_threads(there, key, elsewhere):
    script = """
import os, sys, threading, credmagic
size = lambda: len(credmagic.use("warehouse")["password"])
first = size()
if (pid := os.fork()) == 0:
    os._exit(0 if size() == first else 1)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
found = []
threads = [threading.Thread(target=lambda: found.append(size())) for _ in range(8)]
[thread.start() for thread in threads]; [thread.join() for thread in threads]
print(set(found) == {first}, len(found))
"""
    assert done([sys.executable, "-W", "ignore", "-c", script], elsewhere, SECRET).stdout == "True 8\n"


def test_pausing_the_key_stops_a_running_job_within_a_second(there, key, elsewhere):
    script = """
import time, credmagic
from credmagic.errors import NotSignedIn
print("begun", flush=True)
try:
    while True:
        credmagic.use("warehouse")
        time.sleep(0.02)
except NotSignedIn as error:
    print(time.time(), error.code, flush=True)
"""
    job = subprocess.Popen([sys.executable, "-c", script], env=elsewhere, stdout=subprocess.PIPE, text=True)
    assert job.stdout.readline() == "begun\n"
    there.wait(lambda: len(there.store.events("use")) > 0)
    time.sleep(1.0)

    there.store.call("key_pause", key_id=key.id)
    paused = time.time()
    stopped, code = job.communicate(timeout=30)[0].split()

    assert code == "bad_credentials"
    assert float(stopped) - paused < 1


def test_a_wrong_secret_is_told_with_what_to_look_at_and_without_it(there, key, elsewhere):
    wrong = elsewhere | {"CREDMAGIC_AUTH_SECRET": "cms_" + "wrong0" * 8}
    script = "import credmagic; credmagic.use('warehouse')"

    failed = subprocess.run([sys.executable, "-c", script], env=wrong, capture_output=True, text=True)

    assert "refuses the access key" in failed.stderr
    assert "wrong0wrong0" not in failed.stderr


def test_a_certificate_nobody_vouches_for_ends_the_job(there, key, elsewhere):
    unaware = {name: value for name, value in elsewhere.items() if name != "CREDMAGIC_CA_FILE"}

    failed = subprocess.run(
        [sys.executable, "-c", "import credmagic; credmagic.use('warehouse')"],
        env=unaware, capture_output=True, text=True,
    )  # fmt: skip

    assert "is not trusted" in failed.stderr
    assert "CREDMAGIC_CA_FILE" in failed.stderr
