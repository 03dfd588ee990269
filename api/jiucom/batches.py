"""Splits rows into batches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` rows; the last one may be shorter. (`itertools.batched` needs Python 3.12.)"""
    rest = iter(rows)
    while batch := list(islice(rest, size)):
        yield batch
