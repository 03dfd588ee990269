"""How the account that wrote something is shown. Who withdrew keeps no name (contract 8.14)."""

WITHDRAWN = "탈퇴한 사용자"

# For queries that join `users`.
NICKNAME = f"IF(users.is_deleted, '{WITHDRAWN}', users.nickname)"
