"""Files of parameters: what is damaged, foreign or hostile is refused before anything changes."""

from __future__ import annotations

import io
import os
import struct
import tracemalloc
import warnings
import zipfile

import numpy as np
import pytest

from autograd_mini import Tensor, Value, nn
from autograd_mini.errors import ArgumentTypeError, StorageError

INF, NAN = np.inf, np.nan


class Net(nn.Module):
    """Two parameters: `weight` of shape (2, 3) and `bias` of shape (2,)."""

    def __init__(self, fill=0.0, dtype=np.float64):
        self.weight = Tensor(np.full((2, 3), fill, dtype))
        self.bias = Tensor(np.full(2, fill, dtype))


GOOD = {"parameters/weight": np.ones((2, 3)), "parameters/bias": np.ones(2)}


def npz(arrays=GOOD, **changes):
    """The bytes of a file; a change is of parameters/NAME, and None leaves that out."""
    arrays = arrays | {f"parameters/{name}": array for name, array in changes.items()}
    packed = io.BytesIO()
    np.savez(packed, **{name: a for name, a in arrays.items() if a is not None})
    return packed.getvalue()


def npy(array):
    """The bytes of one array as np.save writes it."""
    packed = io.BytesIO()
    np.save(packed, array)
    return packed.getvalue()


def header(shape, descr="'<f8'", version=1):
    """The start of an .npy file that promises numbers of this shape."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}}}".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(text))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text


def archive(members, method=zipfile.ZIP_DEFLATED):
    """The bytes of a zip file of these (name, content)."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of names that are there twice
        for name, content in members:
            file.writestr(name, content)
    return packed.getvalue()


def with_weight(content, method=zipfile.ZIP_DEFLATED):
    """A file whose bias is right and whose weight is what `content` says."""
    return archive([("parameters/bias.npy", npy(np.ones(2))),
                    ("parameters/weight.npy", content)], method)


def test_save_and_load(tmp_path):
    """Parameters come back bit for bit; a file that doesn't fit changes nothing."""
    for model, other in ((nn.Linear(3, 2), nn.Linear(3, 2)), (nn.MLP(2, [2]), nn.MLP(2, [2]))):
        nn.save(model, tmp_path / "model.npz")
        nn.load(other, tmp_path / "model.npz")
        assert all(np.array_equal(p.data, q.data) for p, q in
                   zip(model.parameters(), other.parameters(), strict=True))
    with pytest.raises(ValueError, match="doesn't fit"):
        nn.load(nn.Linear(3, 2), tmp_path / "model.npz")


def refused(tmp_path, content, match):
    """Loading a file of this content is one StorageError that names it, and changes nothing."""
    path, net = tmp_path / "net.npz", Net()
    path.write_bytes(content)
    with pytest.raises(StorageError, match=match) as caught:
        nn.load(net, path)
    assert str(path) in str(caught.value) and "Nothing was changed; " in str(caught.value)
    assert not net.weight.data.any() and not net.bias.data.any()


