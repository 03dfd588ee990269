"""What the platform knows about computers and words: pure functions, no input or output."""
