"""Signed runs: what is signed holds in other tools' eyes too, and nothing passes for signed that is not."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.store.keys import PublicKey, public_key_of_line, read_private_key, read_public_key
from fairweigh.datasets.errors import InputError

from .conftest import configured, people
from .test_verification import ODD

if TYPE_CHECKING:
    from .conftest import Ended


# RFC 8032, section 7.1, tests 1 to 3: secret key, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
        "d25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
        "387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
        "4a7c15e9716ed28dc027beceea1ec40a",
    ),
]
PKCS8 = bytes.fromhex("302e020100300506032b657004220420")
"""What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, section 7)."""


def tool(name: str, *args: str | Path, **given: Any) -> str:
    """Run a tool of the system; skipped by name where it is not installed."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    done = subprocess.run(
        [name, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        **given,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def keys(here: Path) -> Path:
    """Keys as OpenSSH and OpenSSL make them, each with its public part, in files here."""
    for name, passphrase in (("ssh", ""), ("ssh-locked", "open sesame"), ("other", "")):
        tool("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", f"{name}@example", "-f", name)
    tool("openssl", "genpkey", "-algorithm", "ed25519", "-out", "pem")
    locked = ("-aes256", "-pass", "pass:open sesame")
    tool("openssl", "genpkey", "-algorithm", "ed25519", *locked, "-out", "pem-locked")
    tool("openssl", "pkey", "-in", "pem", "-pubout", "-out", "pem.pub")
    secret = ("-passin", "pass:open sesame")
    tool("openssl", "pkey", "-in", "pem-locked", *secret, "-pubout", "-out", "pem-locked.pub")
    return here


@pytest.fixture(scope="module")
def audited_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run, its data and its configuration."""
    folder = tmp_path_factory.mktemp("audited")
    pq.write_table(people(), folder / "d.parquet")
    config = configured(gates=[{"metric": "accuracy", "limit": ">= 0.1"}])
    (folder / "a.yaml").write_text(json.dumps(config))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert fairweigh.run("a.yaml", "runs/t").verdict == "pass"
    return folder


@pytest.fixture
def run(audited_once: Path, here: Path) -> Path:
    shutil.copytree(audited_once, here, dirs_exist_ok=True)
    return here / "runs" / "t"


@pytest.fixture
def signed(run: Path, keys: Path, cli: Callable[..., Ended]) -> Path:
    assert cli("sign", str(run), "--key", "ssh").code == 0
    return run


def as_pem(path: Path) -> Any:
    """A public key in PEM, from either format."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = Ed25519PublicKey.from_public_bytes(read_public_key(path).raw)
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


# --- against other tools ------------------------------------------------------------------------------


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032)
def test_keys_sign_and_check_as_rfc_8032_says(
    secret: Any, public: Any, message: Any, signature: Any, tmp_path: Path
) -> None:
    text = base64.b64encode(PKCS8 + bytes.fromhex(secret)).decode()
    (tmp_path / "key").write_text(f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
    key = read_private_key(tmp_path / "key", lambda: pytest.fail("asked for a passphrase"))
    told = bytes.fromhex(message)
    assert key.public.raw.hex() == public
    assert key.sign(told).hex() == signature
    assert PublicKey(bytes.fromhex(public)).signed(told, bytes.fromhex(signature))
    assert not PublicKey(bytes.fromhex(public)).signed(told + b"\0", bytes.fromhex(signature))
    broken = bytearray.fromhex(signature)
    broken[5] ^= 1
    assert not PublicKey(bytes.fromhex(public)).signed(told, bytes(broken))


@pytest.mark.parametrize("name", ["ssh", "ssh-locked", "pem", "pem-locked"])
def test_openssl_finds_our_signature_good_and_sha256sum_the_manifest(
    name: str, run: Path, keys: Path, cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRWEIGH_KEY_PASSPHRASE", "open sesame")
    assert cli("sign", str(run), "--key", name).code == 0
    content = json.loads((run / "MANIFEST.sig").read_text(encoding="utf-8"))
    assert list(content) == ["algorithm", "public_key", "statement", "signature"]
    Path("statement").write_bytes(content["statement"].encode())
    Path("signature").write_bytes(base64.b64decode(content["signature"]))
    Path("key.pem").write_bytes(as_pem(Path(f"{name}.pub")))
    check = ("pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-sigfile", "signature")
    assert "Verified Successfully" in tool("openssl", *check, "-in", "statement")
    told = dict(line.split(": ", 1) for line in content["statement"].splitlines()[1:])
    assert told["manifest sha256"] == tool("sha256sum", run / "MANIFEST.json").split()[0]
    ended = cli("verify", str(run), "--public-key", f"{name}.pub")
    assert ended.code == 0, ended
    assert f"signed with the key of {name}.pub, {told['key']}" in ended.out


@pytest.mark.parametrize("name", ["ssh", "other"])
def test_the_fingerprint_is_the_one_that_openssh_prints(name: str, keys: Path) -> None:
    key = read_public_key(Path(f"{name}.pub"))
    words = tool("ssh-keygen", "-l", "-f", f"{name}.pub").split()
    assert key.fingerprint == words[1]
    assert key.comment == words[2] == f"{name}@example"
    assert public_key_of_line(key.line).raw == key.raw


# --- what is told -------------------------------------------------------------------------------------


def test_verify_without_a_key_says_who_signed_and_that_this_was_not_checked(
    signed: Path, cli: Callable[..., Ended]
) -> None:
    fingerprint = read_public_key(Path("ssh.pub")).fingerprint
    ended = cli("verify", str(signed))
    assert ended.code == 0
    assert f"signed with the key {fingerprint}; whose it is was not checked: give --public-key" in ended.out
    assert re.search(r"the signer's own words: 'ssh@example', 20\d\d-", ended.out)
    assert cli("verify", str(signed), "-q").out == ""
    assert cli("gate", str(signed), "-q").code == 0


def test_a_comment_is_what_the_signer_says(run: Path, keys: Path, cli: Callable[..., Ended]) -> None:
    assert cli("sign", str(run), "--key", "pem", "--comment", "model\nrisk \x1b[31m" + "x" * 500).code == 0
    ended = cli("verify", str(run), "--public-key", "pem.pub")
    assert ended.code == 0
    assert re.search(r"own words: 'model risk \[31mx{185}', 20", ended.out)


def test_a_comment_of_another_keys_file_is_not_taken(
    run: Path, keys: Path, cli: Callable[..., Ended]
) -> None:
    shutil.copy("other.pub", "ssh.pub")
    assert "(" not in cli("sign", str(run), "--key", "ssh").out


# --- what does not pass -------------------------------------------------------------------------------


def test_another_key_is_named_beside_the_expected_one(signed: Path, cli: Callable[..., Ended]) -> None:
    mine, other = (read_public_key(Path(f"{n}.pub")).fingerprint for n in ("ssh", "other"))
    ended = cli("verify", str(signed), "--public-key", "other.pub")
    assert ended.code == 1
    assert f"expected {other} of other.pub, found {mine} ('ssh@example')" in ended.out
    assert "not verified" in ended.out


def test_a_run_without_a_signature_is_not_verified_with_a_key(
    run: Path, keys: Path, cli: Callable[..., Ended]
) -> None:
    ended = cli("verify", str(run), "--public-key", "ssh.pub")
    assert ended.code == 1
    assert "MANIFEST.sig: missing: the run is not signed" in ended.out
    assert cli("verify", str(run)).code == 0


def test_the_baseline_of_a_gate_is_signed_with_the_key_too(signed: Path, cli: Callable[..., Ended]) -> None:
    """One forged lower makes any loss a gain."""
    policy = [{"metric": "accuracy", "compare": "change", "limit": ">= -0.1"}]
    Path("p.yaml").write_text(json.dumps({"policy": "p", "gates": policy}))
    shutil.copytree(signed, "unsigned")
    Path("unsigned/MANIFEST.sig").unlink()
    shutil.copytree("unsigned", "others")
    assert cli("sign", "others", "--key", "other").code == 0
    args = ("gate", str(signed), "--policy", "p.yaml", "-q", "--public-key", "ssh.pub", "--baseline")
    refused(cli(*args, "unsigned"), "unsigned: MANIFEST.sig: missing: the run is not signed")
    refused(cli(*args, "others"), "others: MANIFEST.sig: signed with another key")
    assert cli(*args, str(signed)).code == 0
    assert cli(*args[:5], "--baseline", "unsigned").code == 0


def test_a_run_that_is_gated_with_a_key_is_signed_with_it(signed: Path, cli: Callable[..., Ended]) -> None:
    args = ("gate", str(signed), "-q", "--public-key")
    assert cli(*args, "ssh.pub").code == 0
    mine, other = (read_public_key(Path(f"{n}.pub")).fingerprint for n in ("ssh", "other"))
    refused(cli(*args, "other.pub"), "MANIFEST.sig: signed with another key", mine, other)
    (signed / "MANIFEST.sig").unlink()
    refused(cli(*args, "ssh.pub"), "MANIFEST.sig: missing: the run is not signed")
    assert cli(*args[:3]).code == 0


@pytest.mark.parametrize("add", ODD, ids=lambda f: f.__name__.strip("_"))
def test_what_was_put_into_a_signed_folder_is_named(
    add: Callable[[Path, Path], str],
    signed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Callable[..., Ended],
) -> None:
    if add.__name__ == "_dangling":
        (signed / "MANIFEST.sig").unlink()
    here = Path.cwd()
    told = add(signed, tmp_path)
    monkeypatch.chdir(here)
    ended = cli("verify", str(signed), "--public-key", "ssh.pub")
    assert ended.code == 1
    assert told in ended.out.splitlines()
    refused(cli("gate", str(signed), "--public-key", "ssh.pub"), told)


@pytest.mark.parametrize("command", ["verify", "gate"])
@pytest.mark.parametrize("name", ["MANIFEST.json", "MANIFEST.sig", "audit.json", "report.html", "junit.xml",
                                  "summary.md", "predictions/original.parquet"])  # fmt: skip
def test_one_byte_in_any_file_is_named(
    command: str, name: str, signed: Path, cli: Callable[..., Ended]
) -> None:
    whole = (signed / name).read_bytes()
    for place in (len(whole) // 3, len(whole) - 1):
        content = bytearray(whole)
        content[place] ^= 1
        (signed / name).write_bytes(content)
        ended = cli(command, str(signed))
        assert ended.code in (1, 2)
        assert ended.code == 2 or command == "verify"
        assert name in ended.out + ended.err
        assert "Traceback" not in ended.err


def _rewritten(signed: Path, **changes: Any) -> None:
    content = json.loads((signed / "MANIFEST.sig").read_text(encoding="utf-8"))
    content.update({key: change(content[key]) for key, change in changes.items()})
    (signed / "MANIFEST.sig").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"statement": lambda s: s.replace("ssh@example", "boss@example")}, "not one of the key"),
        ({"statement": lambda s: s.replace("signed: 20", "signed: 19")}, "not one of the key"),
        ({"statement": lambda s: s + "approved: yes\n"}, "expected a statement"),
        ({"statement": lambda s: s.replace("comment: ", "comment: \u202e")}, "not as it was written"),
        ({"public_key": lambda k: public_key_line("other.pub")}, "the statement names the key"),
        ({"public_key": lambda k: "ssh-rsa AAAA"}, "not an Ed25519 key"),
        ({"signature": lambda s: "AAAA" + s[4:]}, "not one of the key"),
        ({"signature": lambda s: ""}, "not one of the key"),
        ({"signature": lambda s: "no base64!"}, "not a whole signature"),
        ({"algorithm": lambda a: "none"}, "signed with Ed25519"),
    ],
)
def test_a_signature_that_was_tampered_with_is_told(
    changes: dict[str, Any], told: str, signed: Path, cli: Callable[..., Ended]
) -> None:
    _rewritten(signed, **changes)
    ended = cli("verify", str(signed), "--public-key", "ssh.pub")
    assert ended.code == 1
    assert "MANIFEST.sig: " in ended.out
    assert told in ended.out
    ended = cli("gate", str(signed))
    assert ended.code == 2
    assert told in ended.err


