"""THE TABLE: every primitive, one row or one rule; only scipy_api/ adds to it.

Read in this order: arithmetic, elementary, kinks, special_functions, shapes, reductions,
normalized, indexing, decisions, sliding, linalg, decompositions, equal_values; extremes.py
multiplies where floats run out. A row in one of these files is `ops.<its name>` and
`ag.<its name>`, without another word.
"""

from ..primitive import close_the_table
from .arithmetic import *
from .elementary import *
from .special_functions import *
from .shapes import *
from .reductions import *
from .normalized import *
from .indexing import *
from .sliding import *
from .linalg import *
from .decompositions import *
from .equal_values import rules_for_equal_values as rules_for_equal_values
from .kinks import *
from .decisions import *

close_the_table()
