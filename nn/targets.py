"""What a loss is given: predictions and targets that fit together, or a clear error.

NumPy would broadcast (n, 1) against (n,) to (n, n) without a word, and average the wrong n² pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_mini import Node, Tensor, Value, compiler, errors, stack

from .arguments import an_array, as_array, shown

__all__ = ["has_nodes", "in_its_dtype", "is_softmax", "logits_and_target", "pair_of", "unshaped"]


def is_softmax(logits: Any) -> bool:
    """Whether a prediction was made by a softmax: rows of numbers that aren't negative, of sum 1.
    """
    source = unshaped(logits)
    if not isinstance(source, Tensor) or source.op is None or source.op.name not in (
            "ag.softmax", "exp", "divide") or source.parents[-1] is None:  # divided by a number
        return False
    rows = source.value
    return bool(rows.shape[-1] > 1 and np.all(rows >= 0)
                and np.allclose(np.sum(rows, axis=-1), 1.0, atol=1e-5))


def unshaped(x: Any) -> Any:
    """A node before entries were taken out of it, or it was reshaped, held between bounds, or had a
    small number added, as people do before a logarithm.
    """
    while isinstance(x, Node) and x.op is not None and x.op.name in THROUGH:
        nodes = [parent for parent in x.parents if parent is not None]
        numbers = [y for y, p in zip(x.inputs, x.parents, strict=False) if p is None]
        if len(nodes) != 1 or (x.op.name == "add" and not np.all(np.abs(numbers[0]) < 1e-3)):
            return x
        (x,) = nodes
    return x


THROUGH = ("getitem", "reshape", "squeeze", "expand_dims", "clip", "maximum", "minimum", "add",
           "astype", "positive", "transpose")


def _joined(x: Any) -> Any:
    """A list of Values (or of such lists) as one Tensor; anything else as it is."""
    if isinstance(x, list | tuple):
        parts = [_joined(part) for part in x]
        return stack(parts) if any(isinstance(p, Node) for p in parts) else np.asarray(parts)
    return x


def _shape(x: Any) -> tuple[int, ...]:
    """np.shape, which takes its time with nodes."""
    return x.shape if isinstance(x, Value | Tensor | np.ndarray) else np.shape(x)


def has_nodes(x: Any) -> bool:
    """Whether x is a node, or an array of them, as in a function that is being compiled."""
    if isinstance(x, np.ndarray) and x.dtype == object:
        return x.size > 0 and all([isinstance(entry, Node) for entry in x.flat])
    return isinstance(x, Node)


def _checked(x: Any, what: str) -> Any:
    """x, joined; refused if it isn't real numbers: None would count as nan, a mask be lost."""
    x = _joined(x)
    if has_nodes(x):
        return x
    dtype = an_array(x, what).dtype
    if dtype.kind not in "fiub":
        raise errors.DTypeError(f"{what} is an array of real numbers, not {shown(x)} ({dtype})")
    return x


def _refuse_empty(shape: tuple[int, ...], loss: str) -> None:
    """Raise `ShapeError` where there is nothing to average: the mean of nothing is nan."""
    if 0 in shape:
        raise errors.ShapeError(f"{loss}: the prediction is empty (shape {shape}), and the mean "
                                "of nothing is no number: leave empty batches out")


def pair_of(prediction: Any, target: Any, loss: str) -> tuple[Any, Any]:
    """Both, joined and of one shape."""
    prediction = _checked(prediction, f"{loss}: the prediction")
    target = _checked(target, f"{loss}: the target")
    if _shape(prediction) != _shape(target):
        raise errors.ShapeError(
            f"{loss}: the prediction has shape {np.shape(prediction)}, the target "
            f"{np.shape(target)}; they must be the same (broadcasting would compare every "
            "prediction with every target): reshape one of them"
        )
    _refuse_empty(_shape(prediction), loss)
    return prediction, in_its_dtype(target, prediction)


def in_its_dtype(target: Any, prediction: Any) -> Any:
    """A plain target in the prediction's kind and dtype, so that float32 stays float32."""
    if isinstance(target, Node) or not isinstance(prediction, Value | Tensor):
        return target
    if isinstance(prediction, Value):  # with an array it would become a Tensor
        return float(target)
    return as_array(target, np.result_type(prediction.dtype))


def logits_and_target(logits: Any, target: Any, loss: str, ignored: int | None = None
                      ) -> tuple[Any, Any, bool]:
    """Both, checked, and whether the target is classes rather than distributions.

    ignored: a class that needn't be one.
    """
    logits = _checked(logits, f"{loss}: the prediction")
    target = _checked(target, f"{loss}: the target")
    shape, given = _shape(logits), _shape(target)
    if not shape:
        raise errors.ShapeError(f"{loss}: the prediction is one number; it takes a logit "
                                "for each class: binary_cross_entropy_with_logits takes one")
    _refuse_empty(shape, loss)
    if given == shape:
        target = in_its_dtype(target, logits)
        if not has_nodes(target) and not np.all(as_array(target) >= 0):
            raise errors.ArgumentError(f"{loss}: a distribution has no negative entries "
                                       "and no nan; classes are integers, one a sample")
        return logits, target, False
    if given == shape[:-1] and as_array(target).dtype.kind in "iu":
        return logits, _classes(target, shape[-1], loss, ignored), True
    raise errors.ShapeError(
        f"{loss}: for logits of shape {np.shape(logits)} the target is integers of "
        f"shape {np.shape(logits)[:-1]} or distributions of shape {np.shape(logits)}, not "
        f"{as_array(target).dtype} of shape {np.shape(target)}"
    )


UNSIGNED = {size: np.dtype(f"u{size}") for size in (1, 2, 4, 8)}


def _are_classes(classes: Any, number: int) -> bool:
    """Whether all of some integers are from 0 to below `number`."""
    if compiler.is_printed():
        return bool(classes.min() >= 0 and classes.max() < number)
    # As numbers without a sign, negative ones are large: one pass for both ends.
    unsigned = classes.view(UNSIGNED[classes.dtype.itemsize])
    return bool(np.maximum.reduce(unsigned, None) < number)


def _classes(target: Any, number: int, loss: str, ignored: int | None) -> Any:
    """The target as an array, if it is integers from 0 to below `number`, or the ignored one."""
    classes = as_array(target)
    if classes.size and _are_classes(classes, number):
        return classes
    meant = classes if ignored is None else classes[classes != ignored]
    if meant.size and not (0 <= meant.min() and meant.max() < number):
        low, high = meant.min(), meant.max()
        cure = f"; if {low} is padding, give ignore_index={low}" if low < 0 and ignored else ""
        raise errors.ArgumentError(f"{loss}: classes are 0 … {number - 1}, the targets reach from "
                                   f"{low} to {high}{cure}")
    return classes
