"""The command line: one file per command; each parses, calls, prints and sets the exit code."""

from radtool.cli.app import app, main

__all__ = ["app", "main"]
