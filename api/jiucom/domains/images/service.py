"""Stores uploaded images."""

import hashlib
import logging
import secrets

import anyio.to_thread

from jiucom.auth.principal import Principal
from jiucom.db import WriteSession
from jiucom.domains.images import decoding, queries
from jiucom.domains.images.schemas import UploadedImage
from jiucom.domains.images.storage import Storage
from jiucom.errors import ApiError, ErrorCode
from jiucom.paths import CONTEXT_PATH
from jiucom.state import AppState

log = logging.getLogger(__name__)

QUOTA = 200 * 1024 * 1024


async def upload(app: AppState, user: Principal, data: bytes, directory: str) -> UploadedImage:
    """Check, re-encode and store. Raises ApiError IMG001, IMG003, 413, or IMG004 when the user's quota is used up."""
    picture = await decoding.reencode(data)
    storage = Storage(app.settings.storage_upload_dir)
    name = f"{secrets.token_hex(16)}.{picture.extension}"
    # The file first: a job removes files without a row, but a row without a file would be a dead link.
    try:
        await anyio.to_thread.run_sync(storage.write, directory, name, picture.data)
    except OSError as error:
        log.error("image not stored: %s", error)
        raise ApiError(ErrorCode.IMAGE_UPLOAD_FAILED) from error

    async def work(tx: WriteSession) -> None:
        await queries.lock_owner(tx, user.user_id)
        if await queries.bytes_of(tx, user.user_id) + len(picture.data) > QUOTA:
            raise ApiError(ErrorCode.IMAGE_QUOTA_EXCEEDED)
        await queries.insert(tx, user.user_id, directory, name, picture, hashlib.sha256(picture.data).hexdigest())

    try:
        await app.db.write(work)
    except ApiError:
        await anyio.to_thread.run_sync(storage.remove, directory, name)
        raise
    url = f"{CONTEXT_PATH}/images/{directory}/{name}"
    return UploadedImage(url, url, name)
