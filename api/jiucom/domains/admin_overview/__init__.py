"""What administrators see first: how much there is, and what each day brought."""
