"""The mistakes that people make in an update rule, each a change of one term of the right one.

    1 - beta1     for 1 - beta1**t      right at the first step only
    sqrt(v + eps) for sqrt(v) + eps     epsilon inside the root
    g + wd*X      for g                 weight decay in the gradient where the rule decays X itself

A remark that begins with a space follows "`new` stands where `old` is right:"; another is the whole sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from ...language.algebra import add, divide, mul, negated, subtract
from ...language.notation import text
from ...language.program import Program, Role
from ...language.rewriting import rebuild
from ...language.terms import MINUS_ONE, ONE, Add, Call, Const, Mul, Pow, Read, Reduce, Size, Term
from .term_repairs import Change

BEFORE = "the gradient of the step before"  # a name that no one can write
HALF = Const(Fraction(1, 2))
Changes = Iterator[Change]


@dataclass(frozen=True)
class Rule:
    """The right rule, of which the code makes the definition `target`; `spelled`: what the code calls a tensor."""

    program: Program
    target: str
    spelled: Mapping[str, str]
    numbers: Sequence[float] = ()  # that stand in the code

    def setting(self, name: str) -> Read | None:
        tensor = self.program.tensors.get(name)
        return tensor.entry if tensor is not None and tensor.role is Role.SETTING else None

    @property
    def settings(self) -> list[Read]:
        """The rule's constants and the rate, but not the step."""
        return [tensor.entry for tensor in self.program.with_role(Role.SETTING) if tensor.name != "t"]

    def is_setting(self, node: Term) -> bool:
        return isinstance(node, Read) and node in self.settings

    def written(self, term: Term) -> str:
        """In the code's own names, without indices."""

        def visit(node: Term) -> Term:
            if isinstance(node, Read):
                return Read(self.spelled.get(node.tensor, node.tensor))
            return rebuild(node, visit)

        return text(visit(term))


def signs(node: Term, rule: Rule) -> Changes:
    """X + lr*g for X - lr*g; a sign of a term inside."""
    if isinstance(node, Add):
        for k, part in enumerate(node.terms):
            new = Add((*node.terms[:k], negated(part), *node.terms[k + 1 :]))
            step = any(isinstance(term, Read) and term.tensor == "X" for term in node.terms)
            said = " the sign of the step is wrong; the rule goes down the gradient" if step else " a sign is wrong"
            yield Change("sign", node, new, said)


def corrections(node: Term, rule: Rule) -> Changes:
    """1 - beta for 1 - beta**t, t counted from 0, no correction at all."""
    match node:
        case Pow(Read() as beta, Read("t") as t):
            said = (
                " the bias correction is raised to the power of the step, {old}; without it, only the first step is "
                "right"
            )
            yield Change("power", node, beta, said)
            for step in (MINUS_ONE, ONE):
                yield Change("index", node, Pow(beta, add(t, step)), " off by one: the first step has t = 1")
            yield Change("product", node, mul(beta, t), " a product for a power")
        case Add(terms) if any(is_power_of_t(negated(part)) for part in terms):
            yield Change("known factor", node, ONE, "the bias correction is missing: the division by {old}")


def is_power_of_t(node: Term) -> bool:
    return isinstance(node, Pow) and isinstance(node.exponent, Read) and node.exponent.tensor == "t"


def epsilons(node: Term, rule: Rule) -> Changes:
    """sqrt(v + eps) for sqrt(v) + eps; m/sqrt(v) + eps; eps that the correction of v divides too."""
    eps = rule.setting("eps")
    match node:
        case Add((first, second)) if eps in (first, second):
            root = second if first == eps else first
            if isinstance(root, Pow) and root.exponent == HALF:
                inside = Pow(Add((root.base, eps)), HALF)
                yield Change("term", node, inside, " epsilon is inside the root; the rule adds it to the root")
                both = Add((inside, eps))
                yield Change("term", node, both, " epsilon is inside the root, too")
                for part in root.base.walk():
                    if isinstance(part, Pow) and isinstance(part.base, Add):
                        late = Add((root, mul(eps, Pow(part.base, HALF))))
                        yield Change("term", node, late, " epsilon is scaled by the bias correction of the root")
                        early = Add((root, mul(eps, Pow(part.base, Const(Fraction(-1, 2))))))
                        said = (
                            " epsilon is added before the bias correction, which divides it too: the shorter form of "
                            "the paper, with another epsilon"
                        )
                        yield Change("term", node, early, said)
        case Mul(factors):
            for k, part in enumerate(factors):
                match part:
                    case Pow(Add((first, second)), Const(-1)) if eps in (first, second):
                        root = second if first == eps else first
                        rest = mul(*factors[:k], Pow(root, MINUS_ONE), *factors[k + 1 :])
                        said = " epsilon is added to the quotient, not to what it is divided by (brackets are missing)"
                        signed = mul(*(factor for factor in factors if isinstance(factor, Const)), eps)
                        for outside in (signed, mul(signed, rule.setting("lr"))):
                            yield Change("term", node, add(rest, outside), said)