def public_key_line(name: str) -> Any:
    return read_public_key(Path(name)).line


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"statement": 3}', b"null", b"{"])
def test_a_signature_file_that_is_none_is_told(
    content: bytes, signed: Path, cli: Callable[..., Ended]
) -> None:
    (signed / "MANIFEST.sig").write_bytes(content)
    for args in ([], ["--public-key", "ssh.pub"]):
        ended = cli("verify", str(signed), *args)
        assert ended.code == 1
        assert "MANIFEST.sig: not a whole signature" in ended.out
        assert "Traceback" not in ended.err


def test_a_signature_of_another_run_does_not_fit(signed: Path, cli: Callable[..., Ended], here: Path) -> None:
    assert cli("audit", "a.yaml", "-q", "-o", "second", "--set", "seed=1").code == 0
    shutil.copy(signed / "MANIFEST.sig", "second")
    ended = cli("verify", "second", "--public-key", "ssh.pub")
    assert ended.code == 1
    assert "MANIFEST.json: changed since it was signed with the key" in ended.out


def test_a_manifest_made_to_fit_a_changed_file_is_found(signed: Path, cli: Callable[..., Ended]) -> None:
    from fairweigh.audit.store.folder import manifest_text
    from fairweigh.datasets.read import sha256_file

    with (signed / "report.html").open("a", encoding="utf-8") as file:
        file.write("<!-- -->")
    manifest = json.loads((signed / "MANIFEST.json").read_text(encoding="utf-8"))
    manifest["files"]["report.html"] = sha256_file(signed / "report.html")
    (signed / "MANIFEST.json").write_text(manifest_text(manifest), encoding="utf-8")
    assert "MANIFEST.json: changed since it was signed" in cli("verify", str(signed)).out
    assert "MANIFEST.json: changed since it was signed" in cli("gate", str(signed)).err


