"""Who groups, adds and joins rows: arrow, in memory, unless another engine holds them."""

from .arrow import ARROW as ARROW
from .engine import Engine as Engine
