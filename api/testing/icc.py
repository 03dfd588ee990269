"""Colour profiles (ICC version 2), generated, since published files are copyrighted."""

import struct

# Colorants of the red, green and blue of Display P3, adapted to D50.
_P3 = ((0.51512, 0.2412, -0.00105), (0.29198, 0.69225, 0.04189), (0.1571, 0.06657, 0.78407))
_D50 = (0.9642, 1.0, 0.8249)


def display_p3() -> bytes:
    """The profile of a phone camera (Display P3)."""
    colorants = zip((b"rXYZ", b"gXYZ", b"bXYZ"), map(_xyz, _P3), strict=True)
    return _profile(
        b"RGB ", "Display P3", [*colorants, *((name, _srgb_curve()) for name in (b"rTRC", b"gTRC", b"bTRC"))]
    )


def linear_grey() -> bytes:
    """Linear grey."""
    return _profile(b"GRAY", "Linear grey", [(b"kTRC", b"curv" + bytes(4) + struct.pack(">IH", 1, 256))])


def grey_inks() -> bytes:
    """A printer whose inks are all of the same middle grey, and black only where all of them lie on each other."""
    identity = bytes(range(256))
    head = b"mft1" + bytes(4) + bytes((4, 3, 2, 0)) + b"".join(_fixed(float(n % 4 == 0)) for n in range(9))
    table = head + identity * 4 + bytes((128, 128, 128)) * 15 + bytes((0, 128, 128)) + identity * 3
    return _profile(b"CMYK", "Grey inks", [(b"A2B0", table)], b"Lab ")


def _profile(space: bytes, name: str, tags: list[tuple[bytes, bytes]], connection: bytes = b"XYZ ") -> bytes:
    text = name.encode() + b"\0"
    description = b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78)
    tags = [(b"desc", description), (b"cprt", b"text" + bytes(4) + b"none\0"), (b"wtpt", _xyz(_D50)), *tags]
    offset, table, data = 132 + 12 * len(tags), b"", b""
    for signature, content in tags:
        table += signature + struct.pack(">II", offset + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    header = struct.pack(">I4xI", offset + len(data), 0x02400000) + b"mntr" + space + connection + bytes(12) + b"acsp"
    header += bytes(28) + b"".join(map(_fixed, _D50))
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def _xyz(values: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(map(_fixed, values))


def _srgb_curve() -> bytes:
    values = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    return b"para" + bytes(4) + struct.pack(">HH", 3, 0) + b"".join(map(_fixed, values))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))