# --- signing ------------------------------------------------------------------------------------------


def refused(ended: Ended, *told: Any) -> None:
    assert ended.code == 2, ended
    assert len(ended.lines) == 1
    assert all(words in ended.err for words in told), ended.err


def test_a_changed_run_is_not_signed(run: Path, keys: Path, cli: Callable[..., Ended]) -> None:
    (run / "summary.md").write_text("all is well")
    refused(cli("sign", str(run), "--key", "ssh"), "not signed", "summary.md: changed")
    assert not (run / "MANIFEST.sig").exists()


def test_a_signature_is_never_replaced_unasked(signed: Path, cli: Callable[..., Ended]) -> None:
    before = (signed / "MANIFEST.sig").read_bytes()
    refused(cli("sign", str(signed), "--key", "other"), "signed already")
    assert (signed / "MANIFEST.sig").read_bytes() == before


def test_reports_of_a_signed_run_are_written_anew_only_without_the_signature(
    signed: Path, cli: Callable[..., Ended]
) -> None:
    before = {p: p.read_bytes() for p in signed.rglob("*") if p.is_file()}
    refused(cli("report", str(signed)), "the run is signed", "--unsign")
    assert {p: p.read_bytes() for p in signed.rglob("*") if p.is_file()} == before
    ended = cli("report", str(signed), "--unsign")
    assert ended.code == 0
    assert "the signature was removed" in ended.out
    assert not (signed / "MANIFEST.sig").exists()
    assert cli("verify", str(signed)).code == 0
    assert "removed" not in cli("report", str(signed), "--unsign").out


