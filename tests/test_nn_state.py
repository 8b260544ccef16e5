"""What a model consists of, by name: taken out, put back, frozen, and exchanged with others."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

import autograd_mini as ag
from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import ArgumentTypeError, StorageError


def network(seed=0, dtype=np.float64):
    """Two layers and what stands between them."""
    return nn.Sequential(nn.Linear(3, 4, rng=seed, dtype=dtype), nn.Tanh(),
                         nn.Linear(4, 2, rng=seed + 1, dtype=dtype))


def test_names_are_those_of_pytorch():
    """What a Sequential holds is numbered, wherever that stands in a model."""
    class Net(nn.Module):
        def __init__(self):
            self.body, self.steps = network(), [nn.Linear(1, 1)]

    assert list(network().state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert list(Net().state_dict())[3:] == ["body.2.bias", "steps.0.weight", "steps.0.bias"]
    assert [path for path, _ in Net().named_modules()] == [
        "", "body", "body.0", "body.1", "body.2", "steps.0"]


def test_a_state_is_a_copy_and_goes_back():
    """Training on doesn't change it; loading it gives the old answers to the last bit."""
    model, x = network(), np.ones((2, 3))
    state, before = model.state_dict(), model(x).data.copy()
    nn.fit(model, [(x, np.array([0, 1]))], nn.cross_entropy, nn.Adam(model.parameters(), 0.1),
           epochs=2, progress=False)
    assert not np.array_equal(model(x).data, before)
    nodes = model.parameters()
    assert model.load_state_dict(state) == ([], [])
    assert all(p is q for p, q in zip(nodes, model.parameters(), strict=True))
    assert np.array_equal(model(x).data, before)
    state["0.weight"][:] = np.nan
    assert np.array_equal(model(x).data, before)


@pytest.mark.parametrize(("change", "message"), [
    ({"0.bias": None}, "'0.bias' missing in the state"), ({"1.bias": 1.0}, "'1.bias' unknown"),
    ({"0.bias": np.ones(3)}, r"0\.bias has shape \(3,\) in the state and \(4,\) in the model"),
    ({"0.bias": np.ones(4, complex)}, "0.bias has dtype complex128"),
    ({"0.bias": np.ones(4, int)}, "0.bias has dtype int64"),
    ({"0.bias": np.array([None] * 4)}, "never unpickled"),
])
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    """It is one error, which says what doesn't fit."""
    model = network()
    before = model.state_dict()
    state = {name: a for name, a in (before | change).items() if a is not None}
    with pytest.raises(StorageError, match=message):
        model.load_state_dict(state)
    assert all(np.array_equal(before[name], a) for name, a in model.state_dict().items())


def test_a_part_of_a_state():
    """strict=False takes what fits by name, and returns the names that didn't; shapes must fit."""
    model, other = network(), network(5)
    missing, unexpected = model.load_state_dict(
        {"0.weight": other[0].weight.data, "head": np.ones(1)}, strict=False)
    assert missing == ["0.bias", "2.weight", "2.bias"] and unexpected == ["head"]
    assert np.array_equal(model[0].weight.data, other[0].weight.data)
    with pytest.raises(StorageError, match="shape"):
        model.load_state_dict({"0.weight": np.ones(2)}, strict=False)
    with pytest.raises(ArgumentTypeError, match="a state is a dict"):
        model.load_state_dict([1])


def test_float32_is_not_rounded_into():
    """float64 numbers are refused by a model of float32; the other way round is exact."""
    with pytest.raises(StorageError, match="float64 in the state, which float32"):
        network(dtype=np.float32).load_state_dict(network().state_dict())
    wide = network()
    wide.load_state_dict(network(3, np.float32).state_dict())
    assert wide[0].weight.dtype == np.float64


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
def test_what_is_frozen_is_saved_and_stays(tmp_path, suffix):
    """An array in a node's place isn't learned; it has its name in files, whatever it is there."""
    model, x, y = network(), np.ones((2, 3)), np.array([0, 1])
    model[0].weight = model[0].weight.data
    before = model[0].weight.copy()
    nn.fit(model, [(x, y)], nn.cross_entropy, nn.SGD(model.parameters(), 0.5), epochs=2,
           progress=False)
    assert np.array_equal(model[0].weight, before) and len(model.parameters()) == 3
    nn.save(model, tmp_path / f"m.{suffix}")
    thawed = network(7)  # the same model, all of which learns
    nn.load(thawed, tmp_path / f"m.{suffix}")
    assert np.array_equal(thawed(x).data, model(x).data)
    nn.save(thawed, tmp_path / f"n.{suffix}")
    frozen = network(8)
    frozen[0].weight = np.zeros((4, 3))
    nn.load(frozen, tmp_path / f"n.{suffix}")
    assert np.array_equal(frozen(x).data, model(x).data)
    assert isinstance(frozen[0].weight, np.ndarray)


