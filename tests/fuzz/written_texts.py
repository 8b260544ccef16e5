"""What programs of plain NumPy code are made of: {a} is an array, {s} a number, {p} an index …

| place                   | what stands there                                              |
|-------------------------|----------------------------------------------------------------|
| `{a}` `{v}` `{w}` `{q}` | the name of an array of any axes, of one, of two, of none      |
| `{x}` `{l}` `{g}`       | the name of a number, of a list of numbers, of a list of arrays|
| `{n}`                   | a name, new or not                                             |
| `{e}` `{s}` `{p}`       | an array, a number, an index                                   |
| `{z}` `{V}`             | a new array, a view                                            |
| `{c}` `{i}` `{k}`       | a decimal number, a place in an array, a small size            |
| `{f}` `{m}` `{o}`       | a function of arrays, a function of numbers, an operator       |
| `{B}`                   | statements                                                     |
"""

from __future__ import annotations

__all__ = ["ARRAYS", "CREATION", "GROUPS", "HELPERS", "INDICES", "INSIDE", "RESULTS", "SCALARS",
           "VIEWS", "WEIGHTS"]


def _rows(text: str) -> list[str]:
    return [t.strip().replace("\\n", "\n") for row in text.strip().splitlines()
            for t in row.split(" ;; ")]


CREATION = _rows("""
np.zeros({k}) ;; np.ones({k}) ;; np.zeros(({k}, {k})) ;; np.zeros_like({a}) ;; np.full({k}, {c})
np.zeros(len({a})) ;; np.zeros({a}.shape) ;; np.ones_like({a}) ;; np.full_like({a}, {c})
np.eye({k}) ;; np.arange({k}, dtype=float) ;; np.linspace(0.0, {c}, {k}) ;; np.full({k}, {s})
np.array([{s}, {s}]) ;; np.array([{c}, {s}, {c}]) ;; np.array([[{s}, {c}], [{c}, {s}]])
np.zeros({k}, np.float32) ;; np.zeros(()) ;; np.array({s}) ;; np.array([{v}, {v}]) ;; np.array({a})
np.zeros((2, {k}), dtype=float) ;; np.zeros_like({a}, dtype=float)
np.array(({s}, {s}), dtype=float) ;; np.asarray({a}) ;; np.asarray([{s}, {c}]) ;; {a}.astype(float)
{a}.astype(np.float32) ;; np.array({l}) ;; np.asfortranarray({w}) ;; {w}.T.copy() ;; {w}.copy('F')
np.zeros((2, {k}), order='F') ;; np.copy({w}.T) ;; np.array({g})
np.array([float(t) for t in {v}]) ;; np.diag({v})
""")

INDICES = _rows("""
{i} ;; {i} ;; 1: ;; :-1 ;; ::-1 ;; : ;; ... ;; ::2 ;; -1 ;; 1::2 ;; :{k} ;; -2: ;; ::-2 ;; [0, -1]
[{i}, {i}] ;; [0, 0, 1] ;; np.array([1, 0]) ;; np.array([[0, 1], [1, 0]]) ;; {a} > {c} ;; {v} > {c}
{a} < {s} ;; {v} != {c} ;; ({v} > {c}) & ({v} < 1.0) ;; ~({v} > 0.0) ;; 0, {i} ;; {i}, {i} ;; :, {i}
0, : ;; ..., 0 ;; 1:, ::-1 ;; ::-1, 1: ;; :, [1, 0] ;; [0, 1], [1, 0] ;; [0, 1], 1:
np.ix_([0, 1], [1, 0]) ;; :, {v} > {c} ;; {v} > {c}, 0 ;; np.arange(2) ;; np.arange(2), np.arange(2)
None ;; :, None ;; None, ::-1 ;; np.newaxis, 1: ;; np.argsort({v}) ;; np.argmax({a}) ;; slice(0, 2)
np.nonzero({v} > {c}) ;; np.where({v} > {c})[0] ;; np.tril_indices(2) ;; {i}:{k} ;; (0,) ;; ()
range(2) ;; np.int64(1) ;; -1:0:-1 ;; True ;; np.triu_indices(2, 1)
""")

