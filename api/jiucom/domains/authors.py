"""The name shown for an author. Withdrawn accounts all have the same one."""

WITHDRAWN = "탈퇴한 사용자"

# For queries that join `users`.
NICKNAME = f"IF(users.is_deleted, '{WITHDRAWN}', users.nickname)"
