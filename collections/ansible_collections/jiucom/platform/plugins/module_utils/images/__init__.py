"""The images of the platform: what is wanted, which source gives it, and bringing it to the host."""
