"""Training over a `map`, and over real MPI and Ray: the same numbers, though workers die."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from several import X, Y, apart, network, sha, summed, trained, values, weighted

from autograd_mini import nn
from autograd_mini.errors import GraphError

# ── over a map ───────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("parts", [1, 2, 7])
def test_spread_is_what_fit_does(parts):
    """Tensors and Values, with metrics, and batches with fewer rows than there are parts."""
    for make, batch_size in ((network, 7), (values, 20)):
        alone, history = trained(None, make(), batch_size=batch_size, metrics=[nn.accuracy])
        model, told = trained(nn.parallel.Spread(map, parts), make(), batch_size=batch_size,
                              metrics=[nn.accuracy])
        assert apart(model, alone) <= 1e-14
        assert [e.as_dict()["accuracy"] for e in told] == [
            e.as_dict()["accuracy"] for e in history]


@pytest.mark.slow  # starts two Pythons
def test_spread_over_a_pool():
    """The same bits as over Python's own map."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        assert sha(trained(nn.parallel.Spread(pool.map, 2))[0]) == sha(
            trained(nn.parallel.Spread(map, 2))[0])


def test_threads_take_turns():
    """They have one model, whose gradients would else be mixed."""
    with ThreadPoolExecutor(4) as pool:
        assert sha(trained(nn.parallel.Spread(pool.map, 4))[0]) == sha(
            trained(nn.parallel.Spread(map, 4))[0])


def test_results_in_another_order():
    """They are put in order by their numbers, and one of each is asked for."""
    def backwards(f, tasks):
        return [f(task) for task in tasks][::-1]

    assert sha(trained(nn.parallel.Spread(backwards, 3))[0]) == sha(
        trained(nn.parallel.Spread(map, 3))[0])
    for wrong in (lambda f, tasks: [f(t) for t in tasks][1:], lambda f, tasks: [1, 2, 3],
                  lambda f, tasks: [f(tasks[0])] * 3):
        with pytest.raises(GraphError, match="each once"):
            trained(nn.parallel.Spread(wrong, 3))


@pytest.mark.parametrize(("extra", "loss", "told"), [
    ((nn.Dropout(0.5, rng=3),), nn.cross_entropy, "changes 1.rng"),
    ((nn.BatchNorm1d(16),), nn.cross_entropy, "changes 1.running_mean"),
    ((), summed, "add up"), ((), weighted, "weighted by classes")])
@pytest.mark.parametrize("parts", [1, 3])
def test_what_spread_refuses(extra, loss, told, parts):
    """A worker's generator and running statistics would be lost, even of one part."""
    if parts == 1 and not extra:
        trained(nn.parallel.Spread(map, 1), loss=loss)  # one part is the whole
        return
    with pytest.raises(GraphError, match=told):
        trained(nn.parallel.Spread(map, parts), network(0, np.float64, *extra), loss=loss)


def test_spread_says_where_nan_was_born():
    """In the words of `fit`."""
    with pytest.raises(FloatingPointError, match="the loss is nan"):
        nn.fit(model := network(), [(X * np.nan, Y)], nn.cross_entropy,
               nn.SGD(model.parameters(), lr=0.1), progress=False,
               parallel=nn.parallel.Spread(map, 2))


# ── for real ─────────────────────────────────────────────────────────────────────────────────────

SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from mpi4py import MPI
from autograd_mini import nn
from several import network, sha, trained
comm = MPI.COMM_WORLD
if sys.argv[1] == "fails" and comm.rank == 1:
    raise OSError("before anything began")
model, history = trained(nn.parallel.AllReduce(comm), network(comm.rank), metrics=[nn.accuracy])
told = comm.gather((sha(model), f"{{history[-1].loss:.12f}}"))
if comm.rank == 0:
    print(len(told), len(set(told)), told[0][1])
"""


def _mpiexec(tmp_path, *words):
    pytest.importorskip("mpi4py", reason="mpi4py isn't installed (the test extra on Linux)")
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(folder=str(Path(__file__).parent)), encoding="utf-8")
    mpiexec = Path(sys.executable).with_name("mpiexec")
    return subprocess.run([mpiexec, "-n", "3", sys.executable, "-m", "mpi4py", script, *words],
                          capture_output=True, text=True, timeout=120, cwd=tmp_path)


@pytest.mark.slow  # starts three Pythons under MPI
def test_under_mpi(tmp_path):
    """Three real processes: the same bits in all, and the loss of one."""
    done = _mpiexec(tmp_path, "goes on")
    assert done.returncode == 0, done.stderr
    alone = trained(metrics=[nn.accuracy])[1][-1].loss
    assert done.stdout.split() == ["3", "1", f"{alone:.12f}"]


@pytest.mark.slow  # starts three Pythons under MPI
def test_an_error_ends_the_job(tmp_path):
    """One that fails before training ends all, as every command that the guide prints has it."""
    began = time.monotonic()
    done = _mpiexec(tmp_path, "fails")
    assert done.returncode != 0 and "before anything began" in done.stderr
    assert time.monotonic() - began < 60


@pytest.mark.slow  # starts Ray
@pytest.mark.cluster
def test_a_dead_worker():
    """A Ray worker is killed by its pid at step 50: training ends with the same bits."""
    ray = pytest.importorskip("ray", reason="Ray isn't installed (the extra `cluster`)")
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False,
             runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}})
    try:
        pid = ray.remote(lambda: (time.sleep(0.2), os.getpid())[1])
        workers = ray.get([pid.remote(), pid.remote()])
        remote = ray.remote(nn.parallel.part_of_batch)
        killed = []

        class Kills(nn.Callback):
            def after_step(self, run):
                if run.epoch == 6 and run.batch == 5:  # of 9 an epoch: the 50th
                    os.kill(workers[0], signal.SIGKILL)
                    killed.append(workers[0])

        def spread(f, tasks):
            return ray.get([remote.remote(task) for task in tasks])

        model, _ = trained(nn.parallel.Spread(spread, 2), epochs=8, callbacks=[Kills()])
    finally:
        ray.shutdown()
    assert killed and sha(model) == sha(trained(nn.parallel.Spread(map, 2), epochs=8)[0])
