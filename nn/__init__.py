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
    from .losses import (
        binary_cross_entropy_with_logits, cross_entropy, hinge_loss, mse_loss,
    )
    from .optimizers import SGD, Adam, Optimizer
    from .data import DataLoader
    from .fit import Epoch, accuracy, fit
    from .storage import load, save

    from autograd_mini import engine

    if engine != "plain":
        from . import _fused, _grouped

        _fused.install()
        _grouped.install()
    del engine

__all__ = [
    "Module", "Neuron", "Layer", "MLP", "Linear", "Sequential", "ReLU", "Tanh", "Sigmoid",
    "mse_loss", "hinge_loss", "binary_cross_entropy_with_logits", "cross_entropy",
    "SGD", "Adam", "Optimizer", "DataLoader", "fit", "Epoch", "accuracy", "save", "load",
]
