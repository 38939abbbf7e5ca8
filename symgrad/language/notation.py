"""Equations as text: `do[b,v] = (p[b,v] - [v == y[b]])/B`.

This is the one spelling used everywhere: `print(model)`, error messages, derivations and the comments of emitted files
(a test reads those back).  It keeps the order in which a term was built.
"""

from __future__ import annotations

from fractions import Fraction

from .algebra import factors_of, is_negative, negated, power, quotient
from .program import Equation, Item, Program, Recurrence, Role, Use
from .terms import Add, Call, Compare, Const, Index, Inverse, Mul, Pow, Read, Reduce, Size, Term, Where

# How tightly a form binds; an operand that binds more loosely than its place asks for gets parentheses.
LOOSE, SUM, PRODUCT, POWER, ATOM = range(5)


def text(term: Term) -> str:
    """The term in the notation above."""
    return render(term)[0]


def equation_text(equation: Equation) -> str:
    return f"{text(equation.left)} = {text(equation.body)}"


def program_text(program: Program) -> str:
    """A header of tensors, then the equations with their labels."""
    lines = [program.name]
    for role in Role:
        names = [declaration(tensor) for tensor in program.with_role(role)] if role is not Role.DEFINITION else []
        if names:
            lines.append(f"  {role.value + ('s' if role is not Role.TOKENS else ''):<12}{'   '.join(names)}")
    lines += item_lines(program.items, "  ")
    lines += [f"  {name}' = {new}" for name, new in program.updates.items()]
    lines += [f"  in evaluation {text(program.tensors[n].entry)} = {text(e)}" for n, e in program.evaluation.items()]
    return "\n".join(lines)


def declaration(tensor) -> str:
    """`W1 (H,N,D)`, for tokens what they stay below, `y (B) < V`, and for a mask `r (B,H) keep 0.9`."""
    shape = ",".join(text(extent) for extent in tensor.shape)
    more = f" < {text(tensor.vocabulary)}" if tensor.vocabulary is not None else ""
    more += f" keep {tensor.keep:g}" if tensor.keep is not None else ""
    return (f"{tensor.name} ({shape})" if tensor.indices else tensor.name) + more


def item_lines(items: tuple[Item, ...], indent: str) -> list[str]:
    lines = []
    for item in items:
        match item:
            case Equation():
                label = f"({item.label}) " if item.label else ""
                lines.append(f"{indent}{label}{equation_text(item)}")
            case Recurrence(index, inner, reverse):
                order = f"from {text(index.extent)}-1 down" if reverse else f"up to {text(index.extent)}-1"
                lines += [f"{indent}for {index.name} {order}:", *item_lines(inner, indent + "  ")]
            case Use(part, arguments, prefix):
                bound = ", ".join(f"{inner}={outer}" for inner, outer in arguments)
                lines.append(f"{indent}{prefix}* = {part.name}({bound})")
    return lines


def render(term: Term) -> tuple[str, int]:
    """The text and how tightly it binds."""
    match term:
        case Const(value):
            return render_number(value)
        case Size(name) | Index(name):
            return name, ATOM
        case Read(tensor, ()):
            return tensor, ATOM
        case Read(tensor, indices):
            return f"{tensor}[{','.join(text(index) for index in indices)}]", ATOM
        case Add(terms):
            return render_sum(terms), SUM
        case Mul(factors):
            return render_product(factors)
        case Pow(base, exponent):
            if is_negative(exponent):
                return f"1/{within(power(base, negated(exponent)), POWER)}", PRODUCT
            if exponent == Const(Fraction(1, 2)):
                return f"sqrt({text(base)})", ATOM
            return f"{within(base, ATOM)}**{within(exponent, POWER)}", POWER
        case Call("neg", (argument,)):
            return f"-{within(argument, PRODUCT)}", SUM
        case Call("floordiv", (left, right)):
            return f"{within(left, PRODUCT)}//{within(right, POWER)}", PRODUCT
        case Call("mod", (left, right)):
            return f"{within(left, PRODUCT)}%{within(right, POWER)}", PRODUCT
        case Call(function, ()):
            return function, ATOM
        case Call(function, arguments):
            return f"{function}({', '.join(text(argument) for argument in arguments)})", ATOM
        case Compare(relation, left, right):
            return f"[{text(left)} {relation} {text(right)}]", ATOM
        case Where(condition, then, other):
            return f"{within(then, SUM)} if {text(condition)} else {within(other, SUM)}", LOOSE
        case Reduce(op, indices, body):
            names = ",".join(index.name for index in indices)
            return f"{op}_{names} {within(body, PRODUCT)}", SUM
        case Inverse(indices, body, at):
            names = ",".join(index.name for index in indices)
            return f"inverse_{names}({text(body)})[{','.join(map(text, at))}]", ATOM
    raise TypeError(f"no notation for {type(term).__name__}")


def within(term: Term, place: int) -> str:
    written, binding = render(term)
    return written if binding >= place else f"({written})"


def render_number(value) -> tuple[str, int]:
    written = f"{value.numerator}/{value.denominator}" if isinstance(value, Fraction) else repr(value)
    if value < 0:
        return written, SUM
    return written, PRODUCT if isinstance(value, Fraction) else ATOM


def render_sum(terms: tuple[Term, ...]) -> str:
    # Positive terms are written first where the first would be negative: y - o, never -o + y.
    if is_negative(terms[0]):
        terms = tuple(sorted(terms, key=is_negative))
    written = within(terms[0], PRODUCT) if not is_negative(terms[0]) else render(terms[0])[0]
    for position, term in enumerate(terms[1:], 2):
        sign = "-" if is_negative(term) else "+"
        term = negated(term) if is_negative(term) else term
        # a reduction reaches as far right as it can: without parentheses only at the end
        open_ended = any(isinstance(factor, Reduce) for factor in factors_of(term))
        place = SUM if open_ended and position == len(terms) else PRODUCT
        body = within(term, place)
        written += f" {sign} {body}"
    return written


def render_product(factors: tuple[Term, ...]) -> tuple[str, int]:
    """Factors with a negative exponent go below one stroke; a reduction goes last, where it needs no parentheses."""
    sign, above, below = quotient(factors)
    above.sort(key=lambda factor: isinstance(factor, Reduce))
    last_is_open = isinstance(above[-1], Reduce) if above else False
    parts = [within(f, SUM if last_is_open and k == len(above) - 1 else POWER) for k, f in enumerate(above)]
    divisor = ""
    if below:
        divisor = within(below[0], POWER) if len(below) == 1 else f"({'*'.join(within(f, POWER) for f in below)})"
    if last_is_open:
        head = "*".join(parts[:-1])
        if not below:
            written = f"{head} * {parts[-1]}" if head else parts[-1]
        else:
            written = f"{head or '1'}/{divisor} * {parts[-1]}"
        return sign + written, SUM
    written = "*".join(parts) or "1"
    if below:
        written += f"/{divisor}"
    return sign + written, SUM if sign else PRODUCT
