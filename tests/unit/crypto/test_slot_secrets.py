"""Do passphrases and recovery keys become slot keys, and only within the limits?"""

import subprocess
import sys
import tracemalloc

import pytest

from credmagic.crypto import passphrase, recovery
from credmagic.crypto.passphrase import CHEAP, DEFAULT, Profile, check_new_passphrase, derive
from credmagic.errors import InvalidCredential, VaultLocked

SALT = bytes(range(16))


def test_the_default_profile_lies_between_floor_and_ceiling():
    assert (DEFAULT.memory_kib, DEFAULT.iterations, DEFAULT.lanes) == (262_144, 3, 1)
    passphrase._check(SALT, DEFAULT, passphrase.FLOOR)


def test_a_cheap_profile_needs_the_callers_word():
    assert len(derive("correct horse", SALT, CHEAP, allow_cheap=True)) == 32
    with pytest.raises(VaultLocked):
        derive("correct horse", SALT, CHEAP)


@pytest.mark.parametrize(
    "profile",
    [Profile(1 << 21, 3, 1), Profile(1 << 40, 3, 1), Profile(65536, 17, 1), Profile(65536, 1 << 32, 1), Profile(65536, 3, 5),
     Profile(65536.0, 3, 1), Profile("65536", 3, 1), Profile(True, 3, 1), Profile(None, 3, 1)],
)  # fmt: skip
def test_parameters_a_tampered_slot_could_hold_are_refused_before_any_memory_is_taken(profile, monkeypatch):
    monkeypatch.setattr(passphrase, "Argon2id", None)
    tracemalloc.start()
    try:
        with pytest.raises(VaultLocked):
            derive("correct horse", SALT, profile, allow_cheap=True)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(17), "0123456789abcdef", None])
def test_only_a_salt_of_16_bytes_is_taken(salt):
    with pytest.raises(VaultLocked):
        derive("correct horse", salt, CHEAP, allow_cheap=True)


def test_passphrase_salt_and_price_all_decide():
    keys = {
        bytes(derive(phrase, salt, profile, allow_cheap=True))
        for phrase, salt, profile in (
            ("correct horse", SALT, CHEAP), ("correct horsf", SALT, CHEAP), ("correct horse", bytes(16), CHEAP),
            ("correct horse", SALT, Profile(64, 2, 1)), ("correct horse", SALT, Profile(128, 1, 1)),
        )
    }  # fmt: skip
    assert len(keys) == 5


def test_the_same_text_typed_on_another_keyboard_gives_the_same_key():
    assert derive("Zürich Genève", SALT, CHEAP, allow_cheap=True) == derive(
        "Zu\u0308rich Gene\u0300ve", SALT, CHEAP, allow_cheap=True
    )


def test_a_new_passphrase_has_twelve_characters():
    check_new_passphrase("zwölf Zeiche")
    with pytest.raises(InvalidCredential) as caught:
        check_new_passphrase("elf Zeichen")
    assert "passphrase" in caught.value.errors
    with pytest.raises(InvalidCredential):
        check_new_passphrase("u\u0308" * 11)


def test_a_passphrase_that_is_no_text_is_refused_without_quoting_it(canary):
    for act in (check_new_passphrase, lambda text: derive(text, SALT, CHEAP, allow_cheap=True)):
        with pytest.raises(InvalidCredential) as caught:
            act(canary + "\udcff")
        assert canary not in str(caught.value) + repr(caught.value.to_json())
        assert caught.value.__context__ is None


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process by RLIMIT_AS")
def test_memory_that_is_not_there_is_a_typed_stop():
    """A real process with a real limit."""
    program = """
import resource
from credmagic.crypto.passphrase import DEFAULT, derive
from credmagic.errors import VaultLocked
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (64 << 20),) * 2)
try:
    derive("correct horse", bytes(16), DEFAULT)
except VaultLocked as error:
    print(error.message)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "deriving the key needs 256 MiB of memory, which are not there\n"


def test_a_recovery_key_is_read_back_as_people_type_it():
    text, key = recovery.new_recovery_key()

    assert recovery.parse_recovery_key(text) == key
    assert recovery.parse_recovery_key(f" {text.lower().replace('-', ' ')}\n") == key
    assert recovery.parse_recovery_key(text.replace("1", "l").replace("0", "o")) == key


def test_a_recovery_key_is_shown_only_on_purpose():
    text, _ = recovery.new_recovery_key()

    assert repr(text) == "[recovery key]"
    assert len(text.split("-")) == 14


def test_a_leading_zero_cannot_be_left_out():
    text, _ = recovery.new_recovery_key(urandom=bytes)

    with pytest.raises(InvalidCredential) as caught:
        recovery.parse_recovery_key(str(text)[1:])
    assert caught.value.errors["recovery_key"] == "55 characters, but it has 56"


def test_every_single_typing_error_is_noticed_and_never_quoted():
    text, _ = recovery.new_recovery_key()
    tried = 0
    for at, right in enumerate(text):
        for digit in "0123456789ABCDEFGHJKMNPQRSTVWXYZU?":
            if right in ("-", digit):
                continue
            typed, tried = text[:at] + digit + text[at + 1 :], tried + 1
            with pytest.raises(InvalidCredential) as caught:
                recovery.parse_recovery_key(typed)
            assert typed not in str(caught.value) + repr(caught.value.to_json())
    assert tried == 56 * 33
