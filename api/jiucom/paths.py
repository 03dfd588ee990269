"""Where the API is mounted."""

CONTEXT_PATH = "/api/v1"
