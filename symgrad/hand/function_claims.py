"""Whole functions as claims: the lines of a backward pass that somebody has as a function.

    def backward(x, y, C, W1, W2):      its arguments are names of the model
        ...
        return dC, dW1, dW2

A function that makes gradients and that nothing in the file calls stands for its lines.  What it returns is a claim
too: `return dW / n` is about dW, and so is the return of a function dW(do, h).  Any other function is the file's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .binding import Meaning, Names
from .statements import (
    Apply,
    Assign,
    Binary,
    Define,
    Expression,
    Name,
    Number,
    Return,
    Statement,
    Unary,
    Unread,
    assignments,
    names_in,
)
from .statements import Sequence as Listed


def unfolded(statements: Sequence[Statement], names: Names) -> tuple[Statement, ...]:
    """The statements with the lines of such functions in their place."""
    called = {node.function for statement in statements for node in statement.walk() if isinstance(node, Apply)}
    found: list[Statement] = []
    for statement in statements:
        if isinstance(statement, Define) and statement.name not in called:
            found += lines_of(statement, names)
        else:
            found.append(statement)
    return tuple(found)


def lines_of(function: Define, names: Names) -> Iterator[Statement]:
    """Its lines, or why they cannot be judged; the function itself where it makes no claim."""
    lines = (*function.body[:-1], *returned(function, names))
    made = tuple(line.name for line in assignments(lines))
    if not any(is_gradient(name, names) for name in made):
        yield function
        return
    reason = refusal(function, lines, names)
    if reason:
        yield Unread(reason, None, made, span=function.span)
    else:
        yield from lines


def refusal(function: Define, lines: Sequence[Statement], names: Names) -> str:
    """Why the lines cannot stand for the function."""
    if any(isinstance(node, Return) for line in lines for node in line.walk()):
        return f"{function.name} returns before its last line; what comes after would be judged as if it did not"
    read = frozenset().union(*(names_in(line) for line in lines))
    for name in function.parameters:
        if name in read and names.meaning(name) is None:
            return f"the argument {name} of {function.name} {names.unknown(name)}"
    return ""


def returned(function: Define, names: Names) -> Iterator[Statement]:
    """What is returned and is no plain name: of `dW / n`, that dW is this at last."""
    last = function.body[-1]
    assert isinstance(last, Return)
    made = {line.name for line in assignments(function.body[:-1]) if is_gradient(line.name, names)}
    for item in last.value.items if isinstance(last.value, Listed) else (last.value,):
        if isinstance(item, Name):
            continue
        name = function.name if item is last.value and is_gradient(function.name, names) else changed(item)
        if is_gradient(name, names):
            yield Assign(Name(name, span=item.span), "", item, span=item.span)
        elif made:
            reason = f"what {function.name} returns has no name; write a line before, dX = ..., and return dX"
            yield Unread(reason, None, span=item.span)


def changed(value: Expression) -> str:
    """The name of -dW, dW / n, dW + lam*W; empty for anything else."""
    match value:
        case Unary("-", Name(name)) | Binary("/" | "+" | "-", Name(name), _) | Binary("*", Name(name), Number()):
            return name
        case Binary("*", Number(), Name(name)) | Binary("+", _, Name(name)):
            return name
    return ""


def is_gradient(name: str, names: Names) -> bool:
    bound = names.meaning(name)
    return bound is not None and bound.meaning is Meaning.ADJOINT
