"""The JIUCOM API: Starlette on MySQL and Redis."""