def powers(node: Term, rule: Rule) -> Changes:
    match node:
        case Pow(base, Const(2)):
            yield Change("power", node, base, " the square is missing")
        case Pow(base, Const(value)) if value == Fraction(1, 2):
            yield Change("activation", node, base, " the root is missing")
        case Pow(base, Const(value)) if value == Fraction(-1, 2):
            yield Change("activation", node, Pow(base, MINUS_ONE), " the root is missing")
        case Pow(base, Const(value)) if isinstance(value, Fraction):
            yield Change("power", node, Pow(base, Const(-value)), " the sign of the exponent is wrong")
            yield Change("power", node, Pow(base, Const(1 if value > 0 else -1)), " a wrong exponent")
        case Read(name) if name == "dX":
            yield Change("power", node, Pow(node, Const(2)), " the gradient is squared")


def names(node: Term, rule: Rule) -> Changes:
    """Constants that are taken for each other, and beta for 1 - beta."""
    if not rule.is_setting(node):
        return
    for other in rule.settings:
        if other != node:
            kind = "name" if {node.tensor, other.tensor} == {"beta1", "beta2"} else "another tensor"
            yield Change(kind, node, other, " one constant for another")
    yield Change("another tensor", node, subtract(ONE, node), " {old} and 1 - {old} are exchanged")
    for number in rule.numbers:
        yield Change("another tensor", node, Const(number), " a number that is not the rule's")


def missing_factors(node: Term, rule: Rule) -> Changes:
    if not isinstance(node, Mul):
        return
    for k, part in enumerate(node.factors):
        if isinstance(part, Const):
            continue
        rest = mul(*node.factors[:k], *node.factors[k + 1 :])
        decay = rule.setting("weight_decay")
        if part == rule.setting("lr"):
            said = "the learning rate is missing: `{new}` stands where `{old}` is right"
        elif decay is not None and decay in part.walk() and isinstance(part, Add):
            said = "the weight decay is missing: {new} itself is multiplied by " + rule.written(part)
        elif isinstance(part, Pow) and isinstance(part.exponent, Const) and part.exponent.value < 0:
            said = f" the division by {rule.written(Pow(part.base, Const(-part.exponent.value)))} is missing"
        else:
            said = f" the factor {rule.written(part)} is missing"
        yield Change("factor", node, rest, said)


def missing_terms(node: Term, rule: Rule) -> Changes:
    if not isinstance(node, Add):
        return
    for k, part in enumerate(node.terms):
        rest = add(*node.terms[:k], *node.terms[k + 1 :])
        said = "epsilon" if part == rule.setting("eps") else f"the term {rule.written(part)}"
        yield Change("added term", node, rest, f" {said} is missing")


def decays(node: Term, rule: Rule) -> Changes:
    """g + wd*X for g, where the rule multiplies X by 1 - lr*wd; the same after the step, or twice."""
    decay, lr = rule.setting("weight_decay"), rule.setting("lr")
    if decay is None or lr is None:
        return
    X = rule.program.tensors["X"].entry
    kept = add(ONE, negated(mul(lr, decay)))
    if isinstance(node, Read) and node.tensor == "dX":
        new = add(node, mul(decay, X))
        said = " the weight decay is added to the gradient (L2); the rule decays X itself, decoupled from it"
        yield Change("regularizer", node, new, said)
    if isinstance(node, Add) and any(isinstance(part, Mul) and X in part.factors for part in node.terms):
        inner = [X if isinstance(part, Mul) and X in part.factors else part for part in node.terms]
        said = f" the step is decayed with the parameter: only X is multiplied by {rule.written(kept)}"
        yield Change("regularizer", node, mul(kept, Add(tuple(inner))), said)


