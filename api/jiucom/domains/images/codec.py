"""Uploaded pictures: checked before they are decoded, and encoded anew, so that nothing but the pixels remains.

Blocks for up to three seconds: call it in a thread.
"""

import io
import logging
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image, ImageCms

from jiucom.errors import ApiError, ErrorCode

log = logging.getLogger(__name__)

# The size of present-day photographs. Decoding takes up to 8 bytes per pixel for JPEG and PNG, and 17 for WebP (425 MB), whose
# decoder keeps two more canvases.
MAX_PIXELS = 25_000_000

# Each scan of a progressive JPEG takes the time of the whole picture, however few bytes it has. Ten are usual.
_MAX_SCANS = 100
_JPEG = b"\xff\xd8"
_SCAN = b"\xff\xda"

_FORMATS = ("JPEG", "PNG", "WEBP")
_TYPES = {"JPEG": ("image/jpeg", "jpg"), "PNG": ("image/png", "png"), "WEBP": ("image/webp", "webp")}
_MODES = {"JPEG": {"L", "RGB"}, "PNG": {"1", "L", "LA", "P", "RGB", "RGBA", "I;16"}, "WEBP": {"RGB", "RGBA"}}
_OPTIONS: dict[str, dict[str, int | bool]] = {
    "JPEG": {"quality": 88, "progressive": True},
    "PNG": {},
    # Method 2 takes nine times as long and saves a percent.
    "WEBP": {"quality": 88, "method": 1},
}

_SRGB = ImageCms.createProfile("sRGB")

# EXIF orientation -> the transposition that makes the picture upright.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# Pillow only warns; MAX_PIXELS is lower, and an error.
warnings.simplefilter("ignore", Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Picture:
    """A re-encoded picture."""

    data: bytes
    content_type: str
    extension: str
    width: int
    height: int


def reencode(data: bytes) -> Picture:
    """The same picture, upright, without metadata or any other content of the file.

    Raises ApiError: IMG003 when it is not a JPEG, PNG or WebP, whatever its name or type; 413 for too many pixels.
    """
    try:
        return _written(*_pixels(data))
    except Image.DecompressionBombError:
        raise _too_large() from None
    except ApiError:
        raise
    except Exception as error:
        # For broken files Pillow raises all kinds of exceptions.
        log.info("not a picture: %s: %s", type(error).__name__, error)
        raise ApiError(ErrorCode.IMAGE_INVALID_TYPE) from error


def _pixels(data: bytes) -> tuple[Image.Image, str]:
    """The picture, upright, and its format. It is a copy: the opened file keeps several times as much memory."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise _too_large()
        if data.startswith(_JPEG) and data.count(_SCAN) > _MAX_SCANS:
            raise ApiError(ErrorCode.IMAGE_INVALID_TYPE)
        # Of a file with several JPEGs (MPO) the first one is used.
        format_ = opened.format if opened.format in _TYPES else "JPEG"
        opened.load()
        turn = _turn(opened)
        return (opened.copy() if turn is None else opened.transpose(turn)), str(format_)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:
        # Broken metadata is ignored.
        log.debug("no orientation: %s: %s", type(error).__name__, error)
        return None


def _in_srgb(picture: Image.Image) -> Image.Image:
    """The picture converted to sRGB, since its colour profile is removed with the other metadata.

    Phones use Display P3, print uses CMYK. A broken profile, or one for another kind of picture, is ignored.
    """
    profile = picture.info.get("icc_profile")
    if not profile:
        return picture
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "sRGB" in ImageCms.getProfileDescription(source):
            return picture
        match source.profile.xcolor_space.strip(), picture.mode:
            case "RGB", "RGB" | "RGBA" | "P":
                shown = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
                ImageCms.profileToProfile(shown, source, _SRGB, inPlace=True)
                return shown
            case "CMYK", "CMYK":
                return ImageCms.profileToProfile(picture, source, _SRGB, outputMode="RGB") or picture
            case "GRAY", "L" | "LA":
                grey = ImageCms.profileToProfile(picture.getchannel("L"), source, _SRGB, outputMode="RGB")
                if grey is not None and picture.mode == "LA":
                    return Image.merge("LA", (grey.convert("L"), picture.getchannel("A")))
                return picture if grey is None else grey.convert("L")
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        log.debug("no profile: %s: %s", type(error).__name__, error)
    return picture


def _written(picture: Image.Image, format_: str) -> Picture:
    picture = _in_srgb(picture)
    if picture.mode not in _MODES[format_]:
        picture = picture.convert("RGBA" if picture.has_transparency_data and format_ != "JPEG" else "RGB")
    # The transparency of a palette belongs to the pixels; Pillow would write the rest into the file.
    transparency = picture.info.get("transparency")
    picture.info = {} if transparency is None else {"transparency": transparency}
    out = io.BytesIO()
    picture.save(out, format_, **_OPTIONS[format_])
    content_type, extension = _TYPES[format_]
    return Picture(out.getvalue(), content_type, extension, picture.width, picture.height)


def _too_large() -> ApiError:
    return ApiError(ErrorCode.PAYLOAD_TOO_LARGE, f"이미지는 {MAX_PIXELS:,}픽셀 이하여야 합니다.")
