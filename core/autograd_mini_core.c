/* The hot paths of autograd_mini's graphs: recording an operation, and the reverse pass.

   Python is the reference (PEP 399): what is here does what autograd_mini/fast/ does, to the last
   bit, for the plain case, and hands everything else back to it. No function and no derivative is
   stated here: a row of the table brings its own, and what its slopes say of ±1 and of its operands
   is asked of the table (see autograd_mini/fast/core.py). A node is Python's: its slots are read and
   written at the offsets that its class tells.

   A node made here of leaves, and of nodes made here, is no part of a cycle: all that it holds is
   older than it is, or a number. So the cyclic collector isn't told of it. It is told of nodes that
   Python made, which may lead to a closure that holds anything, and of all that come from these. */

#define PY_SSIZE_T_CLEAN
#define NPY_NO_DEPRECATED_API NPY_2_0_API_VERSION
#include <Python.h>
#ifdef Py_GIL_DISABLED
#error "autograd-mini-core needs a Python with the global interpreter lock, not a free-threaded one"
#endif
#include <structmember.h>
#include <numpy/ndarraytypes.h> /* how an array lies in memory: nothing is linked */
#include <string.h>

/* ── what is known of Python's side ─────────────────────────────────────────────────────────── */

enum slot { VALUE, OP, A, B, FROM_A, FROM_B, PARAMS, GRADIENT, LABEL, MADE_AT, SENT, SLOTS };
static const char *const slot_names[SLOTS] = {
    "value", "op", "_a", "_b", "_from_a", "_from_b", "params", "gradient", "label", "made_at",
    "_sent"};

/* Objects of Python's, by their names in `begin`; then texts, the class Method, and, while a reverse
   pass is under way, two sets of nodes (see `_steps` in reverse.py). */
enum known { OF_FLOAT, OF_ARRAY, ARRAY, FLOAT, FLOAT64, AS_ARRAY, OF_MANY, RECORDING, CLOCK, METHODS,
             RULES, ARRAY_RULES, PLANS, ASKED_AGAIN, ADD_SENT, NOTHING, ZERO_LIKE, COPY, GIVEN,
             NOW = GIVEN, FORWARD, NO_TEXT, METHOD, OWNED, BUFFERS, KNOWN };
static const char *const known_names[GIVEN] = {
    "Value", "Tensor", "ndarray", "float", "float64", "asarray", "OfNumbers", "recording", "clock",
    "methods", "RULES", "ARRAY_RULES", "plans", "asked_again", "add_sent", "NOTHING", "zero_like",
    "copy_if_array"};

typedef struct {
    Py_ssize_t offset[SLOTS];
    PyObject *of[KNOWN];
} State;

static State *state_of(PyObject *m) { return (State *)PyModule_GetState(m); }

#define SLOT(s, node, name) (*(PyObject **)((char *)(node) + (s)->offset[name]))
#define IS_A(s, x, which) ((PyObject *)Py_TYPE(x) == (s)->of[which])

static inline int is_node(State *s, PyObject *x) {
    return IS_A(s, x, OF_FLOAT) || IS_A(s, x, OF_ARRAY);
}

static inline void put(State *s, PyObject *node, enum slot name, PyObject *x) {
    Py_XSETREF(SLOT(s, node, name), Py_NewRef(x));
}

/* ── recording ──────────────────────────────────────────────────────────────────────────────── */

/* A callable of Python's that records: a method of a kind of node, made from a row, or what many
   rows share. `plain` is Python's own, which is asked where it isn't the plain case. */
enum form { OF_ONE, OF_TWO, REFLECTED, CALLED, APPLIED, MANY, DOT };
typedef struct {
    PyObject_HEAD
    vectorcallfunc call;
    enum form form;
    PyObject *kind, *row, *compute, *plain, *module;
} Method;

/* Whether the collector must know of what leads to this node. */
static inline int is_tracked(State *s, PyObject *node) {
    return node && node != Py_None && PyObject_GC_IsTracked(node) && SLOT(s, node, OP) != Py_None;
}

