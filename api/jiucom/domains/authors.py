"""How the account that wrote something is shown. Who withdrew keeps no name (contract 8.14)."""

# For queries that join `users`.
NICKNAME = "IF(users.is_deleted, '탈퇴한 사용자', users.nickname)"
