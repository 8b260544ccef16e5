"""Machine code is kept on disk, and a file that was tampered with is never run."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import textwrap

import pytest

from autograd_mini.primitive import PRIMITIVES, Elementwise, _built_in as BUILT_IN


class Attack:
    """What a foreign file might hold: unpickled, it leaves a trace."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return self.trace.touch, ()


def kept_in(folder, k=1.0):
    """A function x + k, compiled or read from the folder."""
    numba = pytest.importorskip("numba")
    from autograd_mini.compiler.cache import keep

    return keep(numba.njit(lambda x: x + k), "add", f"x + {k}", folder)


@pytest.mark.slow  # it compiles
def test_a_damaged_file_of_the_cache_is_made_anew(tmp_path):
    """A file that was emptied, cut, garbled or exchanged is never run, and written anew."""
    folder = tmp_path / "cache"
    folder.mkdir(mode=0o700)
    assert kept_in(folder)(2.0) == 3.0
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    assert kept_in(folder, 5.0)(2.0) == 7.0
    (other,) = set(folder.iterdir()) - {path}
    trace = tmp_path / "trace"
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for damage in (b"", whole[:10], whole[:-1], whole + b"0", bytes(flipped), other.read_bytes(),
                   pickle.dumps(Attack(trace)), whole[:32] + pickle.dumps(Attack(trace)),
                   b"import os"):
        path.write_bytes(damage)
        function = kept_in(folder)
        assert function(2.0) == 3.0 and not trace.exists()
        assert hashlib.sha256(path.name.encode() + path.read_bytes()[32:]).digest() == (
            path.read_bytes()[:32])
    assert {p.suffix for p in folder.iterdir()} == {".nbc"}


def test_a_whole_file_is_read_and_not_written(tmp_path):
    """The second process reads what the first has written, unless others could write to it."""
    kept_in(tmp_path)(2.0)
    (path,) = tmp_path.iterdir()
    before = path.stat().st_mtime_ns, path.stat().st_ino
    again = kept_in(tmp_path)
    assert again(2.0) == 3.0 and (path.stat().st_mtime_ns, path.stat().st_ino) == before
    path.chmod(0o666)  # others may have written to it
    assert kept_in(tmp_path)(2.0) == 3.0 and path.stat().st_ino != before[1]


def test_the_cache_is_the_users_own_folder(tmp_path, monkeypatch):
    """A folder that others can write to isn't used, and one that can't be made is done without."""
    pytest.importorskip("numba")
    from autograd_mini.compiler.cache import cache_folder

    own, open_to_all = tmp_path / "new" / "own", tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    monkeypatch.setenv("AUTOGRAD_MINI_CACHE", str(own))
    assert cache_folder.__wrapped__() == own and own.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("AUTOGRAD_MINI_CACHE", str(open_to_all))
    with pytest.warns(RuntimeWarning, match="others can write to .*: chmod go-w"):
        assert cache_folder.__wrapped__() != open_to_all
    (tmp_path / "file").touch()
    monkeypatch.setenv("AUTOGRAD_MINI_CACHE", str(tmp_path / "file" / "below"))
    folder = cache_folder.__wrapped__()
    assert folder.is_dir() and tmp_path not in folder.parents


def test_a_full_disk_is_no_error(tmp_path, monkeypatch):
    """On a full disk functions are compiled all the same, and nothing is kept."""
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fdopen", full)
    assert kept_in(tmp_path)(2.0) == 3.0
    assert not list(tmp_path.iterdir())


def run(code, cache, **env):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)], check=True,
        capture_output=True, text=True, env=os.environ | {"AUTOGRAD_MINI_CACHE": str(cache)} | env
    ).stdout


@pytest.mark.slow  # two processes, the first compiles
def test_the_second_process_compiles_nothing(tmp_path):
    """Machine code is kept on disk: the first process writes it, the second only reads."""
    code = """
        import numpy as np, autograd_mini as ag
        program = ag.compile(lambda x: x.sin() * x, batched=0, reduce="sum")
        print(ag.grad(program)(np.array([2.0, 3.0])))
    """
    first = run(code, tmp_path)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert any(path.suffix == ".nbc" for path in files)
    assert run(code, tmp_path) == first
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*") if p.is_file()} == files


def test_each_row_of_the_table_is_known_again():
    """What tells machines apart is the same text each time, so that what is on disk is found."""
    pytest.importorskip("numba", reason="the fast extra isn't installed")
    from autograd_mini.compiler.machine import fingerprint, scalar_function

    for row in PRIMITIVES.values():
        if isinstance(row, Elementwise) and row.name in BUILT_IN and row.scalar is not None:
            function = scalar_function(row).py_func
            assert fingerprint(function) == fingerprint(function), row.name


def test_without_numba_programs_run_in_python_and_batches_say_what_to_install(tmp_path):
    """Only a batch needs Numba: all else runs in Python, however large it is and however often."""
    assert 'pip install "autograd-mini[fast]"' in run("""
        import sys
        sys.modules["numba"] = None
        import autograd_mini as ag
        from autograd_mini.compiler import replay
        replay.SMALL, replay.LARGE, replay.MOST_IN_PYTHON = 0, 10, 50
        def f(x):
            for _ in range(10):
                x = x.sin() * x
            return x
        program = ag.compile(ag.grad(f))
        assert {program(2.0) for _ in range(20)} == {ag.grad(f)(2.0)}
        assert "in Python" in repr(program)
        try:
            ag.compile(lambda x: x, batched=0)
        except ag.errors.MissingExtraError as error:
            print(error)
    """, tmp_path)


def test_a_small_program_does_not_even_import_numba(tmp_path):
    """Its first call waits for nothing."""
    run("""
        import sys
        import autograd_mini as ag
        ag.compile(ag.hessian(lambda x: x.sin() * x))(2.0)
        assert "numba" not in sys.modules
    """, tmp_path)
