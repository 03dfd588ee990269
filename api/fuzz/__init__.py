"""The OpenAPI document as a source of requests: schemathesis makes them, a real server answers them."""
