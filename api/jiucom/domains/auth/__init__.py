"""Sign-up, login, tokens, verification of addresses, forgotten passwords: contract 2.1, 8.9, 8.10."""