def times(node: Term, rule: Rule) -> Changes:
    """A step's gradient, a step in time: what is read a step too early."""
    if isinstance(node, Read) and node.tensor == "dX":
        said = "the gradient of the step before, g_{{t-1}}, stands where this step's, g_t, is right (off by one)"
        yield Change("index", node, Read(BEFORE, node.indices), said)
    olds = {new: old for old, new in rule.program.updates.items()}
    if isinstance(node, Read) and node.tensor in olds:
        old = rule.spelled.get(olds[node.tensor], olds[node.tensor])
        said = f"{old} as it was before this step stands where the new {old} is right (off by one)"
        yield Change("index", node, Read(olds[node.tensor], node.indices), said)


def sums(node: Term, rule: Rule) -> Changes:
    """A sum over an axis of one entry, which is no sum; a mean, or one for a sum."""
    if isinstance(node, Reduce) and node.op == "sum":
        said = " the sum is over the wrong axis, of one entry, or missing: so nothing is summed"
        yield Change("sum", node, node.body, said)
        lengths = [index.extent for index in node.indices]
        yield Change("mean", node, divide(node, mul(*lengths)), " a mean for a sum")
    if isinstance(node, Mul) and any(isinstance(part, Reduce) for part in node.factors):
        rest = [part for part in node.factors if not (isinstance(part, Pow) and isinstance(part.base, Size))]
        if len(rest) < len(node.factors):
            yield Change("mean", node, mul(*rest), " a sum for a mean")


def limits(node: Term, rule: Rule) -> Changes:
    if isinstance(node, Call) and node.function in ("max", "min"):
        for part in node.arguments:
            yield Change("activation", node, part, f" the {node.function} is missing")
        other = "min" if node.function == "max" else "max"
        yield Change("activation", node, Call(other, node.arguments), f" a {other} for a {node.function}")


def extra_factors(node: Term, rule: Rule) -> Changes:
    """(1 - mu)*g for g, lr*g in the velocity; 2 and 1/2."""
    if isinstance(node, Add | Read) and not rule.is_setting(node):
        factors = [*rule.settings, *(subtract(ONE, setting) for setting in rule.settings)]
        lr = rule.setting("lr")
        velocity = rule.target != rule.program.updates["X"]
        for part in node.terms if isinstance(node, Add) else (node,):
            rest = [term for term in node.terms if term is not part] if isinstance(node, Add) else []
            for factor in factors:
                said = f" an extra factor {rule.written(factor)}"
                if factor == lr and velocity:
                    said = (
                        " the learning rate is inside the state: the steps are the same only while it stays the same, "
                        "and the parameter then takes the state as it is"
                    )
                    yield Change("extra factor", node, add(negated(mul(factor, part)), *rest), said)
                yield Change("extra factor", node, add(mul(factor, part), *rest), said)
            for constant in (Const(2), HALF):
                yield Change("constant", node, add(mul(constant, part), *rest), " a wrong constant")


def parts(node: Term, rule: Rule) -> Changes:
    """A whole part, where another array of the rule stands."""
    if not node.free or isinstance(node, Const):
        return
    for tensor in rule.program.tensors.values():
        if set(tensor.indices) == node.free and tensor.entry != node and tensor.name != rule.target:
            kind = "another tensor" if isinstance(node, Read) else "part"
            yield Change(kind, node, tensor.entry, " another array of the rule")


def misplaced_factors(node: Term, rule: Rule) -> Changes:
    """mu*g + v for g + mu*v."""
    if not isinstance(node, Add):
        return
    for k, part in enumerate(node.terms):
        for factor in part.factors if isinstance(part, Mul) else ():
            if isinstance(factor, Const):
                continue
            rest = mul(*(other for other in part.factors if other is not factor))
            for j, other in enumerate(node.terms):
                if j != k:
                    terms = list(node.terms)
                    terms[k], terms[j] = rest, mul(factor, other)
                    said = f" the factor {rule.written(factor)} is on the wrong term"
                    yield Change("factor", node, Add(tuple(terms)), said)


KINDS: tuple[Callable[[Term, Rule], Changes], ...] = (
    signs,
    corrections,
    epsilons,
    powers,
    names,
    times,
    sums,
    missing_factors,
    missing_terms,
    decays,
    limits,
    misplaced_factors,
    extra_factors,
    parts,
)
