"""How many pictures are in hand at a time, so that uploads never take more memory than the container has.

A slow client holds one of the places for receiving, of which each user has few. The places for decoding are taken only when
the whole body has arrived.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from jiucom.domains.images import codec
from jiucom.domains.images.codec import Picture
from jiucom.errors import unavailable

# Bodies that are read at a time, up to 5 MB each; and of one user.
MAX_BODIES, MAX_BODIES_OF_USER = 40, 3
# Whole bodies at a time: another 5 MB each while they are taken apart. More would not be decoded within the deadline.
MAX_UPLOADS = 8

# One picture is decoded at a time. By a thread of its own: it goes on when the request is cancelled, and the next one
# waits for its end.
_decoder = ThreadPoolExecutor(1, "decoder")

# What clients are told to wait for a place (s).
_RETRY = 2

_senders: Counter[int] = Counter()
_uploads = 0


@contextmanager
def receiving(user_id: int) -> Iterator[None]:
    """A place for one body of this user while it is read. Raises ApiError 503 when all, or all of the user, are taken."""
    if _senders[user_id] >= MAX_BODIES_OF_USER or _senders.total() >= MAX_BODIES:
        raise unavailable(_RETRY)
    _senders[user_id] += 1
    try:
        yield
    finally:
        _senders[user_id] -= 1
        if not _senders[user_id]:
            del _senders[user_id]


@contextmanager
def admitted() -> Iterator[None]:
    """A place for one upload whose body has been read. Raises ApiError 503 when all are taken."""
    global _uploads
    if _uploads >= MAX_UPLOADS:
        raise unavailable(_RETRY)
    _uploads += 1
    try:
        yield
    finally:
        _uploads -= 1


async def reencode(data: bytes) -> Picture:
    """`codec.reencode` when it is this picture's turn."""
    return await asyncio.get_running_loop().run_in_executor(_decoder, codec.reencode, data)
