"""Which source gives which image: looks and asks, changes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.jiucom.platform.plugins.module_utils.images import registry as answers
from ansible_collections.jiucom.platform.plugins.module_utils.images.host import RECIPE_LABEL, Host, Image, image
from ansible_collections.jiucom.platform.plugins.module_utils.images.registry import Registry, advice
from ansible_collections.jiucom.platform.plugins.module_utils.images.rules import rule
from ansible_collections.jiucom.platform.plugins.module_utils.images.suites import Suites
from ansible_collections.jiucom.platform.plugins.module_utils.images.wanted import Recipe, Wanted
from ansible_collections.jiucom.platform.plugins.module_utils.references import behind, parse, same

# An image whose registry has to be waited for keeps no other waiting.
_SIDE_BY_SIDE = 12


@dataclass
class Choice:
    """The source that was chosen for an image. `done` says that the host has what it gives; `faults` why there is no source."""

    name: str
    source: str = ""
    reference: str = ""
    product: str = ""
    version: str = ""
    id: str = ""
    # By which a registry knows it; empty for what was built here or came from an archive.
    digest: str = ""
    # Built by a recipe, here or elsewhere.
    packaged: bool = False
    done: bool = False
    # The archive, where that is the source.
    file: str = ""
    note: str = ""
    faults: list[str] = field(default_factory=list)


class RefusedError(Exception):
    """A source does not give an image."""


class FinalError(RefusedError):
    """A source has the image and cannot give it now: none may stand in for it."""


def packaged_name(prefix: str, recipe: Recipe, base: str) -> str:
    """Return the reference of what a recipe builds; `base` is the fingerprint of the image that it is built on, if any."""
    content = hashlib.sha256(f"{recipe.checksum}{base}".encode()).hexdigest()
    return f"{prefix}{recipe.name}:{content[:12]}"


class Planner:
    """Chooses a source for each image."""

    def __init__(
        self,
        host: Host,
        registry: Registry,
        suites: Suites,
        archives: Mapping[str, Mapping[str, Any]],
        *,
        image_prefix: str,
        registry_prefix: str = "",
        believe_registry: bool = False,
        refresh: bool = False,
    ) -> None:
        self.host, self.registry, self.suites, self.archives = host, registry, suites, archives
        self.image_prefix, self.registry_prefix = image_prefix, registry_prefix
        self.believe_registry, self.refresh = believe_registry or not host.answers, refresh
        self.choices: dict[str, Choice] = {}

    def plan(self, table: Iterable[Wanted]) -> dict[str, Choice]:
        """Choose for all images; what is built on another image comes after it."""
        table = list(table)
        for later in (False, True):
            part = [wanted for wanted in table if bool(wanted.recipe and wanted.recipe.base) == later]
            with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
                for choice in pool.map(self.choose, part):
                    self.choices[choice.name] = choice
        return {wanted.name: self.choices[wanted.name] for wanted in table}

    def choose(self, wanted: Wanted) -> Choice:
        """Choose the first source that gives the image, or something that may stand for it."""
        faults = []
        for source in self._sources(wanted):
            try:
                return getattr(self, f"_from_{source}")(wanted)  # type: ignore[no-any-return]
            except FinalError as refusal:
                faults.append(f"{source}: {refusal}")
                break
            except RefusedError as refusal:
                faults.append(f"{source}: {refusal}")
        return Choice(wanted.name, reference=wanted.reference, faults=faults)

    def _sources(self, wanted: Wanted) -> tuple[str, ...]:
        """Return the sources to try. To refresh an image means to take it again from where its kind comes from."""
        if not self.refresh or "present" not in wanted.sources:
            return wanted.sources
        try:
            here = self._from_present(wanted)
        except RefusedError:
            return wanted.sources
        again = "packages" if here.packaged else "registry"
        fixed = "@" in here.reference or again not in wanted.sources
        return ("present",) if fixed else (again,)

    def _official(self, wanted: Wanted) -> list[str]:
        """Return the references under which a registry may have the image."""
        return behind(self.registry_prefix, wanted.reference, self.host.default_registry) if wanted.reference else []

    def _packaged(self, wanted: Wanted) -> str:
        """Return the reference of the recipe's image; empty without a recipe, or while its base is not known yet."""
        recipe = wanted.recipe
        if not recipe:
            return ""
        base = ""
        if recipe.base:
            below = self._image_of(self.choices.get(recipe.base))
            if not below:
                return ""
            base = below.fingerprint
        return packaged_name(self.image_prefix, recipe, base)

    def _image_of(self, choice: Choice | None) -> Image | None:
        """Return the image of a choice, as far as it can be looked at before it is brought."""
        if not choice or (self.refresh and not choice.done):
            return None
        if choice.file:
            return self._held(choice.reference)[1]
        return self.host.find(choice.reference) if choice.done else None

    def _held(self, reference: str) -> tuple[str, Image | None]:
        """Return the archive that holds a reference, and the image in it."""
        for path, archive in self.archives.items():
            for entry in archive["images"]:
                names = [name for name in entry["names"] if same(name, reference, self.host.default_registry)]
                if names:
                    return path, image("", names, entry["config"], entry["layers"])
        return "", None

    def _candidates(self, wanted: Wanted) -> list[tuple[str, bool]]:
        """Return every reference under which the image may be found, and whether a recipe built it."""
        bare = [str(parse(wanted.reference, self.host.default_registry))] if wanted.reference else []
        official = list(dict.fromkeys([*self._official(wanted), *bare]))
        packaged = self._packaged(wanted)
        return [(reference, False) for reference in official] + ([(packaged, True)] if packaged else [])

    def _judge(self, wanted: Wanted, source: str, reference: str, packaged: bool, found: Image | None) -> Choice:
        """Make the choice of an image, if its product, release line and data allow it. Raises RefusedError."""
        recipe = wanted.recipe
        if found:
            if packaged and recipe and not self._built_by(found, reference):
                raise RefusedError(f"{reference} was built by hand, not by the recipe")
            product, version = found.describe(wanted.name, "" if packaged else parse(wanted.reference).version)
        elif packaged and recipe:
            product, version = recipe.product, recipe.line
        else:
            product, version = wanted.name, parse(wanted.reference).version
        ruling = rule(wanted, product, version, official=not packaged)
        if ruling.fault:
            raise RefusedError(f"{reference}: {ruling.fault}" if source == "present" else ruling.fault)
        # A recipe's line is no version that could be recorded.
        known = version if found or not packaged else ""
        return Choice(wanted.name, source, reference, product, known, packaged=packaged, note=ruling.note)

    def _built_by(self, found: Image, reference: str) -> bool:
        """Whether an image under a recipe's name was built by it: the label holds the name's checksum."""
        return found.labels.get(RECIPE_LABEL, "") == reference.rpartition(":")[2]

    def _done(self, choice: Choice, found: Image) -> Choice:
        choice.done, choice.id, choice.digest = True, found.id, found.digest(choice.reference)
        return choice

    def _from_present(self, wanted: Wanted) -> Choice:
        faults = []
        for reference, packaged in self._candidates(wanted):
            found = self.host.find(reference)
            if found:
                try:
                    return self._done(self._judge(wanted, "present", reference, packaged, found), found)
                except RefusedError as refusal:
                    faults.append(str(refusal))
        raise RefusedError("; ".join(faults) or "not on the host")

    def _from_archive(self, wanted: Wanted) -> Choice:
        faults = []
        for reference, packaged in self._candidates(wanted):
            path, held = self._held(reference)
            if held:
                try:
                    listed = str(parse(held.names[0], self.host.default_registry))
                    choice = self._judge(wanted, "archive", listed, packaged, held)
                except RefusedError as refusal:
                    faults.append(f"{path}: {refusal}")
                    continue
                choice.file = path
                found = self.host.find(choice.reference)
                if found and found.fingerprint == held.fingerprint:
                    return self._done(choice, found)
                return choice
        save = f"docker save -o {wanted.name}.tar {wanted.reference or self._packaged(wanted)}"
        raise RefusedError(
            "; ".join(faults)
            or f"in no archive of images_archive_dir, or of the bundle; on a host that has it, type: {save}"
        )

    def _from_registry(self, wanted: Wanted) -> Choice:
        references = self._official(wanted)
        if not references:
            raise RefusedError("no registry has it")
        if not self.refresh:
            for reference in references:
                found = self.host.find(reference)
                if found:
                    return self._done(self._judge(wanted, "registry", reference, False, found), found)
        reference = references[0] if self.believe_registry else self._asked(references)
        return self._judge(wanted, "registry", reference, False, None)

    def _asked(self, references: list[str]) -> str:
        """Return the reference that the registry has, or that only a pull can tell about. Raises RefusedError."""
        said = [(reference, self.registry.ask(reference)) for reference in references[:1]]
        if said[0][1].verdict in (answers.ABSENT, answers.LOCKED):
            said += [(reference, self.registry.ask(reference)) for reference in references[1:]]
        for verdict in (answers.GIVEN, answers.LATER, answers.FAILED, answers.LOCKED):
            for reference, answer in said:
                if answer.verdict == verdict and verdict in (answers.LATER, answers.FAILED):
                    raise FinalError(advice(answer, reference, self.registry_prefix))
                if answer.verdict == verdict:
                    return reference
        reference, answer = said[0]
        raise RefusedError(advice(answer, reference, self.registry_prefix))

    def _from_packages(self, wanted: Wanted) -> Choice:
        recipe = wanted.recipe
        if not recipe:
            raise RefusedError(f"there is no recipe files/images/{wanted.name}/Dockerfile")
        reference = self._packaged(wanted)
        found = None if self.refresh else self.host.find(reference)
        if found and self._built_by(found, reference):
            return self._done(self._judge(wanted, "packages", reference, True, found), found)
        # While its base is not there, the name is not known: this one says at least what it will be.
        choice = self._judge(wanted, "packages", reference or packaged_name(self.image_prefix, recipe, ""), True, None)
        fault = recipe.fault or (self.suites.fault(recipe.suite) if recipe.suite else self._base_fault(recipe))
        if fault:
            raise RefusedError(fault)
        if found:
            choice.note = ", ".join(
                filter(None, (choice.note, "in place of one that was built by hand under this name"))
            )
        return choice

    def _base_fault(self, recipe: Recipe) -> str:
        below = self.choices.get(recipe.base)
        return "" if below and below.source else f"it is built on {recipe.base}, which no source gives"
