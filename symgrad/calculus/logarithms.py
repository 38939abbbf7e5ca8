"""Logarithms of products and of sums of exponentials, opened where nothing is lost on the way.

    log(exp(u)*f)                   ->  u + log(f)                                          f > 0
    log(c*exp(a) + d*exp(b) + ...)  ->  m + log(c*exp(a - m) + d*exp(b - m) + ...)          m = max(a, b, ...)
    log(exp(a) + exp(b))            ->  max(a, b) + log1p(exp(-|a - b|))
    cosh(u)                         ->  (exp(u) + exp(-u))/2
    1 - 1/(1 + exp(u))              ->  1/(1 + exp(-u))
    1 - tanh(u)**2                  ->  1/cosh(u)**2

The last three only within a logarithm.  A definition is read into the logarithm where it has such a form: log(p[b,y]),
log(p/q) and log(1 - g) of a softmax p and a sigmoid g.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, reduce

from ..language.algebra import add, construct, factors_of, mul, negated, power, subtract
from ..language.program import Equation, Program
from ..language.rewriting import rebuild, unique_bound
from ..language.terms import MINUS_ONE, ONE, ZERO, Add, Binder, Call, Const, Mul, Pow, Read, Reduce, Size, Term, reads
from .inlining import inline

HALF = Const(Fraction(1, 2))


@dataclass(frozen=True)
class Logarithms:
    """The logarithms of a program; `made` are its definitions by name."""

    program: Program

    @cached_property
    def made(self) -> dict[str, Equation]:
        return {equation.tensor: equation for equation in self.program.equations()}

    @cached_property
    def positive(self) -> frozenset[str]:
        """The definitions that are proven greater than 0."""
        found: set[str] = set()
        for name, equation in self.made.items():
            if is_positive(equation.body, found.__contains__):
                found.add(name)
        return frozenset(found)

    def opened(self, term: Term, around: frozenset[str] = frozenset()) -> Term:
        """The term with its logarithms opened; the indices named in `around` are bound where it stands."""
        inside = around | {index.name for index in term.indices} if isinstance(term, Binder) else around
        node = rebuild(term, lambda child: self.opened(child, inside))
        if isinstance(node, Call) and node.function == "log":
            argument = unique_bound(self.read_in(node.arguments[0]), around)
            return self.of_product(argument) if self.opens(argument) else construct(node)
        return construct(node)

    def read_in(self, argument: Term) -> Term:
        """A logarithm's argument with the definitions put in that open in it."""
        factors = []
        for factor in factors_of(argument):
            base, exponent = based(factor)
            if isinstance(base, Read) and self.opens(base):
                factors.append(power(self.read_in(inline(base, self.made[base.tensor])), exponent))
                continue
            inner = base
            for read in reads(base) if isinstance(base, Add) else ():
                inner = inline(inner, self.made[read.tensor]) if read.tensor in self.made else inner
            inner = complement(inner)
            factors.append(factor if inner is None else power(inner, exponent))
        return mul(*factors)

    def opens(self, term: Term) -> bool:
        """Whether the logarithm of the product has another form than log(term)."""
        for base, _ in map(based, factors_of(term)):
            if is_exponential(base) or complement(base) is not None or exponents(base) is not None:
                return True
            if isinstance(base, Read) and base.tensor in self.positive and self.opens(self.made[base.tensor].body):
                return True
        return False

    def of_product(self, term: Term) -> Term:
        return log_of_product(term, self.positive.__contains__)


def based(factor: Term) -> tuple[Term, Term]:
    return (factor.base, factor.exponent) if isinstance(factor, Pow) else (factor, ONE)


def is_exponential(term: Term) -> bool:
    return isinstance(term, Call) and term.function == "exp"


def complement(term: Term) -> Term | None:
    """1 - 1/(1 + exp(u)) as 1/(1 + exp(-u)), 1 - tanh(u)**2 as cosh(u)**-2; None where the term is neither."""
    if not (isinstance(term, Add) and len(term.terms) == 2 and ONE in term.terms):
        return None
    taken = negated(subtract(term, ONE))
    match taken:
        case Pow(Call("tanh", (u,)), Const(2)):
            return Pow(Call("cosh", (u,)), Const(-2))
        case Pow(Add((first, second)), Const(-1)) if ONE in (first, second):
            exponential = second if first == ONE else first
            if is_exponential(exponential):
                return power(add(Call("exp", (negated(exponential.arguments[0]),)), ONE), MINUS_ONE)
    return None


