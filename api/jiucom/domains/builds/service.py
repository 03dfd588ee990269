"""Builds: lists, views, changes, sharing, compatibility."""

import secrets
from collections.abc import Awaitable, Callable, Collection, Sequence

import msgspec

from jiucom.auth.principal import Principal
from jiucom.db import ReadSession, WriteSession
from jiucom.domains.builds import compatible, lines, queries
from jiucom.domains.builds.schemas import (
    BuildCheck,
    BuildCreate,
    BuildDetail,
    BuildItem,
    BuildQuery,
    BuildShare,
    BuildUpdate,
    ChosenPart,
    Compatibility,
    Row,
)
from jiucom.errors import ApiError, ErrorCode, FieldError, found
from jiucom.paths import CONTEXT_PATH
from jiucom.state import AppState
from jiucom.web import Page, PageQuery

# Too long to guess.
_TOKEN_BYTES = 24

_COPY = " (복사본)"
_NAME_LENGTH = 100


async def list_public(app: AppState, query: BuildQuery) -> Page[BuildItem]:
    """One page of the public builds."""
    return await _page(app, query, lambda session: queries.page(session, query), "builds", queries.count_public)


async def list_popular(app: AppState, query: PageQuery) -> Page[BuildItem]:
    """One page of the public builds, most liked first."""
    return await _page(app, query, lambda session: queries.popular(session, query), "builds", queries.count_public)


async def list_templates(app: AppState, query: PageQuery) -> Page[BuildItem]:
    """One page of the templates."""
    return await _page(
        app, query, lambda session: queries.templates(session, query), "templates", queries.count_templates
    )


async def list_own(app: AppState, owner: Principal, query: PageQuery) -> Page[BuildItem]:
    """One page of the caller's builds, private ones too."""
    async with app.db.read() as session:
        content = await queries.of_owner(session, owner.user_id, query)
        return Page.of(content, query, await queries.count_of_owner(session, owner.user_id))


async def get(app: AppState, viewer: Principal | None, build_id: int) -> BuildDetail:
    """A build, with the view counted. Raises B001."""
    async with app.db.read() as session:
        build = await _detail(session, await queries.by_id(session, build_id, _id(viewer)))
    return await _seen(app, build, viewer)


async def get_shared(app: AppState, viewer: Principal | None, token: str) -> BuildDetail:
    """The build with a share token, with the view counted. Raises B001."""
    # The column is ASCII: comparing it with another character would be an error.
    if not token.isascii():
        raise ApiError(ErrorCode.BUILD_NOT_FOUND)
    async with app.db.read() as session:
        build = await _detail(session, await queries.by_token(session, token))
    return await _seen(app, build, viewer)


async def get_compatibility(app: AppState, viewer: Principal | None, build_id: int) -> Compatibility:
    """The findings about a build. Raises B001."""
    async with app.db.read() as session:
        build = found(await queries.by_id(session, build_id, _id(viewer)), ErrorCode.BUILD_NOT_FOUND)
        return compatible.of_lines(await lines.of_build(session, build.id))


async def check(app: AppState, request: BuildCheck) -> Compatibility:
    """The findings about parts that are not saved. Raises P001."""
    wanted = _merged(request.parts)
    async with app.db.read() as session:
        parts = await lines.parts(session, wanted)
    _check_all_there(request.parts, {part.id for part in parts})
    return compatible.check(
        compatible.line_of(part.id, part.name, part.category, part.specs, wanted[part.id]) for part in parts
    )


async def create(app: AppState, owner: Principal, build: BuildCreate) -> BuildDetail:
    """A new build, at today's prices. Raises P001."""

    async def work(session: WriteSession) -> BuildDetail:
        build_id = await queries.insert(session, owner.user_id, build.name, build.description, build.is_public)
        await _set_parts(session, build_id, build.parts)
        return await _detail(session, await queries.by_id(session, build_id, owner.user_id))

    return await app.db.write(work)


async def update(app: AppState, owner: Principal, build_id: int, changes: BuildUpdate) -> BuildDetail:
    """The changed build. Raises B001, A002, P001."""

    async def work(session: WriteSession) -> BuildDetail:
        if not await queries.update(session, build_id, owner.user_id, changes):
            raise await _not_own_error(session, build_id, owner)
        if changes.parts is not None:
            await _set_parts(session, build_id, changes.parts)
        return await _detail(session, await queries.by_id(session, build_id, owner.user_id))

    return await app.db.write(work)


async def delete(app: AppState, owner: Principal, build_id: int) -> None:
    """Delete the caller's build. Raises B001, A002."""

    async def work(session: WriteSession) -> None:
        if not await queries.delete(session, build_id, owner.user_id):
            raise await _not_own_error(session, build_id, owner)

    await app.db.write(work)


