"""Images: accepted and refused uploads, and how images are served."""

import asyncio
import io
import struct
import threading
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, PngImagePlugin

from jiucom.auth.principal import Principal
from jiucom.domains.images import codec, decoding, service
from jiucom.domains.images.codec import MAX_PIXELS
from jiucom.domains.images.upload import MAX_BYTES
from jiucom.state import AppState
from testing import icc
from testing.clients import User
from testing.waiting import eventually

pytestmark = pytest.mark.anyio


def picture(format_: str = "PNG", size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, "red").save(out, format_, **options)
    return out.getvalue()


def stored(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_file()}


async def upload(
    user: User, data: bytes, name: str = "그림.png", type_: str = "image/png", **form: str
) -> httpx.Response:
    return await user.client.post("/images/upload", files={"file": (name, data, type_)}, data=form)


def path_of(response: httpx.Response) -> str:
    assert response.status_code == 200, response.text
    url: str = response.json()["data"]["url"]
    return url.removeprefix("/api/v1")


@pytest.mark.parametrize(
    ("format_", "type_", "extension"),
    [("JPEG", "image/jpeg", "jpg"), ("PNG", "image/png", "png"), ("WEBP", "image/webp", "webp")],
)
async def test_upload_and_download(
    client: httpx.AsyncClient, user: User, format_: str, type_: str, extension: str
) -> None:
    response = await upload(user, picture(format_), directory="posts")
    data = response.json()["data"]
    assert data["imageUrl"] == data["url"] == f"/api/v1/images/posts/{data['filename']}"
    assert data["filename"].endswith(f".{extension}")
    shown = await client.get(path_of(response))
    assert (shown.status_code, shown.headers["content-type"]) == (200, type_)
    assert shown.headers["cache-control"] == "public, max-age=86400"
    assert shown.headers["x-content-type-options"] == "nosniff"
    with Image.open(io.BytesIO(shown.content)) as opened:
        assert (opened.format, opened.size) == (format_, (40, 20))


async def test_not_modified(client: httpx.AsyncClient, user: User) -> None:
    path = path_of(await upload(user, picture()))
    etag = (await client.get(path)).headers["etag"]
    for sent in (etag, f'"other", W/{etag}', "*"):
        response = await client.get(path, headers={"If-None-Match": sent})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    assert (await client.get(path, headers={"If-None-Match": '"other"'})).status_code == 200
    head = await client.head(path)
    assert (head.status_code, head.content) == (200, b"")


async def test_the_bytes_decide_not_the_name(client: httpx.AsyncClient, user: User) -> None:
    response = await upload(user, picture("WEBP"), "evil.php", "image/gif")
    assert response.json()["data"]["filename"].endswith(".webp")


async def test_metadata_and_trailing_bytes_are_removed(client: httpx.AsyncClient, user: User) -> None:
    exif = Image.Exif()
    exif[0x010E] = "secret place"
    exif[0x0112] = 6
    jpeg = picture("JPEG", exif=exif.tobytes(), comment=b"secret comment") + b"<script>secret tail</script>"
    shown = (await client.get(path_of(await upload(user, jpeg)))).content
    assert b"secret" not in shown
    with Image.open(io.BytesIO(shown)) as opened:
        # Upright now: the orientation was the only thing worth keeping.
        assert (opened.size, dict(opened.getexif())) == ((20, 40), {})
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "secret note")
    shown = (await client.get(path_of(await upload(user, picture(pnginfo=notes))))).content
    assert b"secret" not in shown


# A head of EXIF without anything below it.
BROKEN_EXIF = b"MM\0*"
# Two entries: a description that is a number (such a note cannot be written back), and an orientation.
ODD_EXIF = (
    BROKEN_EXIF
    + struct.pack(">IH", 8, 2)
    + struct.pack(">HHIf", 0x010E, 11, 1, 1.5)
    + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0)
    + struct.pack(">I", 0)
)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_with_exif(exif: bytes) -> bytes:
    plain = picture()
    head = plain.index(b"IHDR") + 4 + 13 + 4
    return plain[:head] + chunk(b"eXIf", exif) + plain[head:]