VIEWS = _rows("""
{a}[{p}] ;; {a}[{p}] ;; {a}[1:] ;; {a}[::-1] ;; {a}.T ;; {w}[0] ;; {w}[:, {i}] ;; {a}.reshape(-1)
{a}.ravel() ;; {v}[:, None] ;; {w}.swapaxes(0, 1) ;; np.swapaxes({w}, 0, 1) ;; np.ravel({a})
np.reshape({a}, (-1, 1)) ;; {v}.reshape(2, -1) ;; {w}[...] ;; {a}[None] ;; np.squeeze({a})
np.transpose({w}) ;; np.flip({a}) ;; np.atleast_2d({v}) ;; {a}[:] ;; {a}.view()
np.expand_dims({v}, 0) ;; {a}.transpose() ;; {a}.T[0] ;; {a}[1:][::-1] ;; {a}[::2][:1]
{w}.T.ravel() ;; {w}.T.reshape(-1) ;; np.asarray({a}) ;; {a}.squeeze() ;; np.split({v}, [1])[1]
np.hsplit({w}, [1])[0] ;; {w}.diagonal() ;; np.moveaxis({w}, 0, 1) ;; np.rot90({w}) ;; {a}.T.T
{a}[..., 0] ;; {a}.real ;; list({a})[0] ;; np.broadcast_to({v}, (2, len({v}))) ;; {w}.flatten()
{a}[()] ;; np.reshape({w}, -1, order='F') ;; np.lib.stride_tricks.sliding_window_view({v}, 2)
next(iter({w})) ;; np.ascontiguousarray({a})
""")

SCALARS = _rows("""
{c} ;; {v}[{i}] ;; {v}[{i}] ;; {x} ;; {w}[{i}, {i}] ;; np.sum({a}) ;; {a}.sum() ;; {v}[-1]
float({v}[{i}]) ;; {v}[{i}].item() ;; {a}.item({i}) ;; {v}.item(0) ;; {w}.item(0, 1) ;; {q}.item()
{v}[{i}] * {s} ;; {s} + {s} ;; {s} * {s} ;; {s} - {s} ;; -{s} ;; {s} / ({s} ** 2 + 1.0) ;; {s} ** 2
{m}({s}) ;; {m}({v}[{i}]) ;; math.sqrt({s} ** 2 + 0.7) ;; math.log({s} ** 2 + 1.5)
math.exp(-{s} ** 2) ;; math.hypot({s}, {c}) ;; math.atan({s}) ;; math.fabs({s})
math.pow(math.fabs({s}) + 0.5, 1.5) ;; max({s}, {s}) ;; min({s}, {c}) ;; abs({s})
({s} if {s} > {c} else {s}) ;; np.mean({a}) ;; {a}.mean() ;; {a}.max() ;; np.min({a})
np.dot({v}, {v}) ;; {v} @ {v} ;; sum({v}) ;; sum({l}) ;; max({v}) ;; {q}[()] ;; float(np.sum({e}))
np.sum({e}) ;; float({x}) ;; np.float64({s}) ;; {l}[{i}] ;; {a}.tolist()[0] ;; sum({v}.tolist())
np.prod({v}) ;; math.fsum({v}) ;; sum(t * t for t in {v}) ;; sum([{m}(t) for t in {v}]) ;; {x} ** 2
mean({v}) ;; step({s}) ;; step({v}[{i}], k={c}) ;; sum(a * b for a, b in zip({v}, {v})) ;; {s} % 0.7
norm({v}) ;; recursive({s}, 3) ;; round({s}) * {s} ;; int({s}) * {s} ;; (lambda u: u * {s})({s})
np.linalg.norm({a}) ;; np.trace({w}) ;; {v}[np.argmax({v})] ;; {v}.dot({v}) ;; sorted({v})[0]
{V}.sum()
""")