def test_files_with_the_older_names_load(tmp_path):
    """`steps.0.weight`, as a Sequential's were called; not where a module has steps of its own."""
    class Net(nn.Module):
        def __init__(self, fill):
            self.body, self.steps = network(), [Tensor(np.full(2, fill))]

    old = {f"parameters/body.steps.{name}": a for name, a in network(9).state_dict().items()}
    np.savez(tmp_path / "old.npz", **old, **{"parameters/steps.0": np.full(2, 4.0)})
    net = Net(1.0)
    nn.load(net, tmp_path / "old.npz")
    assert np.array_equal(net.body[2].weight.data, network(9)[2].weight.data)
    assert net.steps[0].data.tolist() == [4.0, 4.0]


def test_a_counter_is_a_buffer_and_other_whole_numbers_are_not():
    """An array without axes counts; one of indices is data."""
    class Net(nn.Module):
        def __init__(self):
            self.count, self.rows, self._own = np.array(3), np.arange(4), np.ones(2)
            self.weight = Tensor(np.ones(1))

    net = Net()
    assert list(net.state_dict()) == ["weight", "count"]
    net.load_state_dict({"weight": np.zeros(1), "count": np.array(8)})
    assert net.count == 8 and net.count.dtype == int
    with pytest.raises(StorageError, match="count has dtype float64"):
        net.load_state_dict({"weight": np.zeros(1), "count": np.array(8.0)})


# ── safetensors ──────────────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_safetensors_come_back(tmp_path, dtype):
    """Bit for bit, of Values too; the file is what the format's description says."""
    model, path = network(dtype=dtype), tmp_path / "m.safetensors"
    nn.save(model, path)
    other = network(4, dtype)
    nn.load(other, path)
    assert all(np.array_equal(a, b) and a.dtype == dtype for a, b in zip(
        model.state_dict().values(), other.state_dict().values(), strict=True))
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    assert header["0.weight"]["shape"] == [4, 3] and length % 8 == 0
    first, last = header["2.bias"]["data_offsets"]
    assert raw[8 + length :][first:last] == model[2].bias.data.tobytes()
    scalars, back = nn.MLP(2, [2]), nn.MLP(2, [2])
    nn.save(scalars, path)
    nn.load(back, path)
    assert [p.data for p in scalars.parameters()] == [p.data for p in back.parameters()]
    assert type(back.parameters()[0].data) is float


def file_of(header, data=b"", length=None):
    """The bytes of a file with this header, which may be wrong."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def one(shape=(2,), dtype="F64", start=0, end=16, **more):
    """A header's entry."""
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end], **more}


