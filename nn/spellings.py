"""Names of PyTorch's nn, and Keras's, answered with what the same thing is called here."""

from __future__ import annotations

from typing import NoReturn

from autograd_mini import errors

__all__ = ["SPELLINGS", "refuse"]


def _all(names: str, said: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), said)


def _a_function(of: dict[str, str]) -> dict[str, str]:
    return {name: f"a loss is a function here: nn.{here}(prediction, y)"
            for name, here in of.items()}


SPELLINGS: dict[str, str] = {
    **_a_function({
        "CrossEntropyLoss": "cross_entropy", "MSELoss": "mse_loss", "L1Loss": "l1_loss",
        "HuberLoss": "huber_loss", "SmoothL1Loss": "huber_loss", "BCELoss": "binary_cross_entropy",
        "BCEWithLogitsLoss": "binary_cross_entropy_with_logits", "NLLLoss": "cross_entropy",
        "MultiMarginLoss": "multi_margin_loss", "nll_loss": "cross_entropy",
    }),
    "smooth_l1_loss": "with beta=1 it is nn.huber_loss(prediction, y)",
    **_all("Parameter ParameterList", "a Tensor that is an attribute of a Module, or in a list that"
           " is one, is a parameter: self.weight = ag.Tensor(array)"),
    "Buffer": "an array of floats that is an attribute of a Module is saved with it",
    **_all("ModuleList ModuleDict", "a plain list or dict of modules is found where it is an "
           "attribute: self.layers = [nn.Linear(2, 3), nn.Linear(3, 1)]"),
    **_all("functional F", "activations are functions of ag, as ag.relu(x); losses are here, as "
           "nn.cross_entropy(logits, y)"),
    **_all("optim lr_scheduler", "optimizers and schedules are here: nn.Adam, nn.StepLR"),
    "utils": "they are here: nn.clip_grad_norm_(parameters, 1.0), nn.DataLoader",
    "Identity": "leave it out; a function may stand in a Sequential, too: lambda x: x",
    **_all("LogSoftmax Softplus SELU Mish ReLU6 Hardtanh Hardsigmoid LogSigmoid Softsign",
           "a function may stand in a Sequential: nn.Sequential(nn.Linear(2, 3), ag.selu)"),
    **_all("Conv1d MaxPool1d AvgPool1d", "a sequence is an image of one row here: x[:, :, None] "
           "through nn.Conv2d(c, d, (1, 3))"),
    **_all("Conv3d ConvTranspose2d GroupNorm InstanceNorm2d BatchNorm3d Bilinear PReLU",
           "it isn't here: write a Module whose forward computes it, in NumPy's functions"),
    **_all("Transformer TransformerEncoderLayer", "a block is a Module of nn.LayerNorm, "
           "nn.MultiheadAttention and nn.Linear in a few lines"),
    **_all("Dropout1d Dropout2d", "it is nn.Dropout, which leaves out single entries"),
    **_all("Dense", "it is nn.Linear(in_features, out_features), and the activation after it"),
    **_all("Activation", "it is a module of its own: nn.ReLU(), nn.Tanh()"),
}
"""Names of others, for what is written otherwise here."""


def refuse(name: str) -> NoReturn:
    """Raise `SpellingError` for another library's name, `AttributeError` for any other."""
    if name in SPELLINGS:
        raise errors.SpellingError(f"autograd_mini.nn has no {name}: {SPELLINGS[name]}")
    raise AttributeError(f"module 'autograd_mini.nn' has no attribute {name!r}")