ARRAYS = _rows("""
{a} ;; {a} ;; {a} * {c} ;; {v} ;; {w} ;; {a}[{p}] ;; {a} + {c} ;; {a}.copy() ;; {f}({e})
{e} + {e} ;; {e} * {e} ;; {e} - {e} ;; {e} * {s} ;; {s} - {e} ;; -{e} ;; {e} / ({e} ** 2 + 1.0)
np.array([{s}, {s}]) ;; [{s}, {s}] ;; [{s}, {c}, {s}] ;; np.where({a} > {c}, {e}, {s})
np.cumsum({a}) ;; {a}[{p}] * {c} ;; {w} @ {v} ;; {w} @ {w} ;; {v} @ {w} ;; np.outer({v}, {v})
{w}.sum(axis=0) ;; np.concatenate([{v}, {v}]) ;; np.append({v}, {s}) ;; np.stack([{v}, {v}])
np.hstack([{v}, {s}]) ;; np.r_[{v}, {s}] ;; np.c_[{v}, {v}] ;; np.r_[{s}, {v}[1:]]
np.vstack([{v}, {v}]) ;; np.sort({a}) ;; np.maximum({e}, {s}) ;; np.abs({e}) ;; {z} ;; {V} ;; {V}
np.roll({a}, 1) ;; {a} ** 2 ;; np.dot({w}, {v}) ;; np.array([{m}(t) for t in {v}])
np.array([t * t for t in {v}]) ;; np.diff({a}) ;; np.tile({v}, 2)
np.array([row.sum() for row in {w}]) ;; np.zeros(2) + {s} ;; helper({a}, {s}) ;; filled({a}, {s})
K ;; {a} * K ;; np.add({e}, {e}) ;; np.multiply({e}, {s}) ;; np.mean({w}, axis=1) ;; {w}.T @ {w}
np.repeat({v}, 2) ;; np.clip({e}, -1.0, 1.0) ;; np.sum([{v}, {v}], axis=0)
np.column_stack([{v}, {v}]) ;; {a} % 0.8 ;; np.delete({v}, 0) ;; np.insert({v}, 1, {s})
""")

RESULTS = _rows("""
return np.sum({a}) ;; return mix({a}) + mix({a}) ;; return mix({a}) ;; return {a} ;; return {s}
return {x} ;; return float(np.sum({a} * {a})) ;; return mix({a}) + mix({a}) * {s}
return {a} * {s} ;; return {a}[{p}] ;; return {a}.sum() + {s}
return mix({a}) + mix({a}) + mix({a}) ;; return mix({v}) + mix({w}) ;; return {e}
""")

STORES = _rows("""
{a}[{p}] = {s} ;; {a}[{p}] = {e} ;; {a}[{p}] = {a}[{p}] ;; {a}[{i}] = {s}
{v}[{i}] = {m}({v}[{i}]) ;; {w}[{i}, {i}] = {s} ;; {w}[{i}] = {e} ;; {w}[:, {i}] = {e}
{a}[:] = {e} ;; {a}[...] = {s} ;; {a}.flat[{i}] = {s} ;; {w}[{i}][{i}] = {s} ;; {a}[{p}] = {c}
{v}[{i}] = {v}[{i}] = {s} ;; {v}[{i}], {v}[{i}] = {s}, {s} ;; {v}[1:] = {v}[:-1]
{a}[{a} > {c}] = {s} ;; {a}[{a} > {c}] = {a}[{a} > {c}] * {c} ;; {v}[{i}], {n} = {s}, {v}
{V}[...] = {s} ;; {a}[{p}] = {V} ;; {V}[{p}] = {e} ;; {a}[{p}][{p}] = {s} ;; {v}[{i}:{i}] = {s}
{q}[()] = {s} ;; {q}[...] = {s}
""")

