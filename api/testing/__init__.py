"""Helpers of the API's tests: servers, applications, clients. Not part of the image."""
