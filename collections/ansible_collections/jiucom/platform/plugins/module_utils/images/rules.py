"""The rules by which an image may stand for the wanted one: its product, its release line, and the data that is there."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.jiucom.platform.plugins.module_utils.images.wanted import Wanted
from ansible_collections.jiucom.platform.plugins.module_utils.references import parse
from ansible_collections.jiucom.platform.plugins.module_utils.versions import numbers, same_line, version_fault


@dataclass(frozen=True)
class Ruling:
    """Whether an image may be used: `fault` says why not, `note` what the operator should know."""

    fault: str = ""
    note: str = ""


def is_asked(wanted: Wanted, product: str, version: str, official: bool) -> bool:
    """Whether an image is of the product and the release line that were asked for.

    A digest asks for the official image itself, and where no tag stands beside it, names no version.
    """
    if not wanted.reference:
        return True
    if product != wanted.name:
        return False
    asked = parse(wanted.reference).version
    if parse(wanted.reference).digest and not official:
        return False
    if official and (not asked or not numbers(version)):
        return True
    return same_line(asked, version, wanted.parts)


def is_allowed(wanted: Wanted, product: str, version: str) -> bool:
    """Whether the inventory allows this product, and this line where it names one, in the place of the wanted image."""
    allowed, _, line = wanted.substitute.strip().partition(" ")
    wanted_numbers = numbers(line)
    return bool(allowed) and product == allowed and numbers(version)[: len(wanted_numbers)] == wanted_numbers


def data_fault(wanted: Wanted, product: str, version: str, asked: bool) -> str:
    """Say why an image may not open the data that is there; empty when it may, or when it cannot be known."""
    if not wanted.has_data or not wanted.written:
        return ""
    head, blank, tail = wanted.written.rpartition(" ")
    writer, old = (head, tail) if blank else ("", wanted.written)
    if writer and writer != product:
        return "" if asked else f"the data was written by {wanted.written}"
    remedy = f"set platform_images_overrides.{wanted.name}.ref to an image that can, or back up, remove the volume and restore"
    if not asked and not same_line(old, version, min(wanted.parts, len(numbers(version)))):
        return f"the data was written by version {old}, and a substitute upgrades none; {remedy}"
    # A recipe's line, such as 7, says less than the version of what wrote the data, and is compared for what it says.
    known = numbers(old)[: len(numbers(version))]
    fault = version_fault(".".join(map(str, known)), version, wanted.lines) if version else ""
    return f"the data was written by version {old}: {fault}; {remedy}" if fault else ""


def rule(wanted: Wanted, product: str, version: str, official: bool) -> Ruling:
    """Decide whether an image may stand for the wanted one. `official` says that its name is the reference asked for."""
    asked = is_asked(wanted, product, version, official)
    what = f"{product} {version}".strip()
    if not asked and not is_allowed(wanted, product, version):
        line = ".".join(map(str, numbers(version)[: wanted.parts if product == wanted.name else 0]))
        value = f"{product} {line}".strip()
        return Ruling(
            f"it is {what}, and {wanted.reference} was asked for; to take it, set images_substitutes: "
            f"{{{wanted.name}: {value}}}"
        )
    fault = data_fault(wanted, product, version, asked)
    if fault:
        return Ruling(f"{what}: {fault}")
    if wanted.has_data and not (wanted.written and numbers(version)):
        unknown = "which version wrote it" if not wanted.written else f"the version of {wanted.reference}"
        return Ruling(note=f"there is data, and {unknown} is not known: nothing says whether it can be read")
    if not asked:
        return Ruling(note=f"{what} in place of {wanted.reference} (images_substitutes)")
    return Ruling()