async def clone(app: AppState, owner: Principal, build_id: int) -> BuildDetail:
    """A private copy of a build that the caller may see, of parts that still exist, at today's prices.

    Raises B001, and P001 when no part is left.
    """

    async def work(session: WriteSession) -> BuildDetail:
        original = found(await queries.by_id(session, build_id, owner.user_id), ErrorCode.BUILD_NOT_FOUND)
        name = original.name[: _NAME_LENGTH - len(_COPY)] + _COPY
        copy_id = await queries.insert(session, owner.user_id, name, original.description, False)
        if not await lines.copy(session, copy_id, original.id):
            raise ApiError(ErrorCode.PART_NOT_FOUND, "복사할 수 있는 부품이 남아 있지 않습니다.")
        await queries.set_total(session, copy_id)
        return await _detail(session, await queries.by_id(session, copy_id, owner.user_id))

    return await app.db.write(work)


async def share(app: AppState, owner: Principal, build_id: int) -> BuildShare:
    """A link to the caller's build, public or not; the same one until it is withdrawn. Raises B001, A002."""

    async def work(session: WriteSession) -> str:
        held = await queries.share(session, build_id, owner.user_id, secrets.token_urlsafe(_TOKEN_BYTES))
        if held is None:
            raise await _not_own_error(session, build_id, owner)
        return held

    token = await app.db.write(work)
    return BuildShare(token, f"{app.settings.public_url.rstrip('/')}{CONTEXT_PATH}/builds/shared/{token}")


async def unshare(app: AppState, owner: Principal, build_id: int) -> None:
    """Withdraw the link, if there is one. Raises B001, A002."""

    async def work(session: WriteSession) -> None:
        if not await queries.unshare(session, build_id, owner.user_id):
            raise await _not_own_error(session, build_id, owner)

    await app.db.write(work)


async def _page(
    app: AppState,
    query: PageQuery,
    read: Callable[[ReadSession], Awaitable[list[BuildItem]]],
    name: str,
    count: Callable[[ReadSession], Awaitable[int]],
) -> Page[BuildItem]:
    async with app.db.read() as session:
        content = await read(session)
        total = await app.totals.of(name, lambda: count(session))
    return Page.of(content, query, total)


async def _seen(app: AppState, build: BuildDetail, viewer: Principal | None) -> BuildDetail:
    """Count a view of the build. Views by the owner do not count."""
    if _id(viewer) == build.owner_id:
        return build

    async def write(more: int) -> int:
        return await app.db.write(lambda session: queries.count_views(session, build.id, more), one_statement=True)

    views = await app.views.count(("builds", build.id), write)
    if not views:
        raise ApiError(ErrorCode.BUILD_NOT_FOUND)
    return msgspec.structs.replace(build, view_count=views)


async def _set_parts(session: WriteSession, build_id: int, chosen: Sequence[ChosenPart]) -> None:
    """Make `chosen` the parts of the build. Lines that stay as they are keep their price. Raises P001."""
    wanted = _merged(chosen)
    present = await lines.quantities(session, build_id)
    if present.keys() - wanted.keys():
        await lines.keep_only(session, build_id, wanted)
    if changed := {part: pieces for part, pieces in wanted.items() if present.get(part) != pieces}:
        await lines.put(session, build_id, changed)
    result = await lines.quantities(session, build_id)
    _check_all_there(chosen, {part for part, pieces in result.items() if wanted[part] == pieces})
    await queries.set_total(session, build_id)


def _merged(chosen: Sequence[ChosenPart]) -> dict[int, int]:
    """The quantities by part: a part chosen twice is one line."""
    quantities: dict[int, int] = {}
    for part in chosen:
        quantities[part.part_id] = quantities.get(part.part_id, 0) + part.quantity
    return quantities


def _check_all_there(chosen: Sequence[ChosenPart], there: Collection[int]) -> None:
    missing = [
        FieldError(f"parts[{n}].partId", ErrorCode.PART_NOT_FOUND.message)
        for n, part in enumerate(chosen)
        if part.part_id not in there
    ]
    if missing:
        raise ApiError(ErrorCode.PART_NOT_FOUND, errors=missing)


async def _detail(session: ReadSession, build: Row | None) -> BuildDetail:
    build = found(build, ErrorCode.BUILD_NOT_FOUND)
    parts = await lines.of_build(session, build.id)
    checked = compatible.of_lines(parts)
    return BuildDetail(
        id=build.id,
        name=build.name,
        description=build.description,
        total_price=build.total_price,
        is_public=build.is_public,
        view_count=build.view_count,
        like_count=build.like_count,
        owner_nickname=build.owner_nickname,
        owner_id=build.owner_id,
        parts=parts,
        compatibility_warnings=checked.compatibility_warnings,
        compatibility_findings=checked.compatibility_findings,
        created_at=build.created_at,
        updated_at=build.updated_at,
    )


async def _not_own_error(session: ReadSession, build_id: int, caller: Principal) -> ApiError:
    """The error when a build is not the caller's: A002 if the caller may see it, else B001."""
    seen = await queries.by_id(session, build_id, caller.user_id)
    return ApiError(ErrorCode.FORBIDDEN if seen else ErrorCode.BUILD_NOT_FOUND)


def _id(viewer: Principal | None) -> int:
    return viewer.user_id if viewer else 0