BROKEN = {
    "empty": (b"", "damaged"), "short": (b"\x01\x02", "damaged"),
    "a length of gigabytes": (file_of(b"{}", length=1 << 40), "header is said to have"),
    "no json": (file_of(b"weight"), "damaged"), "a list": (file_of([1]), "isn't a table"),
    "no table": (file_of({"w": 3}), "of a kind that NumPy"),
    "bfloat16": (file_of({"w": one(dtype="BF16", end=4)}, bytes(4)), "of a kind that NumPy"),
    "negative": (file_of({"w": one((-2,))}, bytes(16)), r"has the shape \[-2\]"),
    "a float": (file_of({"w": one((2.0,))}, bytes(16)), r"has the shape \[2.0\]"),
    "too long": (file_of({"w": one(end=24)}, bytes(24)), "not as long"),
    "cut": (file_of({"w": one()}, bytes(8)), "its arrays end at byte"),
    "more": (file_of({"w": one()}, bytes(24)), "its arrays end at byte"),
    "a gap": (file_of({"w": one(start=8, end=24)}, bytes(24)), "lies at byte 8"),
    "overlapping": (file_of({"w": one(), "v": one()}, bytes(16)), "lies at byte 0"),
    "twice": (file_of(b'{"w": {}, "w": {}}'), "a name twice"),
    "no offsets": (file_of({"w": {"dtype": "F64", "shape": [2]}}, bytes(16)), "damaged"),
    "missing": (file_of({}), "'w' missing in the file"),
    "unknown": (file_of({"w": one(), "v": one(start=16, end=32)}, bytes(32)), "'v' unknown"),
    "shape": (file_of({"w": one((1, 2))}, bytes(16)), r"w has shape \(1, 2\)"),
    "integers": (file_of({"w": one(dtype="I64")}, bytes(16)), "w has dtype int64"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_malformed_safetensors_file_is_one_clear_error(name, tmp_path):
    """It names the file, and nothing is changed."""
    class Net(nn.Module):
        def __init__(self):
            self.w = Tensor([1.0, 2.0])

    net, path = Net(), tmp_path / "net.safetensors"
    path.write_bytes(BROKEN[name][0])
    with pytest.raises(StorageError, match=BROKEN[name][1]) as caught:
        nn.load(net, path)
    assert str(path) in str(caught.value) and net.w.data.tolist() == [1.0, 2.0]


def test_what_others_write_into_safetensors_is_read(tmp_path):
    """Metadata, another order, and float32 for a model of float64."""
    class Net(nn.Module):
        def __init__(self):
            self.w, self.v = Tensor([1.0, 2.0]), Tensor([0.0])

    numbers = np.array([3.0, 4.0, 5.0], "<f4")
    header = {"v": one((1,), "F32", 8, 12), "w": one((2,), "F32", 0, 8),
              "__metadata__": {"format": "pt"}}
    (tmp_path / "net.safetensors").write_bytes(file_of(header, numbers.tobytes()))
    net = Net()
    nn.load(net, tmp_path / "net.safetensors")
    assert net.w.data.tolist() == [3.0, 4.0] and net.v.data.tolist() == [5.0]
    assert net.w.dtype == np.float64


def test_a_file_is_known_by_its_content(tmp_path):
    """Whatever it is called; a suffix in capitals counts when it is written."""
    model, other = network(), network(3)
    nn.save(model, tmp_path / "m.SAFETENSORS")
    assert (tmp_path / "m.SAFETENSORS").read_bytes()[8:9] == b"{"
    (tmp_path / "m.SAFETENSORS").rename(tmp_path / "m.npz")
    nn.load(other, tmp_path / "m.npz")
    assert np.array_equal(other[0].weight.data, model[0].weight.data)
    nn.save(network(5), tmp_path / "n.npz")
    (tmp_path / "n.npz").rename(tmp_path / "n.safetensors")
    nn.load(other, tmp_path / "n.safetensors")
    assert np.array_equal(other[0].weight.data, network(5)[0].weight.data)


# ── how a model is printed ───────────────────────────────────────────────────────────────────────

def test_a_model_is_printed_as_a_tree():
    """As PyTorch prints it; one that knows its parent ends there; a repr of the user's is kept."""
    class Net(nn.Module):
        def __init__(self):
            self.first, self.blocks = nn.Linear(1, 2), [nn.ReLU(), {"x": nn.Tanh()}]
            self.child = nn.Sequential(nn.Linear(2, 1))
            self.child.parent = self

    assert repr(Net()) == "\n".join([
        "Net(", "  (first): Linear(in_features=1, out_features=2, bias=True)",
        "  (blocks.0): ReLU()", "  (blocks.1.x): Tanh()", "  (child): Sequential(",
        "    (0): Linear(in_features=2, out_features=1, bias=True)", "    (parent): Net(…)",
        "  )", ")"])
    assert repr(nn.Sequential(nn.MLP(1, [1]))).startswith("Sequential(\n  (0): MLP of [Layer of")


def test_a_seed_for_all_that_nn_draws():
    """Weights, neurons and the order of data are the same again; a generator of one's own isn't."""
    def drawn():
        nn.seed(3)
        layer, neuron = nn.Linear(2, 2), nn.Neuron(2)
        order = [b[0].tolist() for b in nn.DataLoader(np.arange(6), batch_size=2, shuffle=True)]
        return layer.weight.data.tolist(), [p.data for p in neuron.parameters()], order

    assert drawn() == drawn()
    own = nn.Linear(2, 2, rng=5).weight.data
    nn.seed(4)
    np.testing.assert_array_equal(nn.Linear(2, 2, rng=5).weight.data, own)
    with pytest.raises(ArgumentTypeError, match="seed is a whole number"):
        nn.seed("a")


def test_a_value_as_parameter_keeps_its_kind():
    """A state of single numbers goes back into Values, which stay floats."""
    neuron = nn.Neuron(2)
    neuron.load_state_dict({"w.0": 1.5, "w.1": np.float64(2.5), "b": np.array(3.5)})
    assert [p.data for p in neuron.parameters()] == [1.5, 2.5, 3.5]
    assert all(type(p.data) is float for p in neuron.parameters())
    assert isinstance(neuron.b, Value) and ag.grad(lambda x: neuron(x))([1.0, 1.0])[0] == 1.5
