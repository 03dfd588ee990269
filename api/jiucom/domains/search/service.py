"""Search and suggestions."""

from jiucom.domains.posts import queries as posts
from jiucom.domains.search import queries
from jiucom.domains.search.schemas import Hits, SearchQuery, Suggestions
from jiucom.rules.search_terms import plan
from jiucom.state import AppState

_SUGGESTIONS = 5


async def search(app: AppState, query: SearchQuery) -> Hits:
    """The first hits of each kind; without words, everything."""
    meant = plan(query.keyword)
    async with app.db.search() as session:
        indexed = query.wants("POST") and await posts.indexed(session, app.totals, meant)
        return Hits(
            parts=await queries.parts(session, meant, query.limit) if query.wants("PART") else [],
            posts=await queries.posts(session, meant, query.limit, indexed=indexed) if query.wants("POST") else [],
            builds=await queries.builds(session, meant, query.limit) if query.wants("BUILD") else [],
        )


async def suggest(app: AppState, keyword: str) -> Suggestions:
    """Texts that begin with the keyword; none for a blank one."""
    prefix = keyword.strip()
    if not prefix:
        return Suggestions([], [], [])
    async with app.db.read() as session:
        names = await queries.part_names(session, prefix, _SUGGESTIONS)
        titles = await queries.post_titles(session, prefix, _SUGGESTIONS)
    return Suggestions(names, titles, list(dict.fromkeys(names + titles)))