CHANGES = _rows("""
{a}[{p}] {o}= {s} ;; {a}[{p}] {o}= {e} ;; {a} {o}= {s} ;; {a} {o}= {e} ;; {v}[{i}] {o}= {s}
{x} {o}= {s} ;; {a}[{p}] **= 2 ;; {a} **= 2 ;; {w}[:, {i}] {o}= {e} ;; {w}[{i}, {i}] {o}= {s}
{w}[{i}] {o}= {v} ;; {a} {o}= {a} ;; {a}[{p}] {o}= {a}[{p}] ;; {a}[1:] {o}= {a}[:-1]
{a}[::-1] {o}= {a} ;; {V}[{p}] {o}= {e} ;; {q} {o}= {s} ;; {q}[()] {o}= {s}
{a}[{p}][{p}] {o}= {s} ;; {w} @= {w} ;; {v}[:-1] {o}= {v}[1:] ;; {a} %= 0.9 ;; {a}[{p}] //= 0.7
{w} {o}= {v} ;; {w} -= {w}.mean(axis=0) ;; {a} /= np.sum({a} ** 2) + 1.0 ;; {a}.T[{p}] {o}= {s}
""")

IN_PLACE = _rows("""
np.add.at({v}, [0, 1, 0], {s}) ;; np.add.at({v}, [0, 0], [{s}, {s}])
np.add.at({w}, ([0, 0], [1, 1]), {s}) ;; np.subtract.at({v}, [0, 0, 1], {s})
np.multiply.at({v}, [0, 0], {s}) ;; np.add.at({w}, [0, 0], {v}) ;; np.add.at({a}, {p}, {s})
np.divide.at({v}, [1, 1], {s} ** 2 + 1.0) ;; np.maximum.at({v}, [0, 0], {s}) ;; np.copyto({a}, {e})
np.copyto({a}, {s}, where={a} > {c}) ;; np.copyto({a}, {a}[::-1])
np.place({a}, {a} > {c}, [{s}, {s}]) ;; np.putmask({a}, {a} > {c}, {e})
np.put({a}, [0, -1], [{s}, {s}]) ;; np.put({a}, [0, 1, 0], {e}) ;; np.fill_diagonal({w}, {s})
np.fill_diagonal({w}, {v}) ;; {a}.fill({s}) ;; {a}.sort() ;; {w}.sort(axis=0) ;; {w}.sort(0)
{a}[1:].sort() ;; {a}.put([1], {s}) ;; np.negative.at({v}, [0, 0])
np.put_along_axis({w}, np.array([[0, 1]]), {s}, 1) ;; {a}[::-1].sort() ;; {a}.T.fill({s})
np.multiply({a}, {s}, out={a}) ;; np.add({a}, {e}, out={a}) ;; np.exp({a} * 0.3, out={a})
np.sin({a}, {a}) ;; np.add({e}, {e}, out={a}) ;; np.multiply({e}, {s}, out={a}[{p}])
np.sum({w}, axis=0, out={v}) ;; np.add({a}, {s}, out={a}, where={a} > {c})
np.sin({e}, out={a}, where={a} < {c}) ;; {w}.sum(axis=1, out={v}) ;; np.dot({w}, {v}, out={v})
{n} = np.square({a}, out={a}) ;; np.clip({a}, -1.0, 1.0, out={a}) ;; np.matmul({w}, {w}, out={w})
np.divide({a}, 2.0, {a}) ;; np.maximum({a}, {s}, out={a})
np.subtract({v}[1:], {v}[:-1], out={v}[:-1]) ;; np.negative({V}, out={V})
np.cumsum(h := {v}.copy(), out=h) ;; np.add.reduce({w}, axis=0, out={w}[0])
np.max({w}, axis=0, out={v}) ;; np.random.default_rng(0).shuffle([1, 2]) ;; np.copyto({V}, {s})
np.mean({w}, axis=0, out={w}[1]) ;; np.take({v}, [1, 0], out={v}[:2])
""")

