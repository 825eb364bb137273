"""Help texts: Typer's plain ones, quickly, and with arguments written as in any manual (``EVIDENCE...``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.core import TyperCommand, TyperGroup

if TYPE_CHECKING:
    from typer._click import Context, HelpFormatter
    from typer.core import TyperOption


class PlainCommand(TyperCommand):
    """A command whose help has no ``{EVIDENCE}`` and no ``<list[Path]>``."""

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        return _without_coercion(super().get_help_option(ctx))

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            rows = []
            for parameter in self.get_params(ctx):
                record = parameter.get_help_record(ctx)
                if record is not None and parameter.param_type_name == kind:
                    name, text = record
                    rows.append((name.split(" ")[0] if kind == "argument" else name, text.replace("  [required]", "")))
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class PlainGroup(TyperGroup):
    """A group of commands."""

    def get_help_option(self, ctx: Context) -> TyperOption | None:
        return _without_coercion(super().get_help_option(ctx))


def _without_coercion(option: TyperOption | None) -> TyperOption | None:
    # Typer makes a Pydantic adapter for --help where it is not given (its default is None, no bool). That import takes
    # longer than all the rest of showing a help text.
    if option is not None:
        option.default = False
    return option
