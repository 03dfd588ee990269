"""Comments: the threads of a post, and their authors' changes."""

from jiucom.domains.comments import service
from jiucom.domains.comments.schemas import Comment, CommentCreate, CommentPage, CommentQuery, CommentUpdate
from jiucom.errors import ErrorCode
from jiucom.state import Context
from jiucom.web import Id, Json, endpoint

_TAG = "Comment"
_OWN = [ErrorCode.COMMENT_NOT_FOUND, ErrorCode.COMMENT_NOT_AUTHOR]


@endpoint("GET", "/posts/{postId}/comments", tag=_TAG)
async def list_comments(ctx: Context, post_id: Id, query: CommentQuery) -> Json[CommentPage]:
    """댓글 목록

    첫 댓글을 오래된 순으로 나누고, 그 아래의 답글을 깊이와 관계없이 replies에 함께 보낸다. 답글이 2,000개 또는 512KB를 넘으면
    repliesAfter에 마지막 답글의 id가 온다. 같은 페이지를 그 값으로 다시 요청하면 나머지를 이어서 보낸다.
    """
    return await service.list_threads(ctx.app, post_id, query)


@endpoint(
    "POST",
    "/posts/{postId}/comments",
    tag=_TAG,
    auth="user",
    status=201,
    errors=[ErrorCode.POST_NOT_FOUND, ErrorCode.COMMENT_NOT_FOUND],
)
async def create_comment(ctx: Context, post_id: Id, body: CommentCreate) -> Comment:
    """댓글 작성

    글쓴이와, 답글이면 그 댓글을 쓴 사람에게 알린다.
    """
    return await service.create(ctx.app, ctx.user, post_id, body)


@endpoint("PUT", "/comments/{commentId}", tag=_TAG, auth="user", errors=_OWN)
async def update_comment(ctx: Context, comment_id: Id, body: CommentUpdate) -> Comment:
    """댓글 수정"""
    return await service.update(ctx.app, ctx.user, comment_id, body)


@endpoint("DELETE", "/comments/{commentId}", tag=_TAG, auth="user", errors=_OWN)
async def delete_comment(ctx: Context, comment_id: Id) -> None:
    """댓글 삭제

    답글이 있으면 자리는 남는다.
    """
    await service.delete(ctx.app, ctx.user, comment_id)


@endpoint("DELETE", "/admin/comments/{commentId}", tag="Admin", auth="admin", errors=[ErrorCode.COMMENT_NOT_FOUND])
async def moderate_comment(ctx: Context, comment_id: Id) -> None:
    """댓글 삭제 (관리자)

    감사 기록에 남는다.
    """
    await service.moderate(ctx.app, ctx.user, comment_id, ctx.client_address)
