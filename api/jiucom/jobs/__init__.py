"""Jobs that run on a schedule or by hand, in one process at a time; and the backlog of work that requests leave."""
