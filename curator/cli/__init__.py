"""The command line: one module a family of commands, all thin over the same parts as the app."""