@pytest.mark.parametrize(
    ("data", "size"),
    [
        (png_with_exif(BROKEN_EXIF), (40, 20)),
        (picture("WEBP", exif=BROKEN_EXIF), (40, 20)),
        (picture("JPEG", dpi=(72, 72), exif=b"Exif\0\0" + BROKEN_EXIF), (40, 20)),
        (picture("JPEG", dpi=(72, 72), exif=b"Exif\0\0" + ODD_EXIF), (20, 40)),
    ],
    ids=["PNG", "WebP", "JPEG", "number for a text"],
)
async def test_broken_metadata_does_not_matter(
    client: httpx.AsyncClient, user: User, data: bytes, size: tuple[int, int]
) -> None:
    shown = await client.get(path_of(await upload(user, data)))
    with Image.open(io.BytesIO(shown.content)) as opened:
        assert opened.size == size


@pytest.mark.parametrize(
    ("format_", "mode"), [("JPEG", "CMYK"), ("PNG", "P"), ("PNG", "RGBA"), ("PNG", "I;16"), ("WEBP", "RGBA")]
)
async def test_every_kind_of_pixel(client: httpx.AsyncClient, user: User, format_: str, mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (8, 8)).save(out, format_)
    assert (await client.get(path_of(await upload(user, out.getvalue())))).status_code == 200


@pytest.mark.parametrize(
    "data",
    [
        picture("GIF"),
        picture("BMP"),
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a<?php system($_GET[0]); ?>",
        b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
        picture("PNG")[:60],
        picture("JPEG", (400, 400))[:500],
        b"plain text",
    ],
)
async def test_other_files_than_pictures_are_refused(user: User, data: bytes) -> None:
    response = await upload(user, data)
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-IMG003")


async def test_empty(user: User) -> None:
    response = await upload(user, b"")
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-IMG002")


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few hundred bytes that would be `width` x `height` pixels."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("side", [5_001, 12_000, 60_000])
async def test_decompression_bombs(user: User, side: int) -> None:
    assert side * side > MAX_PIXELS
    response = await upload(user, bomb(side, side))
    assert (response.status_code, response.json()["code"]) == (413, "JIUCOM-413")