def exponents(term: Term, signed: bool = False) -> list[tuple[Term, Term]] | None:
    """[(c, a), (d, b), ...] where the term is a sum c*exp(a) + d*exp(b) + ... with an exponential, else None.

    It is to be positive unless `signed`, and no exponent may hold a sum, which would be computed for each of its uses.
    """
    if isinstance(term, Call) and term.function == "cosh":
        term = add(*(mul(HALF, Call("exp", (u,))) for u in (term.arguments[0], negated(term.arguments[0]))))
    if not isinstance(term, Add) or not (signed or is_positive(term)):
        return None
    parts = []
    for summand in term.terms:
        exponential = [factor for factor in factors_of(summand) if is_exponential(factor)]
        others = [factor for factor in factors_of(summand) if not is_exponential(factor)]
        parts.append((mul(*others), add(*(factor.arguments[0] for factor in exponential))))
    if any(isinstance(node, Reduce) for _, exponent in parts for node in exponent.walk()):
        return None
    return parts if any(exponent != ZERO for _, exponent in parts) else None


def is_positive(term: Term, known: Callable[[str], bool] = lambda name: False) -> bool:
    """Whether the term is proven greater than 0 from its form and the tensors that are `known` to be."""
    match term:
        case Const(value):
            return value > 0
        case Size() | Call("exp" | "cosh", _):
            return True
        case Read(name):
            return known(name)
        case Pow(base, _):
            return is_positive(base, known)
        case Add(children) | Mul(children):
            return all(is_positive(child, known) for child in children) or complement(term) is not None
        case Reduce("sum" | "max", _, body):
            return is_positive(body, known)
    return False


def largest(parts: list[tuple[Term, Term]]) -> Term:
    """The greatest of the exponents."""
    return reduce(lambda a, b: Call("max", (a, b)), dict.fromkeys(exponent for _, exponent in parts))


def measured(parts: list[tuple[Term, Term]], origin: Term) -> Term:
    """c*exp(a - origin) + d*exp(b - origin) + ..."""
    return add(*(mul(scale, Call("exp", (subtract(exponent, origin),))) for scale, exponent in parts))


def log_of_sum(parts: list[tuple[Term, Term]]) -> Term:
    """The logarithm of c*exp(a) + d*exp(b) + ..., measured from its largest exponent."""
    top = largest(parts)
    if len(parts) == 2 and parts[0][0] == parts[1][0]:
        (scale, left), (_, right) = parts
        rest = Call("log1p", (Call("exp", (negated(Call("abs", (subtract(left, right),))),)),))
        return add(top, rest, *([] if scale == ONE else [Call("log", (scale,))]))
    return add(top, Call("log", (measured(parts, top),)))


def log_of_product(term: Term, known: Callable[[str], bool] = lambda name: False) -> Term:
    """log(exp(u)*f) as u + log(f), and the logarithm of a sum from its largest exponent; other logarithms stay."""
    outside, inside = [], []
    for base, exponent in map(based, factors_of(term)):
        if is_exponential(base):
            outside.append(mul(exponent, base.arguments[0]))
        elif (parts := exponents(base)) is not None:
            outside.append(mul(exponent, log_of_sum(parts)))
        else:
            inside.append((base, exponent))
    if not outside:
        return Call("log", (term,))
    if all(is_positive(base, known) for base, _ in inside):
        logs = [mul(exponent, Call("log", (base,))) for base, exponent in inside if base != ONE]
    else:  # their product is positive, each alone need not be
        logs = [Call("log", (mul(*(power(base, exponent) for base, exponent in inside)),))]
    return add(*outside, *logs)


def quotient_of_sums(product: Mul) -> Term:
    """exp(u)/(c*exp(a) + ...) as exp(u - m)/(c*exp(a - m) + ...): each sum measured from its largest exponent m.

    Where nothing above the stroke may overflow, the product stays.
    """
    above, inside, exponent, below = False, [], ZERO, False
    for factor in product.factors:
        base, degree = based(factor)
        whole = isinstance(degree, Const) and isinstance(degree.value, int)
        parts = exponents(base, signed=whole and degree.value > 0) if whole else None
        if is_exponential(base):
            above, exponent = True, add(exponent, mul(degree, base.arguments[0]))
        elif parts is not None:
            above, below = above or degree.value > 0, below or degree.value < 0
            top = largest(parts)
            exponent = add(exponent, mul(degree, top))
            inside.append(power(measured(parts, top), degree))
        else:
            inside.append(factor)
    if not (above and below):
        return product
    return mul(*([] if exponent == ZERO else [Call("exp", (exponent,))]), *inside)
