"""Who is asking: tokens, principals, accounts."""