async def test_a_jpeg_of_endless_scans(user: User) -> None:
    """Each repetition of a scan costs a few bytes here and a pass over the whole picture there."""
    jpeg = picture("JPEG", (4000, 4000), progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    scan = jpeg[last:-2]
    bomb = jpeg[:last] + scan * 3000 + jpeg[-2:]
    assert len(bomb) < MAX_BYTES
    async with asyncio.timeout(3):
        response = await upload(user, bomb)
    assert (response.status_code, response.json()["code"]) == (400, "JIUCOM-IMG003")


async def test_too_many_bytes(user: User) -> None:
    exact = picture() + b"\0" * (MAX_BYTES - len(picture()))
    assert (await upload(user, exact)).status_code == 200
    response = await upload(user, exact + b"\0")
    assert (response.status_code, response.json()["code"]) == (413, "JIUCOM-413")


async def test_too_many_bytes_are_not_read(user: User) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        while sent < 100 * MAX_BYTES:
            sent += 1 << 20
            yield b"\0" * (1 << 20)

    response = await user.client.post(
        "/images/upload", content=endless(), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert response.status_code == 413
    assert sent < 2 * MAX_BYTES


@pytest.mark.parametrize("directory", ["../../etc", "..", "/etc", "posts/../..", "unknown", "Posts"])
async def test_directories_are_a_closed_list(user: User, directory: str) -> None:
    response = await upload(user, picture(), directory=directory)
    assert (response.status_code, response.json()["errors"][0]["field"]) == (400, "directory")


async def test_wrong_bodies(user: User) -> None:
    post = user.client.post
    assert (await post("/images/upload", json={})).status_code == 415
    assert (await post("/images/upload")).status_code == 415
    response = await post("/images/upload", files={"other": b"x"})
    assert (response.status_code, response.json()["errors"]) == (400, [{"field": "file", "message": "필수 값입니다"}])
    response = await post("/images/upload", data={"file": "text"}, files={"x": b""})
    assert response.json()["errors"][0]["field"] == "file"
    for content, boundary in ((b"garbage", "x"), (b"--x\r\nContent-Disposition: nonsense\r\n\r\n", "x"), (b"--x", "")):
        kind = f"multipart/form-data; boundary={boundary}" if boundary else "multipart/form-data"
        response = await post("/images/upload", content=content, headers={"Content-Type": kind})
        assert response.status_code == 400


async def test_uploading_needs_a_login(client: httpx.AsyncClient) -> None:
    response = await client.post("/images/upload", files={"file": ("a.png", picture(), "image/png")})
    assert (response.status_code, response.json()["code"]) == (401, "JIUCOM-A001")


@pytest.mark.parametrize(
    "path",
    [
        "/images/posts/" + "0" * 32 + ".png",
        "/images/posts/..%2f..%2fetc%2fpasswd",
        "/images/..%2f..%2fetc/passwd",
        "/images/etc/passwd",
        "/images/posts/.%00.png",
    ],
)
async def test_unknown_images_are_404(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code in (400, 404)
    assert response.json()["success"] is False


async def test_quota(state: AppState, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(state.settings.storage_upload_dir)
    first = path_of(await upload(user, picture()))
    size = (root / first.removeprefix("/images/")).stat().st_size
    monkeypatch.setattr(service, "QUOTA", 2 * size)
    assert (await upload(user, picture())).status_code == 200
    files = stored(root)
    response = await upload(user, picture())
    assert (response.status_code, response.json()["code"]) == (409, "JIUCOM-IMG004")
    # Nothing of the refused one stays.
    assert stored(root) == files


async def test_quota_of_parallel_uploads(state: AppState, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each upload counts the others."""
    noise = Image.effect_noise((300, 300), 90)
    out = io.BytesIO()
    noise.save(out, "PNG")
    first = path_of(await upload(user, out.getvalue()))
    size = (Path(state.settings.storage_upload_dir) / first.removeprefix("/images/")).stat().st_size
    monkeypatch.setattr(service, "QUOTA", 3 * size)
    statuses = [each.status_code for each in await asyncio.gather(*(upload(user, out.getvalue()) for _ in range(8)))]
    assert sorted(statuses) == [200] * 2 + [409] * 6


async def test_one_picture_is_decoded_at_a_time(state: AppState, user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when the request of the first one was cancelled: its thread goes on."""
    reencode, busy, most = codec.reencode, 0, 0
    started, go_on = threading.Event(), threading.Event()

    def watched(data: bytes) -> codec.Picture:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        started.set()
        go_on.wait(5)
        busy -= 1
        return reencode(data)

    monkeypatch.setattr(codec, "reencode", watched)
    principal = Principal(user.id, "USER", "", 0)
    cut_off = asyncio.create_task(service.upload(state, principal, picture(), "posts"))
    await eventually(started.is_set)
    cut_off.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cut_off
    second = asyncio.create_task(service.upload(state, principal, picture(), "posts"))
    # Time enough for a second thread, were there one.
    await asyncio.wait({second}, timeout=0.2)
    go_on.set()
    await second
    assert most == 1


class Slow:
    """Uploads that have begun to send and wait."""

    def __init__(self) -> None:
        self.arrived, self.go_on = 0, asyncio.Event()

    async def body(self) -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        self.arrived += 1
        await self.go_on.wait()
        yield picture() + b"\r\n--x--\r\n"

    def send(self, user: User) -> asyncio.Task[httpx.Response]:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        return asyncio.create_task(user.client.post("/images/upload", content=self.body(), headers=headers))


async def test_slow_uploads_do_not_block_other_users(make_user: Callable[..., Awaitable[User]]) -> None:
    slow, others = Slow(), [await make_user() for _ in range(decoding.MAX_UPLOADS)]
    inside = [slow.send(user) for user in others for _ in range(2)]
    await eventually(lambda: slow.arrived == len(inside) > decoding.MAX_UPLOADS)
    assert (await upload(await make_user(), picture())).status_code == 200
    slow.go_on.set()
    answers = [(await each).status_code for each in inside]
    # Sent at the same moment, some of them find the decoder's places taken.
    assert set(answers) <= {200, 503}
    assert answers.count(200) >= decoding.MAX_UPLOADS


async def test_of_one_user_few_bodies_are_read_at_a_time(user: User) -> None:
    """The one too many is told so before it is read."""
    slow = Slow()
    inside = [slow.send(user) for _ in range(decoding.MAX_BODIES_OF_USER)]
    await eventually(lambda: slow.arrived == len(inside))
    refused = await slow.send(user)
    assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "JIUCOM-503", "2")
    assert slow.arrived == len(inside)
    slow.go_on.set()
    assert {(await each).status_code for each in inside} == {200}
    assert (await upload(user, picture())).status_code == 200


async def test_bodies_of_all_users_together_are_bounded(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_BODIES", 1)
    slow = Slow()
    inside = slow.send(user)
    await eventually(lambda: slow.arrived)
    assert (await upload(user, picture())).status_code == 503
    slow.go_on.set()
    assert (await inside).status_code == 200


async def test_more_uploads_than_can_be_decoded_are_refused(user: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_UPLOADS", 0)
    refused = await upload(user, picture())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    ("origin", "elsewhere"),
    [("http://testserver", False), ("https://testserver", False), ("https://shop.example", True), ("null", True),
     ("http://testserver:5173", True)],
)  # fmt: skip
async def test_pages_of_other_origins_get_the_whole_address(
    client: httpx.AsyncClient, user: User, state: AppState, origin: str, elsewhere: bool
) -> None:
    files = {"file": ("그림.png", picture(), "image/png")}
    response = await user.client.post("/images/upload", files=files, headers={"Origin": origin})
    data = response.json()["data"]
    path = f"/api/v1/images/general/{data['filename']}"
    assert data["imageUrl"] == data["url"] == (state.settings.public_url if elsewhere else "") + path
    assert (await client.get(path.removeprefix("/api/v1"))).status_code == 200


@pytest.mark.parametrize(
    ("formats", "mode", "colour", "profile", "shown"),
    [
        ("JPEG PNG WEBP", "RGB", (200, 120, 60), icc.display_p3(), (213, 115, 42)),
        ("PNG WEBP", "RGBA", (200, 120, 60, 77), icc.display_p3(), (213, 115, 42, 77)),
        ("PNG", "P", (200, 120, 60), icc.display_p3(), (213, 115, 42)),
        ("JPEG PNG", "L", 128, icc.linear_grey(), (188, 188, 188)),
        ("PNG", "LA", (128, 77), icc.linear_grey(), (188, 188, 188, 77)),
        ("JPEG", "CMYK", (200, 120, 60, 0), icc.grey_inks(), (119, 119, 119)),
        # Profiles that say nothing about the picture.
        ("JPEG PNG WEBP", "RGB", (200, 120, 60), icc.linear_grey(), (200, 120, 60)),
        ("JPEG PNG WEBP", "RGB", (200, 120, 60), b"no profile" * 20, (200, 120, 60)),
        ("JPEG PNG", "L", 128, icc.display_p3(), (128, 128, 128)),
        ("JPEG PNG WEBP", "RGB", (200, 120, 60), None, (200, 120, 60)),
    ],
)
def test_colours_are_those_that_the_profile_means(
    formats: str, mode: str, colour: Any, profile: bytes | None, shown: tuple[int, ...]
) -> None:
    """Without its profile a photograph of a telephone would be paler than it was."""
    options: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95}}
    for format_ in formats.split():
        made = Image.new("RGB", (32, 32), colour).quantize(2) if mode == "P" else Image.new(mode, (32, 32), colour)
        out = io.BytesIO()
        made.save(out, format_, icc_profile=profile, **options.get(format_, {}))
        again = Image.open(io.BytesIO(codec.reencode(out.getvalue()).data))
        assert "icc_profile" not in again.info
        found = again.convert("RGBA" if len(shown) == 4 else "RGB").getpixel((16, 16))
        assert isinstance(found, tuple)
        assert max(abs(one - other) for one, other in zip(found, shown, strict=True)) <= 3, format_
