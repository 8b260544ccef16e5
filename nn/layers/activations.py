"""What bends a network: without them, layers in a row are one linear map."""

from __future__ import annotations

from typing import Any

from autograd_mini import elu, errors, gelu, leaky_relu, relu, sigmoid, silu, softmax, tanh

from ..arguments import a_number, a_whole_number, shown
from ..module import Module

__all__ = ["ELU", "GELU", "LeakyReLU", "ReLU", "SiLU", "Sigmoid", "Softmax", "Tanh"]


class ReLU(Module):
    """max(x, 0), entry by entry.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.ReLU()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def forward(self, x: Any) -> Any:
        """max(x, 0)."""
        return relu(x)


class Tanh(Module):
    """tanh(x), entry by entry.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.Tanh()(np.array([0.0, 1.0])).round(3)
    array([0.   , 0.762])
    """

    def forward(self, x: Any) -> Any:
        """tanh(x)."""
        return tanh(x)


class Sigmoid(Module):
    """1/(1 + e⁻ˣ), entry by entry.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.Sigmoid()(np.array([0.0, 2.0])).round(3)
    array([0.5  , 0.881])
    """

    def forward(self, x: Any) -> Any:
        """1/(1 + e⁻ˣ)."""
        return sigmoid(x)


class SiLU(Module):
    """x·σ(x), entry by entry; also called swish.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.SiLU()(np.array([-1.0, 2.0])).round(3)
    array([-0.269,  1.762])
    """

    def forward(self, x: Any) -> Any:
        """x·σ(x)."""
        return silu(x)


class LeakyReLU(Module):
    """x above 0, negative_slope·x below, entry by entry.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.LeakyReLU(0.1)(np.array([-1.0, 2.0]))
    array([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = a_number(negative_slope, "negative_slope", lambda x: True, "")

    def forward(self, x: Any) -> Any:
        """See `LeakyReLU`."""
        return leaky_relu(x, self.negative_slope)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x above 0, alpha·(eˣ − 1) below, entry by entry (Clevert et al. 2016).

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.ELU()(np.array([-1.0, 2.0])).round(3)
    array([-0.632,  2.   ])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = a_number(alpha, "alpha", lambda x: True, "")

    def forward(self, x: Any) -> Any:
        """See `ELU`."""
        return elu(x, self.alpha)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return f"alpha={self.alpha}"


class GELU(Module):
    """x·Φ(x), Φ the normal distribution function, entry by entry (Hendrycks and Gimpel 2016).

    approximate: "tanh" for the form that GPT-2 has. Raises `ArgumentError` for another word.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.GELU()(np.array([-1.0, 2.0])).round(3)
    array([-0.159,  1.954])
    """

    def __init__(self, approximate: str = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise errors.ArgumentError(f"approximate is none or tanh, not {shown(approximate)}")
        self.approximate = approximate

    def forward(self, x: Any) -> Any:
        """See `GELU`."""
        return gelu(x, self.approximate)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return f"approximate={self.approximate!r}"


class Softmax(Module):
    """eˣ over its sum along the axis `dim`: numbers become probabilities.

    `cross_entropy` takes the numbers before it: a network that is trained by that needs no Softmax.

    >>> import numpy as np
    >>> from autograd_mini import nn
    >>> nn.Softmax(dim=1)(np.array([[0.0, 0.0], [0.0, np.log(3.0)]]))
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = a_whole_number(dim, "dim", float("-inf"))

    def forward(self, x: Any) -> Any:
        """See `Softmax`."""
        return softmax(x, axis=self.dim)

    def extra_repr(self) -> str:
        """As PyTorch writes it."""
        return f"dim={self.dim}"
