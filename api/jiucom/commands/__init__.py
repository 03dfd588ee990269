"""Commands for operators: each module has the help, the arguments and the function of one command."""