MALFORMED = {
    "empty": (b"", "it is empty"),
    "text": (b"epoch 1: loss 0.5\n", "isn't an .npz file .it starts with b'epoch '"),
    "pickle": (b"\x80\x04\x95\x05\x00", "isn't an .npz file"),
    "npy": (npy(np.ones((2, 3))), r"one array without a name \(.npy\)"),
    "truncated": (npz()[:-30], "damaged or cut short"),
    "start only": (npz()[:40], "damaged or cut short"),
    "a flipped bit": (npz().replace(np.ones(2).tobytes(), b"\x01" * 16), "damaged.*CRC"),
    "missing": (npz(bias=None), "doesn't fit the model: 'bias' missing in the file"),
    "unknown": (npz(scale=np.ones(2)), "doesn't fit the model: 'scale' unknown to the model"),
    "nothing": (archive([]), "'weight', 'bias' missing in the file"),
    "many": (npz(**dict.fromkeys("abcdef", np.ones(1))), "'a', 'b', 'c', and 3 more unknown"),
    "two names": (npz(GOOD | {"bias": np.ones(2)}), "two arrays for the parameter 'bias'"),
    "the name twice": (archive([("parameters/bias.npy", npy(np.ones(2)))] * 2),
                       "two arrays for the parameter 'bias'"),
    "with and without .npy": (archive([("bias.npy", b""), ("bias", b"")]),
                              "two arrays for the parameter 'bias'"),
    "shape": (npz(bias=np.ones(3)), r"bias has shape \(3,\) in the file and \(2,\) in the model"),
    "transposed": (npz(weight=np.ones((3, 2))), r"weight has shape \(3, 2\)"),
    "broadcasting": (npz(weight=np.ones((1, 3))), r"weight has shape \(1, 3\)"),
    "complex": (npz(bias=np.ones(2, complex)), "bias has dtype complex128"),
    "integers": (npz(bias=np.ones(2, int)), "bias has dtype int64"),
    "bools": (npz(bias=np.ones(2, bool)), "bias has dtype bool"),
    "strings": (npz(bias=np.array(["a", "b"])), "bias has dtype <U1"),
    "records": (npz(bias=np.zeros(2, [("x", float)])), "bias has dtype"),
    "objects": (npz(bias=np.array([1.0, 2.0], object)), "Python objects, which are never unpick"),
    "both": (npz(bias=np.ones(3), weight=np.ones((2, 3), complex)),
             r"weight has dtype complex128 .*; bias has shape \(3,\)"),
    "no array": (with_weight(b"0.5 0.5"), "damaged"),
    "an empty member": (with_weight(b""), "damaged"),
    "format 3": (with_weight(b"\x93NUMPY\x03\x00" + header((2, 3), version=2)[8:]), "format"),
    "negative": (with_weight(header((-2, 3))), r"weight has shape \(-2, 3\)"),
    "no literal": (with_weight(header("__import__('os')")), "damaged"),
    "too few numbers": (with_weight(header((2, 3)) + bytes(40)), "weight is not as long"),
    "too many numbers": (with_weight(header((2, 3)) + bytes(56)), "weight is not as long"),
    "rows in a dtype": (with_weight(header((2, 3), "('<f8', (9,))")), "weight has dtype"),
    "bzip2": (with_weight(npy(np.ones((2, 3))), zipfile.ZIP_BZIP2), "way that NumPy doesn't use"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_file_is_one_clear_error(name, tmp_path):
    """A malformed file raises an error that names it and the cure, and replaces no parameter."""
    refused(tmp_path, *MALFORMED[name])


HUGE = {
    "shape": with_weight(header((1 << 30, 1 << 10)) + bytes(1 << 25)),
    "zeros after the header": with_weight(header((2, 3)) + bytes(1 << 25)),
    "a header": with_weight(b"\x93NUMPY\x02\x00" + struct.pack("<I", 1 << 25) + b" " * (1 << 25)),
}


@pytest.mark.parametrize("name", HUGE)
def test_what_would_unpack_to_gigabytes_is_refused_packed(name, tmp_path):
    """Of a file that would unpack to gigabytes, only the headers are unpacked."""
    tracemalloc.start()
    try:
        refused(tmp_path, HUGE[name], "weight|damaged")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_size_that_lies_unpacks_no_more_than_it_says(tmp_path):
    """Of 32 MB packed under a stated size of 48 bytes, no more than 48 bytes are unpacked."""
    content = header((2, 3)) + bytes(1 << 25)
    size = len(header((2, 3))) + 48
    lying = with_weight(content).replace(struct.pack("<I", len(content)), struct.pack("<I", size))
    tracemalloc.start()
    try:
        refused(tmp_path, lying, "damaged.*CRC")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pack", [np.savez, np.savez_compressed])
def test_damage_at_any_byte_is_refused_or_harmless(pack, tmp_path, rng):
    """A file that was cut or changed gives StorageError, or exactly the numbers saved."""
    packed, path, net = io.BytesIO(), tmp_path / "net.npz", Net()
    numbers = {"parameters/weight": rng.normal(size=(2, 3)), "parameters/bias": np.ones(2)}
    pack(packed, **numbers)
    whole = packed.getvalue()
    damaged = [whole[:n] for n in range(0, len(whole), 13)]
    for i in range(int(rng.integers(7)), len(whole), 7):
        damaged.append(whole[:i] + bytes([rng.integers(256)]) + whole[i + 1:])
    for content in damaged:
        path.write_bytes(content)
        net.weight.data, net.bias.data = np.zeros((2, 3)), np.zeros(2)
        try:
            nn.load(net, path)
        except StorageError:
            assert not net.weight.data.any() and not net.bias.data.any()
        else:
            np.testing.assert_array_equal(net.weight.data, numbers["parameters/weight"])
            np.testing.assert_array_equal(net.bias.data, 1.0)


def test_nothing_is_unpickled(tmp_path):
    """An object array whose pickle runs a command is refused by its header."""
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "executed"),))

    refused(tmp_path, npz(bias=np.array([Evil(), Evil()], object)), "never unpickled")
    assert not (tmp_path / "executed").exists()


