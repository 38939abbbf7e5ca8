"""What elementary functions have in common, as forms that comparison rests on; arguments are normal already.

    exp(a + 2*b)       exp(a)*exp(b)**2             log(x*y)          log(x) + log(y), both positive
    tanh(-a)           -tanh(a)                     cosh(a)**-2       1 - tanh(a)**2
    max(a, b)          b + (a - b)*[b < a]          sqrt(x)**3        x**(3/2)
    [2*x < 4*y]        [0 < 2*y - x]                [0 < exp(z)*x]    [0 < x]
    (2*x + 2*y)**-1    (x + y)**-1 / 2              sqrt(x**2)        |x|

Each holds wherever both sides are defined and finite.  The result is a sum of products of parts that are in their form.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import floor

from ..language.algebra import (
    ZERO,
    add,
    coefficient,
    comparable,
    construct,
    factors_of,
    mul,
    negated,
    power,
    subtract,
    terms_of,
)
from ..language.functions import STOP_GRADIENT
from ..language.rewriting import canonical, rebuild, repr_key
from ..language.terms import MINUS_ONE, ONE, Add, Call, Compare, Const, Index, Mul, Pow, Reduce, Size, Term

ODD = ("tanh", "sinh", "sin", "tan", "asin", "atan", "erf", "sign")
EVEN = ("cos", "cosh", "abs")
HYPERBOLIC = ("tanh", "sinh", "cosh")
LARGEST_PRIME = 1000
Sum = Callable[[Term], Term]


# -- powers --------------------------------------------------------------------------------------------------------


def power_form(base: Term, exponent: Term) -> Term:
    """base**exponent, with what can stand alone outside."""
    if not isinstance(exponent, Const):
        return power(base, exponent)
    n = Fraction(exponent.value)
    match base:
        case Const():
            return number_power(base, n)
        case Mul(factors):
            outside = [factor for factor in factors if n.denominator == 1 or is_positive(factor)]
            inside = [factor for factor in factors if not any(factor is other for other in outside)]
            if n.denominator > 1 and inside and isinstance(inside[0], Const):
                outside.append(negated(inside[0]))
                inside[0] = MINUS_ONE
            rest = [power_of(mul(*inside), n)] if len(inside) > 1 else [power_form(one, exponent) for one in inside]
            return mul(*(power_form(factor, Const(n)) for factor in outside), *rest)
        case Add():
            return sum_power(base, n)
        case Pow(inner, Const(k)):
            k = Fraction(k)
            if n.denominator > 1 and k.numerator % 2 == 0 and k.denominator == 1 and not is_positive(inner):
                return power_of(Call("abs", (inner,)), k * n)
            return power_form(inner, Const(k * n))
        case Call("cosh", (argument,)) if n.denominator == 1 and n < 0 and n % 2 == 0:
            return power_of(subtract(ONE, power(Call("tanh", (argument,)), Const(2))), -n / 2)
        case Compare() if n > 0:
            return base
    return power_of(base, n)


def power_of(base: Term, exponent: Fraction) -> Term:
    if exponent == 0 or base == ONE:
        return ONE
    return base if exponent == 1 else Pow(base, Const(exponent))


def number_power(base: Const, n: Fraction) -> Term:
    """2**(3/2) is 2*2**(1/2): primes to exponents below 1."""
    if n.denominator == 1 or base.value <= 0:
        return power(base, Const(n))
    value = Fraction(base.value)
    whole, roots = Fraction(1), []
    for number, sign in ((value.numerator, 1), (value.denominator, -1)):
        for prime, times in primes(number):
            exponent = n * times * sign
            whole *= Fraction(prime) ** floor(exponent)
            roots.append(power_of(Const(prime), exponent - floor(exponent)))
    return mul(Const(whole), *roots)


def primes(number: int) -> Iterator[tuple[int, int]]:
    """(p, times) with the product number; the last p is not prime where its primes are large."""
    for p in range(2, LARGEST_PRIME):
        times = 0
        while number % p == 0:
            number, times = number // p, times + 1
        if times:
            yield p, times
    if number > 1:
        yield number, 1


def sum_power(base: Add, n: Fraction) -> Term:
    """A sum to a power, with what all its terms share outside and its first coefficient 1."""
    if n.denominator == 1 and n > 0:
        return power_of(base, n)
    shared = [(atom, k) for atom, k in shared_powers(base) if n.denominator == 1 or is_positive(atom)]
    lead = min((coefficient(term) for term in base.terms if not isinstance(term, Const)), key=lambda c: key(c[1]))
    number = Fraction(lead[0]) if n.denominator == 1 else abs(Fraction(lead[0]))
    divisor = [power_of(atom, -k) for atom, k in shared]
    rest = add(*(mul(Const(1 / number), term, *divisor) for term in base.terms))
    outside = [power_form(power_of(atom, k), Const(n)) for atom, k in shared]
    kept = power_of(rest, n) if isinstance(rest, Add) else power_form(rest, Const(n))
    return mul(number_power(Const(number), n), *outside, kept)


def shared_powers(base: Add) -> Iterator[tuple[Term, Fraction]]:
    """The factors that divide every term, and those that some divide by: x*y + x/z shares x and z**-1."""
    tables = [dict(powers(term)) for term in base.terms]
    for atom in dict.fromkeys(atom for table in tables for atom in table):
        least = min(table.get(atom, Fraction(0)) for table in tables)
        if least and not isinstance(atom, Compare | Add):
            yield atom, least


def powers(term: Term) -> Iterator[tuple[Term, Fraction]]:
    for factor in factors_of(term):
        if isinstance(factor, Pow) and isinstance(factor.exponent, Const):
            yield comparable(factor.base), Fraction(factor.exponent.value)
        elif not isinstance(factor, Const):
            yield comparable(factor), Fraction(1)


def square_form(factor: Term) -> tuple[Term, Term] | None:
    """(kept, sum) with the factor their product, where the sum is still to be expanded; None where nothing is."""
    match factor:
        case Add() | Reduce("sum"):
            return ONE, factor
        case Pow(Add() | Reduce("sum"), Const(int() as n)) if 1 < n <= 4:
            return ONE, factor
        case Pow(Add() as base, Const(Fraction() as n)) if n > 1:
            return power_of(base, n - 1), base
        case Pow(Call("cos", (a,)) as base, Const(int() as n)) if n > 1:
            return power_of(base, Fraction(n - 2)), subtract(ONE, power(Call("sin", (a,)), Const(2)))
        case Pow(Call("abs", (a,)) as base, Const(int() as n)) if n > 1:
            return power_of(base, Fraction(n - 2)), power(a, Const(2))
    return None


# -- functions -----------------------------------------------------------------------------------------------------


def call_form(call: Term) -> Term:
    assert isinstance(call, Call)
    match call:
        case Call("exp", (a,)):
            return mul(*map(exponential, terms_of(a)))
        case Call("log", (a,)):
            return logarithm(a)
        case Call("max", (a, b)):
            return larger(a, b)
        case Call("min", (a, b)):
            return subtract(add(a, b), larger(a, b))
        case Call("abs" | "sign", (Mul(factors),)):
            return mul(*(call_form(Call(call.function, (factor,))) for factor in factors))
        case Call("abs" | "sign", (a,)) if is_positive(a):
            return a if call.function == "abs" else ONE
        case Call("abs", (Const(value),)):
            return Const(abs(value))
        case Call("sign", (Const(value),)):
            return Const((value > 0) - (value < 0))
        case Call(function, (a,)) if function == STOP_GRADIENT:
            return a
        case Call(function, (a,)) if function in ODD or function in EVEN:
            if a == ZERO:
                return ZERO if function in ODD else Call(function, (a,)) if function == "abs" else ONE
            if is_mirrored(a):
                mirrored = call_form(Call(function, (opposite(a),)))
                return opposite(mirrored) if function in ODD else mirrored
            if function == "tan":
                return mul(Call("sin", (a,)), Pow(Call("cos", (a,)), MINUS_ONE))
    return construct(call)


def exponential(term: Term) -> Term:
    """exp of one term of a sum."""
    value, rest = coefficient(term)
    if rest == ONE:
        return ONE if value == 0 else power_of(Call("exp", (ONE,)), Fraction(value))
    if isinstance(rest, Call) and rest.function == "log":
        return power_form(rest.arguments[0], Const(value))
    return power_of(Call("exp", (rest,)), Fraction(value))


def logarithm(a: Term) -> Term:
    if a == ONE:
        return ZERO
    factors = factors_of(a)
    if len(factors) > 1 and all(map(is_positive, factors)):
        return add(*map(logarithm, factors))
    match a:
        case Call("exp", (inner,)):
            return inner
        case Pow(base, Const() as exponent) if is_positive(base):
            return mul_terms(exponent, logarithm(base))
        case Const(Fraction() as value) if value > 0:
            return subtract(logarithm(Const(value.numerator)), logarithm(Const(value.denominator)))
    return Call("log", (a,))


def larger(a: Term, b: Term) -> Term:
    """max(a, b) = b + (a - b)*[b < a], whichever is called b."""
    if a == b:
        return a
    if isinstance(a, Const) or (not isinstance(b, Const) and is_mirrored(add(a, opposite(b)))):
        a, b = b, a
    apart = add(a, opposite(b))
    return add(b, mul_terms(positive_bracket(apart), apart))


def is_mirrored(a: Term) -> bool:
    """Whether f(-a) is the form that is written: of a and -a one."""
    value, _ = min((coefficient(term) for term in terms_of(a)), key=lambda c: key(c[1]))
    return value < 0


def opposite(a: Term) -> Term:
    return add(*map(negated, terms_of(a)))


def mul_terms(factor: Term, sum_: Term) -> Term:
    """factor * sum, term by term."""
    return add(*(mul(factor, term) for term in terms_of(sum_)))


def exponentials_only(term: Term) -> Iterator[Term]:
    """The term with its hyperbolic functions as exponentials, where it holds several kinds of these."""
    kinds = {node.function for node in term.walk() if isinstance(node, Call)} & {"exp", *HYPERBOLIC}
    if len(kinds) > 1:
        yield in_exponentials(term)


def in_exponentials(term: Term) -> Term:
    node = rebuild(term, in_exponentials)
    if not (isinstance(node, Call) and node.function in HYPERBOLIC):
        return node
    (a,) = node.arguments
    up, down = Call("exp", (a,)), Call("exp", (mul(MINUS_ONE, a),))
    half = Const(Fraction(1, 2))
    sine, cosine = mul(half, subtract(up, down)), mul(half, add(up, down))
    return {"sinh": sine, "cosh": cosine}.get(node.function, mul(sine, Pow(cosine, MINUS_ONE)))


# -- brackets ------------------------------------------------------------------------------------------------------


def bracket_form(bracket: Term, normal: Sum) -> Term:
    """A comparison as [0 < d]; an equality stays, for its delta contracts."""
    match bracket:
        case Compare("<=", left, right):
            return subtract(ONE, bracket_form(Compare("<", right, left), normal))
        case Compare("!=", left, right):
            return subtract(ONE, bracket_form(Compare("==", left, right), normal))
        case Compare("<", left, right):
            return positive_bracket(normal(subtract(right, left)))
    return construct(bracket)


def positive_bracket(a: Term) -> Term:
    """[0 < a]"""
    if isinstance(a, Const):
        return Const(int(a.value > 0))
    if is_positive(a):
        return ONE
    if is_positive(opposite(a)):
        return ZERO
    if is_integral(a):  # [0 < n] is 1 - [0 < 1 - n]
        other = add(ONE, opposite(a))
        first = min((canonical(a), canonical(other)), key=repr_key)
        own = Compare("<", ZERO, a)
        return own if first == canonical(a) else subtract(ONE, Compare("<", ZERO, other))
    shared = [factor for factor in factors_of(terms_of(a)[0]) if is_scale(factor) and in_all(factor, a)]
    brackets = [factor for factor in shared if isinstance(factor, Compare)]
    if shared:
        rest = add(*(mul(*(f for f in factors_of(t) if f not in shared)) for t in terms_of(a)))
        return mul(*brackets, positive_bracket(rest))
    value, _ = min((coefficient(term) for term in terms_of(a)), key=lambda c: key(c[1]))
    scale = Const(1 / abs(Fraction(value)))
    return Compare("<", ZERO, mul_terms(scale, a))


def is_scale(factor: Term) -> bool:
    """Whether [0 < factor*x] is [0 < x], or factor*[0 < x] of a bracket."""
    return isinstance(factor, Compare) or (is_positive(factor) and not isinstance(factor, Const))


def in_all(factor: Term, sum_: Term) -> bool:
    return all(factor in factors_of(term) for term in terms_of(sum_))


def is_integral(term: Term) -> bool:
    """Whether the term is an integer for it is made of indices, sizes, whole numbers and integer functions of them."""
    match term:
        case Index() | Size() | Compare():
            return True
        case Const(value):
            return isinstance(value, int)
        case Add() | Mul():
            return all(map(is_integral, term.children))
        case Call("floordiv" | "mod", arguments):
            return all(map(is_integral, arguments))
        case Reduce("argmax"):
            return True
    return False


def is_positive(term: Term) -> bool:
    """Whether the term is proven greater than 0 wherever it is defined."""
    match term:
        case Const(value):
            return value > 0
        case Size() | Call("exp" | "cosh") | Call("pi", ()):
            return True
        case Pow(base, Const(value)):
            return is_positive(base) or (not isinstance(value, int) and value < 0)
        case Mul(factors):
            return all(map(is_positive, factors))
        case Add(terms):
            return all(map(is_not_negative, terms)) and any(map(is_positive, terms))
        case Reduce("sum", indices, body):
            return all(isinstance(index.extent, Size) for index in indices) and is_positive(body)
        case Reduce("max", _, body):
            return is_positive(body)
    return False


def is_not_negative(term: Term) -> bool:
    match term:
        case Const(value):
            return value >= 0
        case Compare() | Index() | Call("abs"):
            return True
        case Pow(_, Const(value)) if not isinstance(value, int) or value % 2 == 0:
            return True
        case Mul(factors):
            return all(map(is_not_negative, factors))
        case Reduce("sum", _, body):
            return is_not_negative(body)
    return is_positive(term)


def key(term: Term) -> str:
    return repr_key(canonical(term))
