"""One module a command: add_arguments(parser) declares its arguments, run(args) gives its exit code."""
