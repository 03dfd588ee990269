"""Every cache of the API: its name in the metrics, lifetime, and scope.

The values of a scope are invalidated together. The version of a scope is stored under `{scope}:version`. The braces are a
hash tag: all keys of a scope live on one node of a Redis cluster.
"""

from dataclasses import dataclass

# Longer than every entry and every load, so that a load that began before a change finds the new version (s).
VERSION_LIFETIME = 3600


@dataclass(frozen=True, slots=True)
class Entry:
    """One cache. `scope` and `suffix` are format strings for the arguments of a key."""

    name: str
    lifetime: int  # s
    scope: str
    suffix: str
    # Of what is stored. Raise it when that changes: while a version takes over, the one before reads and stores, too.
    schema: int = 1

    def key(self, *args: object) -> str:
        """The key of the value."""
        return f"{{{self.scope.format(*args)}}}:v{self.schema}:{self.suffix.format(*args)}"

    def scope_of(self, *args: object) -> str:
        """The scope of the value."""
        return self.scope.format(*args)


def version_key(scope: str) -> str:
    """The key of a scope's version."""
    return f"{{{scope}}}:version"


def part(part_id: int) -> str:
    """Scope of one part: details and prices."""
    return f"part:{part_id}"


def post(post_id: int) -> str:
    """Scope of one post with its comments."""
    return f"post:{post_id}"


# Scope of every list of posts.
POSTS = "posts"

PART_DETAIL = Entry("part_detail", 1800, "part:{0}", "detail")
PRICE_COMPARISON = Entry("price_comparison", 1800, "part:{0}", "prices")
# Not invalidated by price changes: averages of 30 days over all parts are expensive, and ten minutes old is new enough.
PRICE_DEALS = Entry("price_deals", 600, "deals", "{0}")
POST_DETAIL = Entry("post_detail", 600, "post:{0}", "detail")
POST_LIST = Entry("post_list", 300, "posts", "list:{0}:{1}:{2}")
# Shorter than the minute after which each replica reads it again.
BUSINESS_COUNTS = Entry("business_counts", 55, "business", "counts")
COMMENT_LIST = Entry("comment_list", 300, "post:{0}", "comments:{1}:{2}")


def database_position(user_id: int) -> str:
    """The key of what a user wrote last."""
    return f"{{position:user-{user_id}}}"
