"""The application: registers the commands and turns errors into words and exit codes."""

from __future__ import annotations

import io
import sys
import warnings
from typing import Annotated, NoReturn

import typer

from radtool.cli.compare_masks import compare_masks
from radtool.cli.console import EXIT_WRONG_USE, say
from radtool.cli.curate import curate
from radtool.cli.deidentify import deidentify
from radtool.cli.demo import demo
from radtool.cli.doctor import doctor
from radtool.cli.explore import explore
from radtool.cli.export import export
from radtool.cli.extract import extract
from radtool.cli.fuse import fuse
from radtool.cli.harmonize import harmonize
from radtool.cli.maps import maps
from radtool.cli.plan import plan
from radtool.cli.predict import predict
from radtool.cli.report import report
from radtool.cli.review import review, review_results
from radtool.cli.run import run
from radtool.cli.segment import segment
from radtool.cli.stability import stability
from radtool.cli.train import train
from radtool.cli.validate import validate
from radtool.errors import RadtoolError, RadtoolWarning

__all__ = ["app", "main"]

_HELP = (
    "Radiomics and outcome modelling: from scans and a spreadsheet of outcomes to an externally"
    " validated signature. For research use; not a medical device."
)
app = typer.Typer(
    name="radtool",
    help=_HELP,
    epilog=(
        "Exit codes: 0 done; 1 some cases failed and are named; 2 wrong use, or nothing could be"
        " done and the message says why; 130 stopped by Ctrl-C."
    ),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        say(f"radtool {version('radtool')}")
        raise typer.Exit


@app.callback(help=_HELP)
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, callback=_tell_version, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Nothing: the callback of the option does it."""


for name, command in (
    ("demo", demo),
    ("run", run),
    ("plan", plan),
    ("curate", curate),
    ("deidentify", deidentify),
    ("compare-masks", compare_masks),
    ("export", export),
    ("review", review),
    ("review-results", review_results),
    ("fuse", fuse),
    ("extract", extract),
    ("explore", explore),
    ("maps", maps),
    ("stability", stability),
    ("train", train),
    ("validate", validate),
    ("predict", predict),
    ("report", report),
    ("doctor", doctor),
):
    app.command(name)(command)
app.add_typer(segment, name="segment")
app.add_typer(harmonize, name="harmonize")


def main() -> None:
    """Run the command line; what radtool or the machine refuses ends in words and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a name that no terminal can show ends no run
            stream.reconfigure(errors="backslashreplace")
    warnings.formatwarning = _plain_warning
    try:
        app()
    except RadtoolError as error:
        _end(str(error))
    except OSError as error:  # disk full, no permission, a folder that is gone
        _end(": ".join(map(str, filter(None, (error.filename, error.strerror or error)))))
    except MemoryError as error:
        _end(f"not enough memory ({error}); fewer --jobs, or a larger machine".replace(" ()", ""))


def _plain_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,
) -> str:
    """Our own warnings without the line of code that gave them; all others with it."""
    if issubclass(category, RadtoolWarning):
        return f"radtool: warning: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


def _end(words: str) -> NoReturn:
    typer.echo(f"radtool: {words}", err=True)
    sys.exit(EXIT_WRONG_USE)