/* A new node made by a row; it takes the references to value, a and b, and NULL is None. */
static PyObject *made(State *s, PyObject *kind, PyObject *row, PyObject *value, PyObject *a,
                      PyObject *b, PyObject *from_a, PyObject *from_b) {
    PyTypeObject *type = (PyTypeObject *)kind;
    PyObject *now = PyObject_GetAttr(s->of[CLOCK], s->of[NOW]);
    PyObject *node = now ? type->tp_alloc(type, 0) : NULL;
    if (!node) {
        Py_XDECREF(now); Py_DECREF(value); Py_DECREF(a); Py_XDECREF(b);
        return NULL;
    }
    int many = from_a && PyTuple_CheckExact(from_a);
    int tracked = is_tracked(s, from_b) || (!many && is_tracked(s, from_a));
    for (Py_ssize_t i = 0; many && !tracked && i < PyTuple_GET_SIZE(from_a); i++)
        tracked = is_tracked(s, PyTuple_GET_ITEM(from_a, i));
    if (!tracked) PyObject_GC_UnTrack(node);
    if (!tracked && many) { PyObject_GC_UnTrack(a); PyObject_GC_UnTrack(from_a); }
    PyObject *const of[SLOTS] = { /* in the order of `slot`; value, a, b and now are ours to give */
        value, Py_NewRef(row), a, b ? b : Py_NewRef(Py_None), Py_NewRef(from_a ? from_a : Py_None),
        Py_NewRef(from_b ? from_b : Py_None), Py_NewRef(Py_None), Py_NewRef(Py_None),
        Py_NewRef(s->of[NO_TEXT]), now, Py_NewRef(Py_None)};
    for (int i = 0; i < SLOTS; i++) SLOT(s, node, i) = of[i];
    return node;
}

/* A new reference to the number or array of an operand; NULL, and no error, if it isn't plain.
   from: the node that it is of, or NULL. */
static PyObject *raw(Method *m, State *s, PyObject *x, PyObject **from) {
    *from = NULL;
    if (PyFloat_CheckExact(x) || PyLong_CheckExact(x)) return Py_NewRef(x);
    if (IS_A(s, x, FLOAT64)) return PyFloat_FromDouble(PyFloat_AS_DOUBLE(x));
    PyObject *value = (PyObject *)Py_TYPE(x) == m->kind ? SLOT(s, x, VALUE) : NULL;
    if (!value || !SLOT(s, x, OP) || (m->kind == s->of[OF_ARRAY] && !IS_A(s, value, ARRAY))) return NULL;
    if (m->kind == s->of[OF_ARRAY] && SLOT(s, x, OP) == Py_None &&
        PyArray_ISWRITEABLE((PyArrayObject *)value)) return NULL; /* handed out, and may change */
    *from = x;
    return Py_NewRef(value);
}

/* What the row computes; NULL, and no error, where floats raise, for Python knows of inf and nan. */
static PyObject *computed(Method *m, State *s, PyObject *x, PyObject *y) {
    PyObject *args[] = {x, y}, *result = PyObject_Vectorcall(m->compute, args, y ? 2 : 1, NULL);
    int of_array = m->kind == s->of[OF_ARRAY];
    if (result && (of_array ? !IS_A(s, result, ARRAY) : !PyFloat_CheckExact(result)))
        Py_SETREF(result, PyObject_CallOneArg(s->of[of_array ? AS_ARRAY : FLOAT], result));
    if (!result && !of_array && (PyErr_ExceptionMatches(PyExc_ArithmeticError) ||
                                 PyErr_ExceptionMatches(PyExc_ValueError))) PyErr_Clear();
    return result;
}

/* The node that a row makes of one operand or two; NULL, and no error, if it isn't plain. */
static PyObject *recorded(Method *m, State *s, PyObject *a, PyObject *b) {
    PyObject *from_a, *from_b = NULL, *x = raw(m, s, a, &from_a);
    PyObject *y = x && b ? raw(m, s, b, &from_b) : NULL, *value = NULL;
    if (x && (y || !b) && (from_a || from_b) && (value = computed(m, s, x, y)))
        return made(s, m->kind, m->row, value, x, y, from_a, from_b);
    Py_XDECREF(x); Py_XDECREF(y);
    return NULL;
}

/* The node of a row of many Values; NULL, and no error, if it isn't plain. */
static PyObject *recorded_of_many(State *s, PyObject *row, PyObject *args) {
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject *inputs = PyTuple_New(count);
    for (Py_ssize_t i = 0; inputs && i < count; i++) {
        PyObject *arg = PyTuple_GET_ITEM(args, i);
        PyObject *x = IS_A(s, arg, OF_FLOAT) ? SLOT(s, arg, VALUE) : NULL;
        if (x && PyFloat_CheckExact(x)) PyTuple_SET_ITEM(inputs, i, Py_NewRef(x));
        else Py_CLEAR(inputs);
    }
    if (!inputs) return NULL;
    PyObject *y = PyObject_CallMethodOneArg(row, s->of[FORWARD], inputs);
    if (y && PyFloat_CheckExact(y))
        return made(s, s->of[OF_FLOAT], row, y, inputs, NULL, args, NULL);
    Py_DECREF(inputs); Py_XDECREF(y);
    return NULL;
}

