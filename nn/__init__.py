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
    from .layers import Linear, Sequential
    from .activations import ReLU, Sigmoid, Tanh
    from .randomness import seed
    from .losses import (
        binary_cross_entropy_with_logits, cross_entropy, hinge_loss, mse_loss,
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
    from .fit import fit
    from .storage import load, save
    from .checkpoint import load_checkpoint, save_checkpoint

    from autograd_mini import engine

    if engine != "plain":
        from . import _fused, _grouped

        _fused.install()
        _grouped.install()
    del engine

__all__ = [
    "Module", "Neuron", "Layer", "MLP", "Linear", "Sequential", "ReLU", "Tanh", "Sigmoid", "seed",
    "mse_loss", "hinge_loss", "binary_cross_entropy_with_logits", "cross_entropy",
    "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Optimizer", "clip_grad_norm_",
    "clip_grad_value_", "StepLR", "ExponentialLR", "CosineAnnealingLR", "LinearLR",
    "ReduceLROnPlateau", "DataLoader", "random_split", "Standardize", "fit", "Epoch", "History",
    "evaluate", "predict", "accuracy", "Callback", "Run", "EarlyStopping", "Checkpoint",
    "ClipGradNorm", "Schedule", "save", "load", "save_checkpoint", "load_checkpoint",
]
