"""What runs by the clock, on one replica at a time, and by hand."""