NAMES = _rows("""
{n} = {z} ;; {n} = {z} ;; {n} = {V} ;; {n} = {V} ;; {n} = {V} ;; {n} = {a} ;; {n} = {a}.copy()
{n} = {e} ;; {n} = {s} ;; {n} = {e} ;; {n} = {s} ;; {n} = {a} * {s} ;; {n} = np.copy({a})
{n} = {n} = {a} ;; {n}, {n} = {s}, {s} ;; {n} = {a} + 0.0 ;; {n}, {n} = {a}, {a}[::-1] ;; {n} = +{a}
{n} = {a}[{p}] ;; {n}, *{n} = {v} ;; {n} = ({n} := {a})[{p}] ;; {n} = {a} if {s} > {c} else {e}
""")

SWAPS = _rows("""
{v}[{i}], {v}[{i}] = {v}[{i}], {v}[{i}] ;; {a}[[0, 1]] = {a}[[1, 0]]
{v}[0], {v}[1] = {v}[1], {v}[0] ;; {a}[:] = {a}[::-1] ;; {a}[1:] += {a}[:-1] ;; {a}[:-1] = {a}[1:]
{w}[[0, 1]] = {w}[[1, 0]] ;; {w}[:, [0, 1]] = {w}[:, [1, 0]] ;; {w}[0], {w}[1] = {w}[1], {w}[0]
{a}[::-1] = {a} ;; {w}[:] = {w}.T ;; {w} += {w}.T
{w}[0, :], {w}[1, :] = {w}[1, :].copy(), {w}[0, :].copy() ;; {n}, {n} = {a}, {a}
{a}[:] = {a}[::-1] * {s} ;; {v}[1:] -= {v}[:-1] * {c} ;; {v}[:] = {v}[np.argsort({v})]
{a}[::2], {n} = {s}, {a}[::2] ;; swap({v}, 0, 1)
""")

