"""The root of the command line.

A command group is a module of this package that exposes `app`, a Typer; a single command exposes `app` too and is
listed as `command`. Groups are imported only when they are called, so that `casebus --help` stays quick.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.metadata
import sys
from typing import Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup
from typer.main import get_command

from schemas.errors import CasebusError
from services.cli.output import fail, say

INTERRUPTED = 130


class Part(NamedTuple):
    """One entry of the command line: the module that has it, and its one-line help."""

    module: str
    help: str


PARTS = {
    "demo": Part("demo", "The simulated city through an embedded node, console on 127.0.0.1."),
    "node": Part("node", "Run a node: up, status, token, activate."),
    "subscription": Part("subscription", "Subscriptions: list, approve, token, key."),
    "agency": Part("agency", "For publishing agencies: onboard, schema, publish, receipt, quality."),
    "dead-letter": Part("dead_letter", "Dead letters: list, show, redrive, close."),
    "subscribe": Part("subscribe", "Receive a subscription over HTTP and open what is sealed to it."),
    "worker": Part("worker", "Run a worker on Kafka: release, supervise."),
    "import": Part("importing", "History into a node's log, by a mapping file."),
    "simulate": Part("simulate", "Write a simulated city's events and its truth file."),
    "model": Part("model", "Supervision models: list, show, lint, test, backtest, explain."),
    "contract": Part("contract", "Contracts: lint, show, example, list."),
    "policy": Part("policy", "Policies: lint, test, explain."),
    "audit": Part("audit", "The audit log: verify, show, search, prove, export."),
    "officer": Part("officer", "The officer's desk of a running node, on record: search, export, verify."),
    "verify": Part("verifying", "Verify an evidence bundle: no network, no node, your own keys."),
    "witness": Part("witness", "Witnesses of audit logs: be one, ask one's own, check evidence of a fork."),
    "doctor": Part("doctor", "Check this machine and say what to mend."),
}


class LazyGroup(TyperGroup):
    """A group whose parts are imported when they are called."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the parts in the order of `PARTS`."""
        del ctx
        return list(PARTS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import the part that is called."""
        del ctx
        part = PARTS.get(cmd_name)
        if part is None:
            return None
        command = get_command(importlib.import_module(f"services.cli.{part.module}").app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the parts without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, part.help) for name, part in PARTS.items()])

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write plain help: a rich one would import every part."""
        self.format_usage(ctx, formatter)
        self.format_help_text(ctx, formatter)
        self.format_options(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Suggest the nearest name for a typing mistake."""
        if args and args[0] not in PARTS and not args[0].startswith("-"):
            near = difflib.get_close_matches(args[0], PARTS, n=1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the part; every failure of ours leaves with its documented exit code."""
        try:
            return super().invoke(ctx)
        except CasebusError as error:
            fail(error, as_json="--json" in sys.argv)
        except KeyboardInterrupt:
            say("casebus: interrupted; what was acknowledged is kept, run the same command again to go on")
            raise typer.Exit(INTERRUPTED) from None


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(value: bool) -> None:
    """Print the version and leave."""
    if value:
        typer.echo(f"casebus {importlib.metadata.version('casebus')}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=show_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """casebus: case events shared across agencies, each release decided, redacted and proved."""
    del version


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