/* The node w·x + b of two lists of Values and one; NULL, and no error, if it isn't plain. */
static PyObject *recorded_dot(Method *m, State *s, PyObject *w, PyObject *x, PyObject *b) {
    Py_ssize_t count = PyList_CheckExact(w) && PyList_CheckExact(x) ? PyList_GET_SIZE(w) : 0;
    if (!count || PyList_GET_SIZE(x) != count) return NULL;
    PyObject *args = PyTuple_New(2 * count + 1), *node;
    for (Py_ssize_t i = 0; args && i < 2 * count; i++)
        PyTuple_SET_ITEM(args, i, Py_NewRef(i < count ? PyList_GET_ITEM(w, i)
                                                      : PyList_GET_ITEM(x, i - count)));
    if (!args) return NULL;
    PyTuple_SET_ITEM(args, 2 * count, Py_NewRef(b));
    node = recorded_of_many(s, m->row, args);
    Py_DECREF(args);
    return node;
}

/* row(x) or row(x, y), of a row that has methods for its kinds of node. */
static PyObject *recorded_by_call(State *s, PyObject *row, PyObject *const *args, Py_ssize_t count) {
    PyObject *methods = PyDict_GetItemWithError(s->of[METHODS], row);
    PyObject *node = count == 2 && !is_node(s, args[0]) ? args[1] : count ? args[0] : NULL;
    if (!methods || !node || !is_node(s, node)) return NULL;
    Method *m = (Method *)PyTuple_GET_ITEM(methods, IS_A(s, node, OF_ARRAY));
    if (count != (m->form == OF_ONE ? 1 : 2)) return NULL;
    return recorded(m, s, args[0], count == 2 ? args[1] : NULL);
}

static PyObject *method_call(PyObject *self, PyObject *const *args, size_t flags, PyObject *names) {
    Method *m = (Method *)self;
    State *s = state_of(m->module);
    PyObject *node = NULL, *mode = NULL;
    if (!s->of[RECORDING]) return PyErr_Format(PyExc_ImportError, "begin() hasn't been called");
    if (PyContextVar_Get(s->of[RECORDING], NULL, &mode) < 0) return NULL;
    Py_XDECREF(mode); /* True if operations are recorded, and nobody is told of them */
    Py_ssize_t count = names || mode != Py_True ? 0 : PyVectorcall_NARGS(flags);
    if (m->form == CALLED && count > 0) node = recorded_by_call(s, args[0], args + 1, count - 1);
    else if (m->form == APPLIED || m->form == MANY) { /* row.apply(args, params), without params */
        if (count == 3 && PyTuple_CheckExact(args[1]) && PyDict_CheckExact(args[2]) &&
            !PyDict_GET_SIZE(args[2]))
            node = m->form == MANY ? recorded_of_many(s, args[0], args[1])
                : recorded_by_call(s, args[0], &PyTuple_GET_ITEM(args[1], 0), PyTuple_GET_SIZE(args[1]));
    }
    else if (m->form == DOT && count == 3) node = recorded_dot(m, s, args[0], args[1], args[2]);
    else if (m->form <= REFLECTED && count == 1 + (m->form != OF_ONE) &&
             (PyObject *)Py_TYPE(args[0]) == m->kind)
        node = m->form == REFLECTED ? recorded(m, s, args[1], args[0])
                                    : recorded(m, s, args[0], count == 2 ? args[1] : NULL);
    return node || PyErr_Occurred() ? node : PyObject_Vectorcall(m->plain, args, flags, names);
}

static PyObject *method_getattr(PyObject *self, PyObject *name) { /* as what it stands for */
    return PyObject_GetAttr(((Method *)self)->plain, name);
}

static PyObject *method_get(PyObject *self, PyObject *object, PyObject *type) {
    return object ? PyMethod_New(self, object) : Py_NewRef(self);
}

static int method_traverse(Method *m, visitproc visit, void *arg) {
    for (PyObject **x = &m->kind; x <= &m->module; x++) Py_VISIT(*x);
    Py_VISIT(Py_TYPE(m));
    return 0;
}

static void method_dealloc(Method *m) {
    PyTypeObject *type = Py_TYPE(m);
    PyObject_GC_UnTrack(m);
    for (PyObject **x = &m->kind; x <= &m->module; x++) Py_XDECREF(*x);
    type->tp_free(m);
    Py_DECREF(type);
}