STATE = _rows(r"""
{n} = [{s}, {s}] ;; {n} = [{s} for _ in range({k})] ;; {n} = [{m}(t) for t in {v}]
{n} = {v}.tolist() ;; {n} = [{v}, {v}] ;; {l}[{i}] = {s} ;; {l}.append({s}) ;; {l}[{i}] {o}= {s}
{g}[0][{p}] = {s} ;; {g}[{i}] = {e} ;; {g}.append({a}) ;; {l}.sort() ;; {l}.reverse()
{n} = {g}[{i}] ;; for {n} in {g}:\n    {n} += {s} ;; for r in {w}:\n    r[0] {o}= {s}
{n} = np.array({l}) ;; {n} = np.array({g}) ;; {n} = np.sum({l}) ;; {n} = sum({l})
d = {'a': {a}, 's': {s}}\nd['a'][{i}] {o}= d['s']\n{n} = d['a']
d = {}\nfor j in range(2):\n    d[j] = {s} * j\n{n} = d[0] + d[1]
d = dict(w={a}, b={s})\nd['w'] {o}= d['b']\nd['b'] {o}= {s}\n{n} = d['w'] * d['b']
{n} = [{a} for _ in range(2)] ;; write({a}, {i}, {s}) ;; write({V}, {i}, {s}) ;; {n} = scaled({a})
{n} = scaled({a}, {s}) ;; {n} = helper({a}, {s}) ;; {n} = filled({v}, {s}) ;; recur({v}, {s})
{n} = Store(3)\n{n}.push(0, {s})\n{n}.push(1, {s})\n{n} = {n}.read()
h = Store(2)\nh.push({i}, {s})\n{n} = h.buf\nh.push(0, {s})
h = Store(2)\nh.buf[{i}] {o}= {s}\nh.total += {s}\n{n} = h.buf * h.total
h = Store(3)\nfor j in range(3):\n    h.push(j, {s})\n{n} = h.read()
h = Cell({s})\nh.add({s})\nh.add({s})\n{n} = h.value ;; {n} = (Cell({s}) + Cell({s})).value
BOX.push({i}, {s}) ;; BOX.push({i}, {s})\n{n} = BOX.read() ;; BOX.total {o}= {s} ;; BOX.buf = {a}
LOG.append({s}) ;; LOG.append({a}) ;; STATE['last'] = {s} ;; STATE['v'] = {a}.copy()
{n} = K + {s} ;; {n} = M @ M.T * {s} ;; K[0] = {s} ;; K[:] = {s} ;; M[{p}] {o}= {s}
{n} = remembered({s}) ;; {n} = TALLY({s}) ;; {n} = counted({s}) ;; {n} = K
r = np.zeros({k}, int)\nr[0] = {s}\n{n} = r + {s}
r = np.zeros({k}, bool)\nr[1] = {s} > {c}\n{n} = {s} * r ;; r = {a} > {c}\n{n} = {a} * r
r = np.array([1, 2, 3])\nr[:] = {s}\n{n} = r * {s}
q = 0.0\ndef add(u):\n    nonlocal q\n    q += u\n    return q\nadd({s})\n{n} = add({s})
def inner(u, r={a}):\n    r[0] = u\n    return r * u\n{n} = inner({s})
{n} = {z}\ndef put(j, u):\n    {n}[j] = u\nput(0, {s})\nput(-1, {s})
{n} = list(map(lambda u: u * {s}, {v})) ;; {n} = np.array(sorted({v}))
{n} = np.array([u for u in {v} if u > {c}] + [{s}])
{n} = np.vectorize(lambda u: u * u + {s})({a})
{n} = np.apply_along_axis(lambda r: r * r[0], 0, {w})
{n} = np.fromiter((u * u for u in {v}), float) ;; {n} = [r.sum() for r in {w}]
for j, u in enumerate({v}):\n    {v}[j] = u * {s} ;; for u, r in zip({v}, {w}):\n    r {o}= u
for j, u in np.ndenumerate({a}):\n    {a}[j] = u * u
{n} = functools.reduce(lambda u, t: u * t + {s}, {v}) ;; for r in {w}.T:\n    r[-1] = {s}
{n} = copy.deepcopy({a})\n{n}[{i}] = {s} ;; {n} = {a}[:]\n{n}[{i}] = {s}
{n} = {e}\n{n}[{i}] = {s} ;; h = {a}\nh {o}= {s}\n{n} = h + {a} ;; h = {a}\nh = h + {s}
""")

