"""The account of who is asking, and what is theirs: contract 2.2, 8.14."""
