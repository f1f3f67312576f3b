"""The command line: one file per subcommand; the only place that prints or configures logging.

Each subcommand's module is imported only when it runs, so that `tuner --help` answers at once.
"""

from tuner.cli.main import main

__all__ = ["main"]
