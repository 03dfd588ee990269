"""Pictures from strangers: looked at before they are decoded, and written anew, so that nothing but pixels remains.

Blocks for up to three seconds: call it in a thread.
"""

import io
import logging
import warnings
from dataclasses import dataclass

from PIL import ExifTags, Image, ImageCms

from jiucom.errors import ApiError, ErrorCode

log = logging.getLogger(__name__)

# A photograph of today. The work takes 8 bytes per pixel of a JPEG or PNG at most, and 17 of a WebP (425 MB): its decoder
# keeps two canvases of its own.
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
    # From 2 on it takes nine times as long for a percent.
    "WEBP": {"quality": 88, "method": 1},
}

_SRGB = ImageCms.createProfile("sRGB")

# How a picture is turned that the camera says was taken lying on a side, or in a mirror.
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
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
        return _written(*_pixels(data))
    except Image.DecompressionBombError:
        raise _too_large() from None
    except ApiError:
        raise
    except Exception as error:
        # Files that are broken, or only look like pictures, make Pillow raise nearly anything.
        log.info("no picture: %s: %s", type(error).__name__, error)
        raise ApiError(ErrorCode.IMAGE_INVALID_TYPE) from error


def _pixels(data: bytes) -> tuple[Image.Image, str]:
    """The picture, upright, and its format. A copy: the opened file holds several times its pixels as long as it lives."""
    with Image.open(io.BytesIO(data), formats=_FORMATS) as opened:
        if opened.width * opened.height > MAX_PIXELS:
            raise _too_large()
        if data.startswith(_JPEG) and data.count(_SCAN) > _MAX_SCANS:
            raise ApiError(ErrorCode.IMAGE_INVALID_TYPE)
        # A file of several JPEGs is shown as its first.
        format_ = opened.format if opened.format in _TYPES else "JPEG"
        opened.load()
        turn = _turn(opened)
        return (opened.copy() if turn is None else opened.transpose(turn)), str(format_)


def _turn(picture: Image.Image) -> Image.Transpose | None:
    try:
        return _UPRIGHT.get(picture.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception as error:
        # Broken notes of a camera say nothing, and the picture is none the worse.
        log.debug("no orientation: %s: %s", type(error).__name__, error)
        return None


def _in_srgb(picture: Image.Image) -> Image.Image:
    """The picture in the colours that a file without a profile has: its own profile goes with the other metadata.

    Telephones use Display P3, printers CMYK. A broken profile, or one of another kind of picture, says nothing.
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
    # The palette's transparency belongs to the pixels. The rest is what a writer would keep.
    transparency = picture.info.get("transparency")
    picture.info = {} if transparency is None else {"transparency": transparency}
    out = io.BytesIO()
    picture.save(out, format_, **_OPTIONS[format_])
    content_type, extension = _TYPES[format_]
    return Picture(out.getvalue(), content_type, extension, picture.width, picture.height)


def _too_large() -> ApiError:
    return ApiError(ErrorCode.PAYLOAD_TOO_LARGE, f"이미지는 {MAX_PIXELS:,}픽셀 이하여야 합니다.")
