"""What the tests of the API are built with: servers, applications, clients. Not part of the image."""