static PyMemberDef method_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(Method, call), READONLY}, {NULL}};
static PyType_Slot method_slots[] = {
    {Py_tp_call, PyVectorcall_Call}, {Py_tp_descr_get, method_get}, {Py_tp_getattro, method_getattr},
    {Py_tp_traverse, method_traverse}, {Py_tp_dealloc, method_dealloc},
    {Py_tp_members, method_members}, {0, NULL}};
static PyType_Spec method_spec = {
    "autograd_mini_core.Method", sizeof(Method), 0,
    Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_IMMUTABLETYPE |
        Py_TPFLAGS_METHOD_DESCRIPTOR | Py_TPFLAGS_DISALLOW_INSTANTIATION, method_slots};

/* method(form, kind, row, compute, plain) */
static PyObject *method(PyObject *self, PyObject *args) {
    PyTypeObject *type = (PyTypeObject *)state_of(self)->of[METHOD];
    PyObject *kind, *row, *compute, *plain; int form;
    if (!PyArg_ParseTuple(args, "iOOOO", &form, &kind, &row, &compute, &plain)) return NULL;
    Method *m = (Method *)type->tp_alloc(type, 0);
    if (!m) return NULL;
    m->call = method_call; m->form = (enum form)form;
    m->kind = Py_NewRef(kind); m->row = Py_NewRef(row); m->compute = Py_NewRef(compute);
    m->plain = Py_NewRef(plain); m->module = Py_NewRef(self);
    return (PyObject *)m;
}

/* ── the topological order ──────────────────────────────────────────────────────────────────── */

/* What was sent to a node lies in its slot `_sent` while a pass is under way: NOTHING, once it was
   visited; then, in a Value, a float of its own, to which is added in place. */
static inline int is_marked(State *s, PyObject *x) { return SLOT(s, x, SENT) == s->of[NOTHING]; }

static inline int is_whole(State *s, PyObject *node) {
    for (int i = 0; i <= FROM_B; i++) if (!SLOT(s, node, i)) return 0;
    return 1;
}

static int changed(void) {
    return PyErr_Format(PyExc_RuntimeError, "the graph was changed during its reverse pass"), -1;
}

typedef struct { PyObject **item; size_t count, room; } Nodes;

static int append(Nodes *nodes, PyObject *node) {
    if (nodes->count == nodes->room) {
        size_t room = nodes->room ? 2 * nodes->room : 64;
        PyObject **item = PyMem_Realloc(nodes->item, room * sizeof(PyObject *));
        if (!item) return PyErr_NoMemory(), -1;
        nodes->item = item; nodes->room = room;
    }
    nodes->item[nodes->count++] = node;
    return 0;
}

/* Puts a node on the stack, below those of its parents that weren't visited. 1; 0 if it isn't a node
   as made here or by fast/; −1: an error. */
static int visit(State *s, PyObject *node, Nodes *stack) {
    if (!is_whole(s, node) || IS_A(s, node, OF_FLOAT) != PyFloat_CheckExact(SLOT(s, node, VALUE)))
        return 0;
    put(s, node, SENT, s->of[NOTHING]);
    if (append(stack, node) < 0 || append(stack, NULL) < 0) return -1;
    PyObject *p = SLOT(s, node, FROM_A), *two[] = {p, SLOT(s, node, FROM_B)};
    PyObject *const *from = PyTuple_CheckExact(p) ? &PyTuple_GET_ITEM(p, 0) : two;
    for (Py_ssize_t i = PyTuple_CheckExact(p) ? PyTuple_GET_SIZE(p) : 2; i-- > 0;)
        if (from[i] != Py_None && !(is_node(s, from[i]) && is_marked(s, from[i])) &&
            append(stack, from[i]) < 0) return -1;
    return 1;
}

static void forget(State *s, Nodes *nodes) {
    for (size_t i = 0; i < nodes->count; i++)
        if (nodes->item[i] && is_node(s, nodes->item[i])) put(s, nodes->item[i], SENT, Py_None);
}

/* The nodes, each after its parents, marked, and held. 1; 0 if one of them isn't a Value or Tensor of
   the usual kind; −1: an error. Those in `order` are marked then, too. */
