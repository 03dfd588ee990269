"""Sign-up, login, tokens, verification of addresses, forgotten passwords."""
