"""The domains: a folder each, with routes, schemas, service and queries."""