static int in_order(State *s, PyObject *output, Nodes *order) {
    Nodes stack = {0};
    int found = append(&stack, output) < 0 ? -1 : 1;
    while (stack.count && found == 1) {
        PyObject *node = stack.item[--stack.count];
        if (!node) { /* the parents of the node below it are listed */
            node = stack.item[stack.count - 1];
            if (append(order, node) < 0) found = -1;
            else Py_INCREF(stack.item[--stack.count]);
        } else if (!is_node(s, node)) found = 0;
        else if (!is_marked(s, node) && (found = visit(s, node, &stack)) != 1) put(s, node, SENT, Py_None);
    }
    if (found != 1) forget(s, &stack);
    PyMem_Free(stack.item);
    return found;
}

/* ── the reverse pass ───────────────────────────────────────────────────────────────────────── */

/* Adds a number to what was sent before: in place, if nothing else has that float (as it has
   NOTHING, to which the first is added: −0.0 + x is x). */
static int send_number(State *s, PyObject *to, double x) {
    PyObject *sum = IS_A(s, to, OF_FLOAT) ? SLOT(s, to, SENT) : NULL;
    if (!sum || !PyFloat_CheckExact(sum)) return changed();
    if (Py_REFCNT(sum) == 1) ((PyFloatObject *)sum)->ob_fval += x;
    else {
        if (!(sum = PyFloat_FromDouble(PyFloat_AS_DOUBLE(sum) + x))) return -1;
        Py_SETREF(SLOT(s, to, SENT), sum);
    }
    return 0;
}

/* Adds an array, just made if `fresh`, to what was sent before: in place, if nothing else has it. */
static int send_array(State *s, PyObject *to, PyObject *x, int fresh) {
    PyObject *known = SLOT(s, to, SENT), *sum = NULL;
    int first = is_marked(s, to), mine = first ? 0 : PySet_Contains(s->of[OWNED], to);
    if (!known || known == Py_None) return changed();
    Py_INCREF(known);
    if (first) sum = Py_NewRef(x);
    else if (mine >= 0)
        sum = (mine && IS_A(s, known, ARRAY) ? PyNumber_InPlaceAdd : PyNumber_Add)(known, x);
    Py_DECREF(known);
    if (!sum) return -1;
    Py_XSETREF(SLOT(s, to, SENT), sum);
    int own = (fresh || !first) && IS_A(s, sum, ARRAY) && !PyArray_BASE((PyArrayObject *)sum);
    return own ? PySet_Add(s->of[OWNED], to) : 0;
}

/* Whether x can be sent as it is: a number to a Value, to a Tensor an array like its own; or None. */
static int fits(State *s, PyObject *x, PyObject *to) {
    if (x == Py_None || to == Py_None) return 1;
    if (IS_A(s, to, OF_FLOAT)) return PyFloat_Check(x);
    PyObject *value = IS_A(s, to, OF_ARRAY) ? SLOT(s, to, VALUE) : NULL;
    if (!value || !IS_A(s, x, ARRAY) || !IS_A(s, value, ARRAY)) return 0;
    PyArrayObject *a = (PyArrayObject *)x, *b = (PyArrayObject *)value;
    return PyArray_DESCR(a) == PyArray_DESCR(b) && PyArray_NDIM(a) == PyArray_NDIM(b) &&
           !memcmp(PyArray_DIMS(a), PyArray_DIMS(b), PyArray_NDIM(a) * sizeof(npy_intp));
}

/* Has Python add up what a node sends, or, if `sent` is None, first ask for it. */
static int by_python(State *s, PyObject *node, PyObject *g, PyObject *sent) {
    PyObject *done = PyObject_CallFunctionObjArgs(
        s->of[ADD_SENT], node, g, sent, s->of[OWNED], s->of[BUFFERS], NULL);
    Py_XDECREF(done);
    return done ? 0 : -1;
}

/* What a row's rule says of a node. */
static PyObject *asked(State *s, PyObject *rule, PyObject *node, PyObject *g) {
    static const enum slot slots[] = {VALUE, A, B, FROM_A, FROM_B};
    PyObject *args[6] = {g}, *sent, *type, *error, *trace, *handled;
    for (int i = 0; i < 5; i++) args[i + 1] = Py_NewRef(SLOT(s, node, slots[i]));
    sent = PyObject_Vectorcall(rule, args, 6, NULL);
    for (int i = 1; i < 6; i++) Py_DECREF(args[i]);
    if (sent || !PyErr_ExceptionMatches(PyExc_Exception)) return sent;
    PyErr_Fetch(&type, &error, &trace);
    PyErr_NormalizeException(&type, &error, &trace);
    if (trace) PyException_SetTraceback(error, trace);
    handled = PyErr_GetHandledException(); /* as in `except Exception as error: asked_again(…)` */
    PyErr_SetHandledException(error);
    sent = PyObject_CallFunctionObjArgs(s->of[ASKED_AGAIN], node, g, error, NULL);
    PyErr_SetHandledException(handled);
    Py_XDECREF(type); Py_XDECREF(error); Py_XDECREF(trace); Py_XDECREF(handled);
    return sent;
}

