"""Nodes as one line of text with every parenthesis written, for tables of what a line is read as."""

from __future__ import annotations

from symgrad.hand.statements import (
    Apply,
    Binary,
    Chain,
    Choice,
    Comparison,
    Derivative,
    Item,
    Name,
    Node,
    Number,
    Reduction,
    Sequence,
    Slice,
    Total,
    Unary,
)


def spelled(node: Node) -> str:
    """`a b` is `beside`, D(L|W) a derivative, W[i] an Item."""
    match node:
        case Number(value):
            return str(value)
        case Name(name):
            return name
        case Unary(operator, operand):
            return f"({operator}{spelled(operand)})"
        case Binary("beside", left, right):
            return f"({spelled(left)} {spelled(right)})"
        case Binary(operator, left, right):
            return f"({spelled(left)}{operator}{spelled(right)})"
        case Comparison(operator, left, right):
            return f"[{spelled(left)} {operator} {spelled(right)}]"
        case Apply(function, arguments):
            return f"{function}({', '.join(map(spelled, arguments))})"
        case Item(array, places):
            return f"{spelled(array)}[{','.join(map(spelled, places))}]"
        case Total(indices, body, low, high):
            limits = "" if low is None or high is None else f"({spelled(low)}..{spelled(high)})"
            return f"sum_{','.join(indices)}{limits} {spelled(body)}"
        case Reduction(operator, indices, body):
            return f"{operator}_{','.join(indices)} {spelled(body)}"
        case Derivative(of, by):
            return f"D({spelled(of)}|{spelled(by)})"
        case Choice(condition, then, other):
            return f"({spelled(then)} if {spelled(condition)} else {spelled(other)})"
        case Sequence(items):
            return f"<{', '.join(map(spelled, items))}>"
        case Slice():
            return ":"
        case Chain(subject, sides):
            return " = ".join(map(spelled, (subject, *sides)))
    raise TypeError(f"{type(node).__name__} has no spelling here")
