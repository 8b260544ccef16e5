"""Neurons, layers and networks on autograd_mini, and how to train them.

What is public, in teaching order. This folder lies at the top of the repository and is
installed as `autograd_mini.nn`.
"""

if __name__ == "nn":  # `import nn` from the root of a checkout: the very same module
    import importlib
    import sys

    sys.modules["nn"] = importlib.import_module("autograd_mini.nn")
else:
    from .module import Module
    from .scalar import MLP, Layer, Neuron
    from . import init
    from .layers import (
        ELU, GELU, GRU, LSTM, RNN, AvgPool2d, BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Embedding,
        Flatten, GRUCell, LayerNorm, LeakyReLU, Linear, LSTMCell, MaxPool2d, MultiheadAttention,
        ReLU, RNNCell, Sequential, Sigmoid, SiLU, Softmax, Tanh,
    )
    from .randomness import seed
    from .losses import (
        binary_cross_entropy, binary_cross_entropy_with_logits, cross_entropy, hinge_loss,
        huber_loss, l1_loss, l1_penalty, mse_loss, multi_margin_loss,
    )
    from .optimizer import Optimizer
    from .optimizers import SGD, Adagrad, Adam, AdamW, RMSprop
    from .clipping import clip_grad_norm_, clip_grad_value_
    from .schedules import (
        CosineAnnealingLR, ExponentialLR, LinearLR, ReduceLROnPlateau, StepLR,
    )
    from .data import DataLoader, Standardize, random_split
    from .evaluation import accuracy, evaluate, predict
    from .history import Epoch, History
    from .callbacks import Callback, Checkpoint, ClipGradNorm, EarlyStopping, Run, Schedule
    from . import parallel
    from .fit import fit
    from .diagnostics import GradientNorms, Health, health
    from .summaries import summary
    from .recorder import Recorder
    from .storage import load, save
    from .checkpoint import load_checkpoint, save_checkpoint

    from autograd_mini import engine

    if engine() != "plain":
        from . import (
            _attention,
            _compiled,
            _convolution,
            _fused,
            _grouped,
            _normalization,
            _sequences,
        )

        _attention.install()
        _compiled.install()
        _convolution.install()
        _fused.install()
        _grouped.install()
        _normalization.install()
        _sequences.install()
    del engine

    from typing import TYPE_CHECKING

    if TYPE_CHECKING:
        from . import plot


def __getattr__(name: str) -> object:
    """`plot`, which is read when it is first asked for: most trainings are without pictures.

    PyTorch's names that are others here are answered.
    """
    import importlib

    if name == "plot":
        return importlib.import_module(f"{__name__}.plot")
    return importlib.import_module(f"{__name__}.spellings").refuse(name)


__all__ = [
    "Module", "Neuron", "Layer", "MLP", "Linear", "Sequential", "Flatten", "ReLU", "Tanh",
    "Sigmoid", "LeakyReLU", "ELU", "GELU", "SiLU", "Softmax", "Dropout", "BatchNorm1d",
    "BatchNorm2d", "LayerNorm", "Embedding", "RNN", "LSTM", "GRU", "RNNCell", "LSTMCell", "GRUCell",
    "Conv2d", "MaxPool2d", "AvgPool2d", "MultiheadAttention", "init", "seed",
    "mse_loss", "l1_loss", "huber_loss", "hinge_loss", "multi_margin_loss", "binary_cross_entropy",
    "binary_cross_entropy_with_logits", "cross_entropy", "l1_penalty",
    "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Optimizer", "clip_grad_norm_",
    "clip_grad_value_", "StepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR",
    "ReduceLROnPlateau", "DataLoader", "random_split", "Standardize", "fit", "parallel", "Epoch",
    "History", "evaluate", "predict", "accuracy", "Callback", "Run", "EarlyStopping",
    "Checkpoint", "ClipGradNorm", "Schedule", "GradientNorms", "Recorder", "health", "Health",
    "summary", "plot", "save", "load", "save_checkpoint", "load_checkpoint",
]
