"""Authentication: tokens, principals, accounts, passwords."""
