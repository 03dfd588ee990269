"""Bringing the planned images to the host: pulls, loads and builds, side by side."""

from __future__ import annotations

import functools
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from ansible_collections.jiucom.platform.plugins.module_utils.images.build import Builder
from ansible_collections.jiucom.platform.plugins.module_utils.images.host import Host, Image
from ansible_collections.jiucom.platform.plugins.module_utils.images.jobs import Job, run
from ansible_collections.jiucom.platform.plugins.module_utils.images.plan import Choice, packaged_name
from ansible_collections.jiucom.platform.plugins.module_utils.images.registry import (
    GIVEN,
    LATER,
    PAUSES,
    UNREACHABLE,
    Answer,
    advice,
    classify,
    patient,
)
from ansible_collections.jiucom.platform.plugins.module_utils.images.rules import rule
from ansible_collections.jiucom.platform.plugins.module_utils.images.suites import Suites
from ansible_collections.jiucom.platform.plugins.module_utils.images.wanted import Recipe, Wanted
from ansible_collections.jiucom.platform.plugins.module_utils.references import parse

# Pulls wait for the network, builds for the processor and Debian's mirror.
_LANES = {"bring": 6, "build": 2}
# The plan has just seen the registry: what is out of reach now gets the time of what is busy.
_PAUSES = {LATER: PAUSES[LATER], UNREACHABLE: PAUSES[LATER]}


class ObtainError(Exception):
    """A source did not give what was planned."""


class Obtainer:
    """Brings what a plan has chosen. A source that fails ends the run: no other source takes its place here."""

    def __init__(
        self,
        host: Host,
        table: Mapping[str, Wanted],
        choices: Mapping[str, Choice],
        suites: Suites,
        builder: Builder,
        *,
        registry_prefix: str = "",
        place: Callable[[str], str] = str,
    ) -> None:
        self.host, self.table, self.choices = host, table, choices
        self.suites, self.builder, self.registry_prefix = suites, builder, registry_prefix
        # Where on this host a file of the control node lies.
        self.place = place
        self.changed: list[str] = []
        self.seconds: dict[str, float] = {}

    def run(self) -> list[str]:
        """Bring everything; returns a line for each image and source that failed."""
        jobs = {job.name: job for choice in self.choices.values() if not choice.done for job in self._jobs(choice)}
        outcome = run(jobs.values(), _LANES)
        self.seconds = outcome.seconds
        return [f"{name}: {fault}" for name, fault in outcome.failed.items()]

    def _jobs(self, choice: Choice) -> Iterator[Job]:
        """Yield the jobs that bring an image; several images may share one."""
        recipe = self.table[choice.name].recipe
        if choice.source == "packages" and recipe:
            yield from self._builds(choice, recipe)
        elif choice.source == "archive":
            load = f"archive {choice.file}"
            yield Job(load, "bring", functools.partial(self._load, choice.file))
            yield Job(f"{choice.name}: archive", "bring", self._bringing(choice), frozenset([load]))
        else:
            yield Job(f"{choice.name}: registry", "bring", self._bringing(choice, self._pull))

    def _builds(self, choice: Choice, recipe: Recipe) -> Iterator[Job]:
        below = f"base: Debian {recipe.suite}"
        needs = {f"{recipe.base}: {source}" for source in ("registry", "archive", "packages")} | {below}
        if recipe.suite and (self.builder.anew or not self.host.find(self.builder.base_name(recipe.suite))):
            yield Job(below, "build", functools.partial(self._base, recipe.suite))
        build = functools.partial(self._build, recipe)
        yield Job(f"{choice.name}: packages", "build", self._bringing(choice, build), frozenset(needs))

    def _bringing(self, choice: Choice, bring: Callable[[Choice], None] | None = None) -> Callable[[], None]:
        """Make a job of an image: bring it, and see whether it is what was wanted."""
        before = self.host.find(choice.reference)

        def job() -> None:
            if bring:
                bring(choice)
            found = self.host.find(choice.reference)
            if not found:
                raise ObtainError(f"{choice.reference} came, but Docker does not list it")
            self._check(choice, found)
            if not before or before.id != found.id:
                self.changed.append(choice.name)

        return job

    def _check(self, choice: Choice, found: Image) -> None:
        """Hold what came against the rules: now its version is known for certain."""
        wanted = self.table[choice.name]
        promised = parse(wanted.reference).version if wanted.reference and not choice.packaged else ""
        choice.product, choice.version = found.describe(choice.name, promised)
        ruling = rule(wanted, choice.product, choice.version, official=not choice.packaged)
        if ruling.fault:
            raise ObtainError(f"{choice.reference}: {ruling.fault}")
        choice.done, choice.id, choice.note = True, found.id, ruling.note
        choice.digest = found.digest(choice.reference)

    def _pull(self, choice: Choice) -> None:
        """Pull with the host's own client, which knows what `docker login` has left."""

        def attempt() -> Answer:
            command = ["docker", "pull", "--quiet", choice.reference]
            pull = subprocess.run(command, capture_output=True, text=True, check=False)
            return Answer(GIVEN) if pull.returncode == 0 else classify(500, " ".join(pull.stderr.split()))

        answer = patient(attempt, _PAUSES)
        if answer.verdict != GIVEN:
            raise ObtainError(advice(answer, choice.reference, self.registry_prefix))

    def _load(self, path: str) -> None:
        place = self.place(path)
        load = subprocess.run(["docker", "load", "--input", place], capture_output=True, text=True, check=False)
        if place != path:
            Path(place).unlink(missing_ok=True)
        if load.returncode:
            raise ObtainError(f"docker load: {load.stderr.strip()}")

    def _base(self, suite: str) -> None:
        release = self.suites.find(suite)
        if release.fault:
            raise ObtainError(release.fault)
        self.builder.base(suite, release.mirror)

    def _build(self, recipe: Recipe, choice: Choice) -> None:
        base = self.choices[recipe.base].reference if recipe.base else self.builder.base_name(recipe.suite)
        if recipe.base:
            below = self.host.find(base)
            if not below:
                raise ObtainError(f"{base}, on which it is built, is not there")
            choice.reference = packaged_name(self.builder.image_prefix, recipe, below.fingerprint)
            if not self.builder.anew and self.host.find(choice.reference):
                return
        self.builder.image(recipe, choice.reference, base)