/* Sends what the row's own rule says; where there is none of the usual form, Python does. */
static int by_rule(State *s, PyObject *node, PyObject *g) {
    PyObject *op = SLOT(s, node, OP), *y = SLOT(s, node, VALUE), *rule = NULL, *sent = NULL;
    PyObject *two[] = {SLOT(s, node, FROM_A), SLOT(s, node, FROM_B)}, *const *to = two, *const *x;
    int many = PyTuple_CheckExact(two[0]), of_float = IS_A(s, node, OF_FLOAT), failed = 0;
    if (of_float ? many && !IS_A(s, op, OF_MANY)
                 : many || !IS_A(s, g, ARRAY) || !IS_A(s, y, ARRAY) || !PyArray_NDIM((PyArrayObject *)y))
        return by_python(s, node, g, Py_None);
    Py_INCREF(op); Py_INCREF(two[0]); Py_INCREF(two[1]); /* what is called may change the graph */
    rule = PyObject_GetItem(s->of[of_float ? RULES : ARRAY_RULES], op);
    if (rule && rule != Py_None) sent = is_whole(s, node) ? asked(s, rule, node, g) : NULL;
    else if (rule) sent = Py_NewRef(Py_None);
    if (!sent) failed = PyErr_Occurred() ? -1 : changed();
    else if (!PyTuple_CheckExact(sent) && !PyList_CheckExact(sent)) failed = by_python(s, node, g, sent);
    else {
        Py_ssize_t count = Py_MIN(PySequence_Fast_GET_SIZE(sent), many ? PyTuple_GET_SIZE(two[0]) : 2);
        x = PySequence_Fast_ITEMS(sent);
        if (many) to = &PyTuple_GET_ITEM(two[0], 0);
        int same = count == 2 && to[0] == to[1] && x[0] != Py_None && x[1] != Py_None;
        int fit = !same || of_float;
        for (Py_ssize_t i = 0; i < count && fit; i++) fit = fits(s, x[i], to[i]);
        if (!fit) failed = by_python(s, node, g, sent);
        else if (same)
            failed = send_number(s, to[0], PyFloat_AS_DOUBLE(x[0]) + PyFloat_AS_DOUBLE(x[1]));
        else
            for (Py_ssize_t i = 0; i < count && !failed; i++)
                if (to[i] != Py_None && x[i] != Py_None)
                    failed = IS_A(s, to[i], OF_FLOAT)
                        ? send_number(s, to[i], PyFloat_AS_DOUBLE(x[i]))
                        : send_array(s, to[i], x[i], x[i] != g);
    }
    Py_DECREF(op); Py_DECREF(two[0]); Py_DECREF(two[1]); Py_XDECREF(rule); Py_XDECREF(sent);
    return failed;
}

/* 1, and an operand as a double; 0 if it isn't a float or a whole number. */
static inline int number(PyObject *x, double *result) {
    if (PyFloat_CheckExact(x)) *result = PyFloat_AS_DOUBLE(x);
    else if (PyLong_CheckExact(x)) *result = PyLong_AsDouble(x);
    else return 0;
    if (*result == -1.0 && PyErr_Occurred()) { PyErr_Clear(); return 0; }
    return 1;
}

enum { THE_COTANGENT = -1, ITS_NEGATIVE = -2 }; /* in a plan; else the number of an operand */

/* Sends what a row of floats sends, if its plan says so: to each parent ±g, or g times an operand. 1;
   0, and nothing sent, if it has no plan or an operand isn't a plain number; −1: an error. */
