"""The regular expression engine that pySigma checks rules with: RE2, as the SQL engine has it, and silent.

References:
    https://github.com/google/re2
"""

from __future__ import annotations

import re

import re2  # type: ignore[import-untyped]
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern

_FLAGS = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}


class InvalidExpression(Exception):
    """The expression is not valid RE2 (PCRE's lookaheads and backreferences are not)."""


class SilentRE2(RegexEngine):
    """RE2 that does not write each invalid expression to stderr, and can be copied; pySigma's own does neither."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        options = re2.Options()
        options.log_errors = False
        letters = "".join(letter for flag, letter in _FLAGS.items() if flags & flag)
        try:
            return re2.compile(f"(?{letters}){pattern}" if letters else pattern, options)  # type: ignore[no-any-return]
        except re2.error as error:
            message = error.args[0] if error.args else error
            raise InvalidExpression(
                message.decode("utf-8", "replace") if isinstance(message, bytes) else str(message)
            ) from error

    @property
    def error(self) -> type[Exception]:
        return InvalidExpression


#: How pySigma reads our rules: nothing outside the rule itself is looked at.
POLICY = SigmaPolicy(regex_engine=SilentRE2())
