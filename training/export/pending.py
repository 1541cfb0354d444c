"""Sums and junctions that are not written down where they arise: what follows takes them in."""
from typing import NamedTuple, Optional, Union


class Pending(NamedTuple):
    """value + skip + bias. `skip` has value's shape, or [rows, channels]; the names of a graph's values."""
    value: str
    skip: Optional[str]
    bias: Optional[str] = None
    tokens: bool = False               # rather than an image
    per_row: bool = False              # skip is [rows, channels]


class Joined(NamedTuple):
    """The channels of an image, then those of another one."""
    first: Union[str, Pending]
    other: str