static int by_plan(State *s, PyObject *node, double g) {
    PyObject *plan = PyDict_GetItemWithError(s->of[PLANS], SLOT(s, node, OP)), *key;
    if (!plan) return PyErr_Occurred() ? -1 : 0;
    int many = PyTuple_CheckExact(SLOT(s, node, FROM_A));
    Py_ssize_t count = many ? PyTuple_GET_SIZE(SLOT(s, node, FROM_A)) : 0;
    if (many) { /* Python is asked for a plan of so many, once; and keeps it */
        plan = (key = PyLong_FromSsize_t(count)) ? PyObject_GetItem(plan, key) : NULL;
        Py_XDECREF(key); Py_XDECREF(plan);
        if (!plan) return -1;
    }
    if (!is_whole(s, node)) return changed();
    PyObject *p = SLOT(s, node, FROM_A), *q = SLOT(s, node, FROM_B), *parents[] = {p, q};
    PyObject *a = SLOT(s, node, A), *b = SLOT(s, node, B), *inputs[] = {a, b};
    if (!many) count = b == Py_None ? 1 : 2;
    else if (!PyTuple_CheckExact(a) || !PyTuple_CheckExact(p) || PyTuple_GET_SIZE(a) != count ||
             PyTuple_GET_SIZE(p) != count) return 0;
    PyObject *const *in = many ? &PyTuple_GET_ITEM(a, 0) : inputs;
    PyObject *const *to = many ? &PyTuple_GET_ITEM(p, 0) : parents;
    if (!PyBytes_CheckExact(plan) || PyBytes_GET_SIZE(plan) != count * (Py_ssize_t)sizeof(int)) return 0;
    const int *what = (const int *)PyBytes_AS_STRING(plan);
    int same = count == 2 && to[0] == to[1];
    double x = 0.0, first = 0.0;
    for (Py_ssize_t i = 0; i < count; i++)
        if (what[i] >= 0 && !number(in[what[i]], &x)) return 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (what[i] >= 0) number(in[what[i]], &x);
        x = what[i] == THE_COTANGENT ? g : what[i] == ITS_NEGATIVE ? -g : g * x;
        if (same && !i) first = x; /* of x − x both at once */
        else if (to[i] != Py_None && send_number(s, to[i], same ? first + x : x) < 0) return -1;
    }
    return 1;
}

/* One node's turn: what was sent to it is its cotangent, a new reference, and goes on to its parents
   from here. NULL: an error. */
static PyObject *turn(State *s, PyObject *node) {
    PyObject *g = SLOT(s, node, SENT);
    int of_float = IS_A(s, node, OF_FLOAT);
    if (!is_whole(s, node) || !g || (of_float && !PyFloat_CheckExact(g))) return changed(), NULL;
    Py_INCREF(g);
    int is_leaf = SLOT(s, node, OP) == Py_None, sent = 0;
    if (is_marked(s, node)) /* nothing came: it is on the side that a choice didn't take */
        Py_SETREF(g, PyObject_CallOneArg(s->of[ZERO_LIKE], node));
    else if (!is_leaf) {
        sent = of_float ? by_plan(s, node, PyFloat_AS_DOUBLE(g)) : 0;
        if (!sent) sent = by_rule(s, node, g);
    } else if (!of_float) {
        sent = PySet_Contains(s->of[OWNED], node);
        if (!sent) Py_SETREF(g, PyObject_CallOneArg(s->of[COPY], g));
    }
    if (sent < 0) Py_CLEAR(g);
    return g;
}

static int keep(PyObject *list, PyObject *node, PyObject *x) {
    PyObject *pair = PyTuple_Pack(2, node, x);
    int failed = !pair || PyList_Append(list, pair) < 0 ? -1 : 0;
    Py_XDECREF(pair);
    return failed;
}

/* Every node's turn, the output first; `left` is how many still wait. −1: an error. */
static int sweep(State *s, Nodes *order, size_t *left, PyObject *leaves, PyObject *replaced) {
    for (; *left; --*left) {
        PyObject *node = order->item[*left - 1], *g = turn(s, node);
        PyObject *before = Py_XNewRef(SLOT(s, node, GRADIENT));
        int failed = !g || (!(*left & 0xffff) && PyErr_CheckSignals() < 0);
        int is_leaf = SLOT(s, node, OP) == Py_None;
        if (!failed && is_leaf) failed = keep(leaves, node, g);
        else if (!failed && before && before != Py_None) failed = keep(replaced, node, before);
        if (!failed && !is_leaf) put(s, node, GRADIENT, g);
        put(s, node, SENT, Py_None); /* a large array that was sent can be freed */
        Py_XDECREF(g); Py_XDECREF(before);
        if (failed) return -1;
    }
    return 0;
}

/* swept(output, seed, stored): the leaves with their cotangents, all others have got theirs, as is
   noted in `stored`; or None, and nothing done, where Python has to. See fast/floats.py. */