def test_what_numpy_may_write_is_read(tmp_path):
    """Compressed, folderless, by-column, big-endian and narrower arrays load exactly."""
    net, path = Net(), tmp_path / "net.npz"
    weight = np.asfortranarray(np.arange(6.0).reshape(2, 3).astype(">f4"))
    np.savez_compressed(path, weight=weight, bias=np.array([0.1, 0.2], ">f8"))
    nn.load(net, path)
    assert net.weight.data.tolist() == [[0, 1, 2], [3, 4, 5]] and net.bias.data.tolist() == [.1, .2]
    assert net.weight.dtype == net.bias.dtype == np.float64 and net.bias.data.dtype.isnative


def test_numbers_are_not_rounded_by_loading(tmp_path):
    """float64 for a parameter of float32 is refused; float32 for float64 is exact."""
    wide, narrow, path = Net(0.1), Net(0.2, np.float32), tmp_path / "net.npz"
    nn.save(wide, path)
    with pytest.raises(StorageError, match="dtype float64 in the file, which float32"):
        nn.load(narrow, path)
    assert (narrow.bias.data == np.float32(0.2)).all()
    nn.save(narrow, path)
    nn.load(wide, path)
    assert (wide.bias.data == np.float32(0.2)).all() and wide.bias.dtype == np.float64


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    """Loading from nowhere or a folder, and saving into nowhere, raise what open() raises."""
    with pytest.raises(FileNotFoundError):
        nn.load(Net(), tmp_path / "nothing.npz")
    with pytest.raises(IsADirectoryError):
        nn.load(Net(), tmp_path)
    with pytest.raises(FileNotFoundError, match="no such folder; make it first"):
        nn.save(Net(), tmp_path / "nowhere" / "net.npz")
    with pytest.raises(IsADirectoryError, match="this isn't a file"):
        nn.save(Net(), tmp_path)
    with pytest.raises(OSError, match="this isn't a file"):
        nn.save(Net(), "/dev/null" if os.name == "posix" else tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_save_and_load_take_the_model_first():
    """save and load with exchanged arguments raise a TypeError that says the order."""
    for function in (nn.save, nn.load):
        with pytest.raises(ArgumentTypeError, match=r"\(model, path\).* not str"):
            function("net.npz", Net())


@pytest.mark.parametrize(("number", "said"), [(NAN, "nan"), (INF, "inf"), (-INF, "inf")])
def test_nan_and_inf_say_so(number, said, tmp_path):
    """Saving and loading them warns, with the name, before anything is written or changed."""
    net, path = Net(), tmp_path / "net.npz"
    net.bias.data[1] = number
    with pytest.raises(RuntimeWarning, match=f"saving .*: bias holds {said}"):  # made an error
        nn.save(net, path)
    assert not path.exists()
    with pytest.warns(RuntimeWarning, match="go back to an earlier file"):
        nn.save(net, path)
    other = Net(5.0)
    with pytest.raises(RuntimeWarning, match=f"loading .*: bias holds {said}"):
        nn.load(other, path)
    assert (other.weight.data == 5).all() and (other.bias.data == 5).all()
    with pytest.warns(RuntimeWarning, match=f"bias holds {said}") as record:
        nn.load(other, path)
    assert len(record) == 1 and record[0].filename == __file__
    np.testing.assert_array_equal(other.bias.data, [0.0, number])


# ── an interruption ──────────────────────────────────────────────────────────────────────────

@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space left on device")])
def test_an_interrupted_save_leaves_the_old_file(error, tmp_path, monkeypatch):
    """After an interrupted save the older file can be loaded, and no half a file lies about."""
    def interrupted(file, **arrays):
        file.write(b"PK\x03\x04")
        raise error

    path, net = tmp_path / "net.npz", Net()
    nn.save(Net(1.0), path)
    monkeypatch.setattr(np, "savez", interrupted)
    with pytest.raises(error if isinstance(error, type) else OSError):
        nn.save(Net(2.0), path)
    nn.load(net, path)
    assert (net.bias.data == 1).all() and list(tmp_path.iterdir()) == [path]


def test_an_interrupted_load_leaves_the_old_parameters(tmp_path, monkeypatch):
    """A load interrupted between two parameters puts the first one back."""
    net, path, data = Net(1.0), tmp_path / "net.npz", Tensor.data
    nn.save(Net(2.0), path)

    def interrupt(self, array):
        if self is net.bias:
            raise KeyboardInterrupt
        data.fset(self, array)

    monkeypatch.setattr(Tensor, "data", property(data.fget, interrupt))
    with pytest.raises(KeyboardInterrupt):
        nn.load(net, path)
    assert (net.weight.value == 1).all() and (net.bias.value == 1).all()


@pytest.mark.skipif(os.name != "posix", reason="links and permissions are POSIX's")
def test_saving_replaces_what_a_link_points_to(tmp_path):
    """Saving to a symbolic link writes the file it points to, which keeps its permissions."""
    path, link = tmp_path / "net.npz", tmp_path / "latest.npz"
    nn.save(Net(1.0), path)
    path.chmod(0o640)
    link.symlink_to(path)
    nn.save(Net(2.0), link)
    net = Net()
    nn.load(net, path)
    assert link.is_symlink() and (net.bias.data == 2).all() and path.stat().st_mode & 0o777 == 0o640


def test_a_write_protected_file_is_not_replaced(tmp_path, monkeypatch):
    """Saving over a write-protected file raises, although a rename would replace it."""
    path = tmp_path / "net.npz"
    nn.save(Net(1.0), path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # to the superuser, nothing is protected
    with pytest.raises(PermissionError, match="write-protected"):
        nn.save(Net(2.0), path)


# ── what is shared stays shared ──────────────────────────────────────────────────────────────

def test_an_optimizer_goes_on_with_what_was_loaded(tmp_path):
    """Loaded parameters stay the same nodes, with their momentum; a tied one stays tied."""
    net, path = Net(1.0), tmp_path / "net.npz"
    net.tied = net.weight
    nn.save(net, path)
    assert sorted(np.load(path).files) == ["parameters/bias", "parameters/weight"]
    nodes, optimizer = net.parameters(), nn.SGD(net.parameters(), lr=1.0, momentum=0.5)
    for _ in range(2):
        np.sum(net.weight).backward()
        optimizer.step()
        optimizer.zero_grad()
    nn.load(net, path)
    assert net.tied is net.weight and all(map(lambda p, q: p is q, nodes, net.parameters()))
    np.sum(net.tied).backward()
    optimizer.step()
    assert (net.tied.data == 1 - 1.75).all() and (net.bias.data == 1).all()


def test_a_recorded_graph_keeps_its_numbers(tmp_path):
    """Loading replaces arrays rather than writing into them, so an older graph's slopes hold."""
    net, path = Net(3.0), tmp_path / "net.npz"
    nn.save(Net(9.0), path)
    loss, held = np.sum(net.bias**2), net.weight.data
    nn.load(net, path)
    loss.backward()
    assert net.bias.grad.tolist() == [6.0, 6.0] and (held == 3).all()


def test_two_parameters_of_one_name_are_not_saved_as_one(tmp_path):
    """The keys 1 and '1' of a dict give one name: saving would lose a parameter."""
    net = Net()
    net.rows = {1: Tensor([1.0]), "1": Tensor([2.0])}
    for function in (nn.save, nn.load):
        with pytest.raises(StorageError, match=r"two parameters .* name 'rows.1'"):
            function(net, tmp_path / "net.npz")
    assert list(tmp_path.iterdir()) == []


def test_values_are_saved_and_loaded(tmp_path):
    """Numbers of a scalar network, and an odd one, come back bit for bit."""
    class Scalars(nn.Module):
        def __init__(self, a):
            self.rows = {"file": [Value(a), Value(-0.0)], "a/b": Value(5e-324)}

    first, second = Scalars(0.1), Scalars(7.0)
    nn.save(first, tmp_path / "odd")
    nn.load(second, tmp_path / "odd")
    assert [p.data for p in second.parameters()] == [0.1, 0.0, 5e-324]
    assert np.signbit(second.parameters()[1].data) and type(second.parameters()[0].data) is float
