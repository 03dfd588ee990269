"""Pictures from strangers: looked at before they are decoded, and written anew, so that nothing but pixels remains.

Blocks for up to a second: call it in a thread.
"""

import io
import warnings
from dataclasses import dataclass

from PIL import Image, ImageOps

from jiucom.errors import ApiError, ErrorCode

# A photograph of today; decoded it takes 4 bytes per pixel.
MAX_PIXELS = 25_000_000

# A scan of a progressive JPEG may take a few bytes and the time of the whole picture; ten are usual.
_MAX_SCANS = 100
_JPEG = b"\xff\xd8"
_SCAN = b"\xff\xda"

_FORMATS = ("JPEG", "PNG", "WEBP")
_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
_MODES = {"JPEG": {"L", "RGB"}, "PNG": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}, "WEBP": {"RGB", "RGBA"}}
_OPTIONS: dict[str, dict[str, int | bool]] = {
    "JPEG": {"quality": 88, "progressive": True},
    "PNG": {},
    "WEBP": {"quality": 88, "method": 3},
}

# Our limit is lower and is an error; the library's own would only be a line in the log.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of ours."""

    data: bytes
    content_type: str
    extension: str
    width: int
    height: int


def reencode(data: bytes) -> Picture:
    """The same picture, upright, without metadata and without whatever else the file carried.

    Raises ApiError: IMG003 for what is no JPEG, PNG or WebP (whatever its name or type say), 413 for too many pixels.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _too_large()
            if data.startswith(_JPEG) and data.count(_SCAN) > _MAX_SCANS:
                raise ApiError(ErrorCode.IMAGE_INVALID_TYPE)
            # A file of several JPEGs is shown as its first.
            format_ = opened.format if opened.format in _TYPES else "JPEG"
            return _written(ImageOps.exif_transpose(opened), str(format_))
    except Image.DecompressionBombError:
        raise _too_large() from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        OverflowError,
        ZeroDivisionError,
        IndexError,
        KeyError,
    ) as error:
        # What Pillow raises for files that are broken or only look like pictures.
        raise ApiError(ErrorCode.IMAGE_INVALID_TYPE) from error


def _written(picture: Image.Image, format_: str) -> Picture:
    if picture.mode not in _MODES[format_]:
        picture = picture.convert("RGBA" if picture.has_transparency_data and format_ != "JPEG" else "RGB")
    # A copy has the pixels (and the palette's transparency), and nothing else that a writer would keep.
    transparency = picture.info.get("transparency")
    picture = picture.copy()
    picture.info = {} if transparency is None else {"transparency": transparency}
    out = io.BytesIO()
    picture.save(out, format_, **_OPTIONS[format_])
    content_type, extension = _TYPES[format_]
    return Picture(out.getvalue(), content_type, extension, picture.width, picture.height)


def _too_large() -> ApiError:
    return ApiError(ErrorCode.PAYLOAD_TOO_LARGE, f"이미지는 {MAX_PIXELS:,}픽셀 이하여야 합니다.")
