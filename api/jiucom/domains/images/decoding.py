"""Limits the number of concurrent uploads, so that they do not take more memory than the container has.

There are slots for receiving bodies, few of them per user, since a slow client holds one for long. The slots for decoding are
taken only when the whole body has arrived.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from jiucom.domains.images import codec
from jiucom.domains.images.codec import Picture
from jiucom.errors import unavailable

# Bodies received concurrently, of up to 5 MB each; and of one user.
MAX_BODIES, MAX_BODIES_OF_USER = 40, 3
# Uploads being parsed and decoded: another 5 MB each. More would not be decoded within the deadline.
MAX_UPLOADS = 8

# A thread of its own decodes one picture at a time. It goes on when the request is cancelled, and the next one waits.
_decoder = ThreadPoolExecutor(1, "decoder")

# `Retry-After` when no slot is free (s).
_RETRY = 2

_senders: Counter[int] = Counter()
_uploads = 0


@contextmanager
def receiving_slot(user_id: int) -> Iterator[None]:
    """A slot for receiving a body of this user. Raises ApiError 503 when no slot is free."""
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
def upload_slot() -> Iterator[None]:
    """A slot for an upload whose body has been received. Raises ApiError 503 when no slot is free."""
    global _uploads
    if _uploads >= MAX_UPLOADS:
        raise unavailable(_RETRY)
    _uploads += 1
    try:
        yield
    finally:
        _uploads -= 1


async def reencode(data: bytes) -> Picture:
    """`codec.reencode` in the decoder's thread."""
    return await asyncio.get_running_loop().run_in_executor(_decoder, codec.reencode, data)
