"""What operators do by hand: each module is one command, with its arguments and what it does."""
