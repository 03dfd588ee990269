"""What the API is about: one folder each, with the same four files (routes, schemas, service, queries)."""