static PyObject *swept(PyObject *self, PyObject *args) {
    State *s = state_of(self);
    PyObject *output, *seed, *stored, *leaves = NULL, *replaced = NULL, *owned, *buffers;
    Nodes order = {0};
    if (!PyArg_ParseTuple(args, "OOO", &output, &seed, &stored)) return NULL;
    if (s->of[OWNED]) Py_RETURN_NONE; /* another pass has the slots */
    s->of[OWNED] = owned = PySet_New(NULL);
    s->of[BUFFERS] = buffers = owned ? PySet_New(NULL) : NULL;
    if (buffers && (replaced = PyObject_GetAttrString(stored, "replaced")) &&
        in_order(s, output, &order) == 1 && (leaves = PyList_New(0))) {
        size_t left = order.count;
        double x = IS_A(s, output, OF_FLOAT) ? PyFloat_AsDouble(seed) : 0.0;
        int failed = PyErr_Occurred() != NULL;
        if (!failed && IS_A(s, output, OF_FLOAT)) failed = send_number(s, output, x);
        else if (!failed) put(s, output, SENT, seed);
        if (failed || sweep(s, &order, &left, leaves, replaced) < 0 ||
            PyObject_SetAttrString(stored, "last", order.item[0]) < 0) {
            Py_CLEAR(leaves);
            for (size_t i = left; i < order.count; i++) /* whose turn has come */
                if (SLOT(s, order.item[i], OP) != Py_None) put(s, order.item[i], GRADIENT, Py_None);
        }
    }
    forget(s, &order);
    s->of[OWNED] = s->of[BUFFERS] = NULL;
    while (order.count) Py_DECREF(order.item[--order.count]);
    PyMem_Free(order.item);
    Py_XDECREF(owned); Py_XDECREF(buffers); Py_XDECREF(replaced);
    return leaves || PyErr_Occurred() ? leaves : Py_NewRef(Py_None);
}

/* ── the module ─────────────────────────────────────────────────────────────────────────────── */

/* begin(slots, given): by name, the descriptors of a node's slots; and what is `known`. Raises
   ImportError for a package that it wasn't built for. */
static PyObject *begin(PyObject *self, PyObject *args) {
    State *s = state_of(self);
    PyObject *slots, *given, *x;
    if (!PyArg_ParseTuple(args, "O!O!", &PyDict_Type, &slots, &PyDict_Type, &given)) return NULL;
    for (int i = 0; i < SLOTS; i++) {
        x = PyDict_GetItemString(slots, slot_names[i]);
        if (!x || !Py_IS_TYPE(x, &PyMemberDescr_Type))
            return PyErr_Format(PyExc_ImportError, "a node has no slot %s", slot_names[i]);
        s->offset[i] = ((PyMemberDescrObject *)x)->d_member->offset;
    }
    for (int i = 0; i < GIVEN; i++) {
        x = PyDict_GetItemString(given, known_names[i]);
        if (!x || (i <= OF_ARRAY && (!PyType_Check(x) || ((PyTypeObject *)x)->tp_dictoffset)))
            return PyErr_Format(PyExc_ImportError, "begin() wasn't given a usable %s", known_names[i]);
        Py_XSETREF(s->of[i], Py_NewRef(x));
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"begin", begin, METH_VARARGS, "What a node is made of, and whom to ask."},
    {"method", method, METH_VARARGS, "method(form, kind, row, compute, plain): it records."},
    {"swept", swept, METH_VARARGS, "swept(output, seed, stored): the reverse pass, or None."},
    {NULL}};

static int exec_module(PyObject *self) {
    static const char *const texts[] = {"now", "forward", ""};
    State *s = state_of(self);
    for (int i = NOW; i <= NO_TEXT; i++)
        if (!(s->of[i] = PyUnicode_InternFromString(texts[i - NOW]))) return -1;
    s->of[METHOD] = PyType_FromModuleAndSpec(self, &method_spec, NULL);
    return s->of[METHOD] ? PyModule_AddIntConstant(self, "INTERFACE", 1) : -1;
}

static int traverse(PyObject *self, visitproc visit, void *arg) {
    for (int i = 0; i < KNOWN; i++) Py_VISIT(state_of(self)->of[i]);
    return 0;
}

static int clear(PyObject *self) {
    for (int i = 0; i < KNOWN; i++) Py_CLEAR(state_of(self)->of[i]);
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, exec_module},
#if PY_VERSION_HEX >= 0x030C0000
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
#endif
    {0, NULL}};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT, .m_name = "autograd_mini_core", .m_size = sizeof(State),
    .m_doc = "The hot paths of autograd_mini's graphs, in C.", .m_methods = functions,
    .m_slots = module_slots, .m_traverse = traverse, .m_clear = clear};

PyMODINIT_FUNC PyInit_autograd_mini_core(void) { return PyModuleDef_Init(&module); }