OUTSIDE = _rows(r"""
for r in ROWS:\n    r {o}= {s} ;; for r in ROWS:\n    r[{i}] = {s}
for j, r in enumerate(ROWS):\n    r[{i}] {o}= {s}
for r, u in zip(ROWS, {v}):\n    r[{i}] = u\n{n} = ROWS[0] * {s} ;; {n}, {n} = ROWS
p, r = ROWS\np[{i}] = {s}\n{n} = p * r ;; {n} = ROWS[{i}] ;; ROWS[0][{p}] = {s} ;; ROWS[0] {o}= {s}
ROWS[{i}] = {v} ;; {n} = [r * {s} for r in ROWS] ;; {n} = list(ROWS)
for r in list(ROWS):\n    r[{i}] = {s}
for r in reversed(ROWS):\n    r[0] {o}= {s}\n    {n} = r * r ;; {n} = sum(ROWS)
{n} = np.array(ROWS) ;; {n} = np.stack(ROWS) ;; {n} = ROWS[0] + ROWS[1]
{n} = np.concatenate(ROWS) ;; {n} = sum(r.sum() for r in ROWS) ;; ROWS.append({a})
PARAMS['w'][{i}] = {s} ;; PARAMS['w'] {o}= {s} ;; PARAMS['b'] = {s}
{n} = PARAMS['w'] * PARAMS['b'] ;; {n} = PARAMS.get('w')
for key, p in PARAMS.items():\n    PARAMS[key] = p * {s} ;; for p in PARAMS.values():\n    p *= {s}
p = PARAMS.get('w')\np[{i}] = {s}\n{n} = p * 2.0
for key in PARAMS:\n    PARAMS[key] = PARAMS[key] + {s} ;; {n} = [p * 1.0 for p in PARAMS.values()]
p = list(PARAMS.values())[0]\np[0] = {s}\n{n} = p ;; w, b = PARAMS.values()\nw[0] = {s}\n{n} = w * b
{n} = PAIR[0] * {s} ;; p, r = PAIR\nr[{i}] {o}= {s}\n{n} = p + r ;; PAIR[0][{i}] = {s}
write(*PAIR[:1], 0, {s}) ;; {n} = weighed(*PAIR) ;; {n} = weighed(*ROWS) ;; {n} = weighed(**PARAMS)
VIEW[{i}] = {s} ;; VIEW {o}= {s} ;; {n} = VIEW * {s} ;; {n} = K * VIEW[0] ;; K[1:] {o}= {s}
{n} = (lambda p, r: p * r)(*PAIR) ;; p, *r = ROWS\nr[0][0] = {s}\n{n} = p + r[0]
{n} = next(iter(ROWS)) ;; {n} = max(ROWS, key=len) ;; {n} = [p for key, p in PARAMS.items()][0]
write(VIEW, 0, {s}) ;; write(ROWS[1], 0, {s})
for j in range(2):\n    {v}[j] = {s}\n    ROWS[j][j] = {v}[j] ;; {n} = np.sum(PAIR, axis=0)
{n} = np.outer(*PAIR) ;; {n} = functools.reduce(np.add, ROWS)
(p, r), u = PAIR, {s}\np[0] = u\n{n} = p * r
for j, (p, r) in enumerate([PAIR]):\n    p[j] = {s}\n    {n} = p ;; {n} = dict(PARAMS)['w']
PARAMS.update(b={s}) ;; {n} = PARAMS.setdefault('w', 0.5) ;; {n} = copy.deepcopy(PARAMS)['w']
{n} = {**PARAMS}['w'] ;; {n} = [*ROWS][0] ;; {n} = sorted(ROWS, key=np.sum)[0]
""")

BLOCKS = _rows(r"""
for i in range({k}):\n    {B} ;; for i in range(len({v})):\n    {B}
for i in range(1, len({v})):\n    {v}[i] = {v}[i - 1] * {c} + {m}({v}[i])
for i in range(len({v})):\n    {v}[i] {o}= {s} ;; if {s} > {c}:\n    {B}\nelse:\n    {B}
if np.sum({a}) > {c}:\n    {B}
for i in range(2):\n    for j in range(2):\n        {w}[i, j] {o}= {s}
for i in range(len({w})):\n    for j in range({k}):\n        {w}[i, j] = {m}({w}[i, j])
n = 0\nwhile n < 4:\n    {B}\n    n += 1 ;; for i in range(1, 3):\n    {v}[i] {o}= {v}[i - 1]
for u in {v}:\n    {B} ;; for i in range(50):\n    {v}[i % len({v})] = {m}({v}[i % 2]) * {c}
for i in reversed(range(len({v}) - 1)):\n    {v}[i] += {c} * {v}[i + 1]
{n} = np.zeros(4)\n{n}[0] = {s}\nfor i in range(1, 4):\n    {n}[i] = {m}({n}[i - 1]) + {s}
q = np.eye(2)\nfor i in range(2):\n    for j in range(i + 1):\n        q[i, j] = q[j, i] = {s}
h = np.zeros((4, 2))\nfor i in range(1, 4):\n    h[i] = {f}(h[i - 1] * {c} + {s})\n{n} = h
{n} = {a}\nfor i in range(3):\n    {n} = {n} * {c} + {s}
{n} = {a}.copy()\nfor i in range(3):\n    {n} {o}= {s}
{n} = 0.0\nfor u in {v}:\n    {n} += u * {s}
{n} = []\nfor i in range({k}):\n    {n}.append({s} * (i + 1.0))
{n} = []\nfor u in {v}:\n    if u > {c}:\n        {n}.append(u)\n    else:\n        {n}.append({s})
with np.errstate(all='ignore'):\n    {B} ;; try:\n    {B}\nfinally:\n    {B}
for i in range(3):\n    if i == 1:\n        continue\n    {B}
{n} = {v}[0]\nfor i in range(1, len({v})):\n    if {v}[i] > {n}:\n        {n} = {v}[i]
""")


