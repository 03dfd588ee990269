"""Parts a user keeps an eye on."""
