"""The application: registers the commands and turns errors into words and exit codes."""

from __future__ import annotations

import sys

import typer

from radtool.cli.compare_masks import compare_masks
from radtool.cli.console import EXIT_WRONG_USE
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
from radtool.errors import RadtoolError

__all__ = ["app", "main"]

app = typer.Typer(
    name="radtool",
    help=(
        "Radiomics and outcome modelling: from scans and a spreadsheet of outcomes to an externally"
        " validated signature. For research use; not a medical device."
    ),
    epilog="Exit codes: 0 done, 1 some cases failed and are named, 2 wrong use.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
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
    """Run the command line; a RadtoolError ends it with its message and exit code 2."""
    try:
        app()
    except RadtoolError as error:
        typer.echo(f"radtool: {error}", err=True)
        sys.exit(EXIT_WRONG_USE)