INSIDE = STORES + CHANGES + NAMES + IN_PLACE + SWAPS
GROUPS = {"names": NAMES, "stores": STORES, "changes": CHANGES, "in place": IN_PLACE,
          "swaps": SWAPS, "state": STATE, "outside": OUTSIDE, "blocks": BLOCKS}
WEIGHTS = [6, 5, 5, 4, 2, 4, 4, 4]

HELPERS = {
    "Store": '''class Store:
    def __init__(self, n):
        self.buf = np.zeros(n)
        self.total = 0.0
    def push(self, k, s):
        self.buf[k] = s
        self.total += s * s
    def read(self):
        return self.buf * self.total
''',
    "Cell": '''class Cell:
    def __init__(self, value=0.0):
        self.value = value
    def add(self, s):
        self.value += s
    def __add__(self, other):
        return Cell(self.value * other.value)
''',
    "BOX": "BOX = Store(3)\n",
    "K": "K = np.array([0.5, -1.25, 0.75])\n",
    "M": "M = np.array([[0.5, -1.0], [0.25, 1.5]])\n",
    "VIEW": "VIEW = K[1:]\n",
    "ROWS": "ROWS = [np.array([0.5, -0.75]), np.array([1.25, 0.25])]\n",
    "PAIR": "PAIR = np.array([0.6, -0.35]), np.array([-1.5, 0.9])\n",
    "PARAMS": "PARAMS = {'w': np.array([0.7, -0.2]), 'b': np.array([0.1, 0.4])}\n",
    "weighed": '''def weighed(w, b):
    w[0] *= b[1]
    return w * b
''',
    "LOG": "LOG = []\n",
    "STATE": "STATE = {'last': 0.5}\n",
    "write": '''def write(a, k, s):
    a[k] = s
    a[0] += 0.5 * s
''',
    "scaled": '''def scaled(a, s=2.0):
    a *= s
    return a
''',
    "helper": '''def helper(a, s, out=None):
    if out is None:
        out = np.zeros_like(a)
    out[...] = a * s
    out[0] = a[-1]
    return out
''',
    "filled": '''def filled(a, s):
    r = np.empty(len(a))
    for k in range(len(a)):
        r[k] = math.sin(a[k]) * s if a.ndim == 1 else s
    return r
''',
    "recur": '''def recur(a, s):
    for k in range(1, len(a)):
        a[k] += s * a[k - 1]
''',
    "step": '''def step(u, k=0.5):
    return u * k if u > 0.1 else math.exp(u) * k
''',
    "mean": '''def mean(a):
    total = 0.0
    for u in a:
        total += u
    return total / len(a)
''',
    "norm": '''def norm(a):
    return math.sqrt(sum(u ** 2 for u in a) + 0.5)
''',
    "recursive": '''def recursive(u, n):
    return u if n == 0 else recursive(math.sin(u), n - 1) * 0.5 + u
''',
    "swap": '''def swap(a, i, j):
    a[i], a[j] = a[j], a[i]
''',
    "remembered": '''def remembered(s, memory=[]):
    memory.append(s)
    return memory[-1] * 2.0
''',
    "tally": '''def tally():
    total = 0.25
    def add(s):
        nonlocal total
        total += s
        return total
    return add
''',
    "TALLY": "TALLY = tally()\n",
    "counted": '''COUNT = 0.5
def counted(s):
    global COUNT
    COUNT = COUNT + s
    return COUNT
''',
}
"""What programs call and write to, by name; one may name others above it."""