@pytest.mark.parametrize("name", ["ssh-locked", "pem-locked"])
def test_a_wrong_or_missing_passphrase_is_told(
    name: str, run: Path, keys: Path, cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    refused(cli("sign", str(run), "--key", name), f"{name}: the key is encrypted", "FAIRWEIGH_KEY_PASSPHRASE")
    monkeypatch.setenv("FAIRWEIGH_KEY_PASSPHRASE", "close sesame")
    ended = cli("sign", str(run), "--key", name)
    refused(ended, f"{name}: cannot be read as a private key with this passphrase")
    assert "sesame" not in ended.err
    assert not (run / "MANIFEST.sig").exists()


def test_a_passphrase_is_asked_for_on_a_terminal_and_not_shown(run: Path, keys: Path) -> None:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "fairweigh", "sign", str(run), "--key", "ssh-locked"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    said = b""
    try:
        while b"Passphrase of ssh-locked" not in said:
            said += os.read(ours, 1024)
        # What is typed before the echo is off is thrown away.
        while termios.tcgetattr(ours)[3] & termios.ECHO:
            assert child.poll() is None
            time.sleep(0.02)
        os.write(ours, b"open sesame\n")
        while chunk := _read(ours):
            said += chunk
        assert child.wait(timeout=60) == 0, said
    finally:
        child.kill()
        os.close(ours)
    assert b"sesame" not in said
    assert b"signed with the key SHA256:" in said


def _read(terminal: Any) -> Any:
    try:
        return os.read(terminal, 1024)
    except OSError:
        # The other end has gone.
        return b""


@pytest.fixture
def odd(keys: Path) -> None:
    """Files that are no Ed25519 key, by name."""
    tool("openssl", "genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "rsa")
    tool("openssl", "pkey", "-in", "rsa", "-pubout", "-out", "rsa.pub")
    tool("openssl", "genpkey", "-algorithm", "ed448", "-out", "ed448")
    tool("openssl", "pkey", "-in", "ed448", "-pubout", "-out", "ed448.pub")
    tool("ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", "ecdsa")
    Path("text").write_text("no key\n")
    Path("bytes").write_bytes(bytes(range(256)))
    Path("empty").touch()
    Path("cut").write_text(Path("ssh").read_text()[:120])
    Path("cut.pub").write_text("ssh-ed25519 AAAA\n")
    Path("two.pub").write_text(Path("ssh.pub").read_text() + Path("other.pub").read_text())
    Path("folder").mkdir()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rsa", "expected an Ed25519 key, got one of RSA"),
        ("ed448", "expected an Ed25519 key, got one of Ed448"),
        ("ecdsa", "expected an Ed25519 key, got one of EC"),
        ("ssh.pub", "cannot be read as a private key"),
        ("pem.pub", "expected a private key"),
        ("text", "cannot be read as a private key"),
        ("bytes", "cannot be read as a private key"),
        ("empty", "cannot be read as a private key"),
        ("cut", "cannot be read as a private key"),
        ("folder", "Is a directory"),
        ("nowhere", "No such file"),
    ],
)
def test_what_is_no_private_key_is_refused(
    name: str, told: str, run: Path, odd: Any, cli: Callable[..., Ended]
) -> None:
    refused(cli("sign", str(run), "--key", name), f"{name}: ", told)
    assert not (run / "MANIFEST.sig").exists()


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("rsa.pub", "expected an Ed25519 key, got one of RSA"),
        ("ed448.pub", "expected an Ed25519 key, got one of Ed448"),
        ("ecdsa.pub", "expected an Ed25519 key, got one of EC"),
        ("ssh", "expected a public key, got a private one"),
        ("pem", "expected a public key, got a private one"),
        ("text", "cannot be read as a public key"),
        ("bytes", "expected one public key"),
        ("empty", "expected one public key"),
        ("cut.pub", "cannot be read as a public key"),
        ("two.pub", "expected one public key"),
        ("folder", "Is a directory"),
        ("nowhere", "No such file"),
    ],
)
def test_what_is_no_public_key_is_refused(
    name: str, told: str, signed: Path, odd: Any, cli: Callable[..., Ended]
) -> None:
    refused(cli("verify", str(signed), "--public-key", name), f"{name}: ", told)


def test_without_the_package_one_line_says_how_to_get_it(
    signed: Path, cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [n for n in sys.modules if n.partition(".")[0] == "cryptography"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    hint = 'needs the package cryptography: pip install "fairweigh[sign]"'
    refused(cli("verify", str(signed), "--public-key", "ssh.pub"), hint)
    ended = cli("verify", str(signed))
    assert ended.code == 0
    assert f"nor was the signature, which {hint}" in ended.out
    (signed / "MANIFEST.sig").unlink()
    refused(cli("sign", str(signed), "--key", "ssh"), hint)


def test_a_line_that_is_no_key_raises(here: Path) -> None:
    for line in ("", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-rsa AAAAC3NzaC1lZDI1NTE5"):
        with pytest.raises(ValueError, match=r".*"):
            public_key_of_line(line)
    with pytest.raises(InputError):
        read_public_key(Path("x"))
