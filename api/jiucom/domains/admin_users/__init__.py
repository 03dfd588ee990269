"""Administration of accounts: contract 2.16."""
