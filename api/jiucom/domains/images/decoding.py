"""How many pictures are in hand at a time, so that uploads never take more memory than the container has."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from jiucom.domains.images import codec
from jiucom.domains.images.codec import Picture
from jiucom.errors import unavailable

# Uploads at a time: each holds up to 5 MB, twice while it is taken apart. More would not be decoded within the deadline.
MAX_UPLOADS = 8

# One picture is decoded at a time. By a thread of its own: it goes on when the request is cancelled, and the next one
# waits for its end.
_decoder = ThreadPoolExecutor(1, "decoder")

# What clients are told to wait for a place (s).
_RETRY = 2

_uploads = 0


@contextmanager
def admitted() -> Iterator[None]:
    """A place for one upload, held from before its body is read. Raises ApiError 503 when all are taken."""
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
