"""`ag.special` is another, older name of the room `ag.scipy.special`."""

import sys

from .scipy_api import special
from .scipy_api.special import *  # noqa: F403

sys.modules[__name__] = special  # not a second module beside it: what is set on one is on both
