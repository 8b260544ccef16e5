"""Layers of arrays, in teaching order: each takes a whole batch, one sample a row."""

from .activations import ELU, GELU, LeakyReLU, ReLU, Sigmoid, SiLU, Softmax, Tanh
from .attention import MultiheadAttention
from .convolution import AvgPool2d, Conv2d, MaxPool2d
from .dropout import Dropout
from .embedding import Embedding
from .linear import Linear
from .normalisation import BatchNorm1d, BatchNorm2d, LayerNorm
from .recurrent import GRU, LSTM, RNN, GRUCell, LSTMCell, RNNCell
from .sequential import Flatten, Sequential

__all__ = [
    "Linear", "Sequential", "Flatten", "ReLU", "Tanh", "Sigmoid", "LeakyReLU", "ELU", "GELU",
    "SiLU", "Softmax", "Dropout", "BatchNorm1d", "BatchNorm2d", "LayerNorm", "Embedding",
    "RNNCell", "LSTMCell", "GRUCell", "RNN", "LSTM", "GRU", "Conv2d", "MaxPool2d", "AvgPool2d",
    "MultiheadAttention",
]
