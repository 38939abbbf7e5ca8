"""Program -> Program: every equation becomes one loop nest, or a sum of contractions.

    guards_inward        a guard around a sum goes to the reads in it that need one
    inline_single_uses   a definition that is read once, as often as it is made, goes into its reader
    early_gathers        o[b,y[b]] is read before the array may be overwritten
    share_calls          exp(o[b,v] - m[b]) that two equations need is computed once
    hoist_reductions     a sum inside an expression becomes a definition of its own, and so does an index-free power
    split_scatters       dC[v,d] = sum_b,t,i W1*da*[v == x[b,t]]: the inner product is made first, then rows are added
    fold_into_updates    W' = W - lr*dW with dW a contraction: the gradient is never stored

Each pass keeps the meaning of every output; the tests evaluate before and after.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache

from ...calculus.inlining import inline
from ...calculus.matching import match
from ...calculus.paths import opposite
from ...language.algebra import add, construct, factors_of, mul, summed, terms_of, where
from ...language.dependence import without_dead
from ...language.program import Equation, Program, Role
from ...language.recurrences import cycles, with_equations
from ...language.rewriting import rebuild
from ...language.terms import ONE, Add, Call, Compare, Index, Pow, Read, Reduce, Term, Where, reads
from .builder import Builder, in_order
from .guards import Guards, guards_inward

EXPENSIVE = ("exp", "log", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "erf")


def places(term: Term, around: tuple[Index, ...]) -> Iterator[tuple[Term, tuple[Index, ...]]]:
    """Every node with the indices that are looped over where it stands."""
    yield term, around
    if isinstance(term, Reduce):
        around = around + term.indices
    for child in term.children:
        yield from places(child, around)


def inline_single_uses(program: Program) -> Program:
    pinned = {*program.outputs, *program.updates, *program.updates.values()}
    while True:
        uses = Counter(n.tensor for e in program.equations() for n in e.body.walk() if isinstance(n, Read))
        candidates = {
            e.tensor: e
            for e in program.equations()
            if uses[e.tensor] == 1
            and e.tensor not in pinned
            and not holds_reduction(e.body)
            and not is_one_hot(e)
            and not isinstance(e.body, Read)
        }
        for equation in program.equations():
            source = next((candidates[name] for name in read_once_through(equation) if name in candidates), None)
            if source is not None:
                opened = replace(equation, body=inline(equation.body, source))
                equations = [opened if e is equation else e for e in program.equations()]
                program = without_dead(with_equations(program, equations))
                break
        else:
            return program


def read_once_through(equation: Equation) -> Iterator[str]:
    """Tensors that the equation reads exactly as often as they have entries."""
    for node, around in places(equation.body, equation.indices):
        if (
            isinstance(node, Read)
            and all(isinstance(index, Index) for index in node.indices)
            and len(set(node.indices)) == len(node.indices)
            and set(node.indices) == set(around)
        ):
            yield node.tensor


def holds_reduction(term: Term) -> bool:
    return any(isinstance(node, Reduce) for node in term.walk())


def is_one_hot(equation: Equation) -> bool:
    return any(scatter_of(term, equation.indices) is not None for term in terms_of(equation.body))


def early_gathers(program: Program) -> Program:
    """Reads of a definition at data indices become small definitions, right behind it and what the indices are of."""
    order = {equation.tensor: position for position, equation in enumerate(program.equations())}
    gathers: dict[str, list[tuple[Read, tuple[Index, ...]]]] = {}
    for equation in program.equations():
        for node, around in places(equation.body, equation.indices):
            if not isinstance(node, Read) or program.tensors[node.tensor].role is not Role.DEFINITION:
                continue
            if any(isinstance(inner, Read) for index in node.indices for inner in index.walk()):
                indices = in_order(node.free, around)
                last = max((read.tensor for read in reads(node) if read.tensor in order), key=order.__getitem__)
                gathers.setdefault(last, []).append((node, indices))
    builder = Builder(program)
    for equation in program.equations():
        builder.add(replace(equation, body=replaced_by_definitions(equation.body, builder.made)))
        for read, indices in gathers.get(equation.tensor, []):
            at = next(n.tensor for index in read.indices for n in index.walk() if isinstance(n, Read))
            builder.define(f"{read.tensor}_{at}", indices, read)
    return builder.program


def replaced_by_definitions(term: Term, definitions: list[Equation]) -> Term:
    """The term with every occurrence of a definition's body replaced by a read of it."""

    def visit(node: Term) -> Term:
        for equation in definitions:
            for binding in match(equation.body, node, frozenset(equation.indices), {}):
                if all(index in binding for index in equation.indices):
                    return Read(equation.tensor, tuple(binding[index] for index in equation.indices))
        return construct(rebuild(node, visit))

    return visit(term) if definitions else term


def share_calls(program: Program) -> Program:
    """A function of the same argument that stands in several places is evaluated once per entry.

    One that reads outside of an axis where the condition around it fails stays under that condition.
    """
    guards = Guards(program.tensors)
    seen: list[Call] = []
    shared: list[Call] = []
    for equation in program.equations():
        for node, around in places(equation.body, equation.indices):
            if not (isinstance(node, Call) and node.function in EXPENSIVE and node.free and guards.safe(node)):
                continue
            if node == equation.body or holds_reduction(node) or has_same(shared, node):
                continue
            if has_same(seen, node):
                if set(around) == set(node.free):
                    shared.append(node)
            elif set(around) == set(node.free):
                seen.append(node)
    if not shared:
        return program
    builder = Builder(program)
    made: list[tuple[Call, Read]] = []

    def visit(node: Term, around: tuple[Index, ...], equation: Equation) -> Term:
        if isinstance(node, Call) and has_same(shared, node) and guards.safe(node):
            for call, read in made:
                for binding in same_calls(call, node):
                    return Read(read.tensor, tuple(binding[index] for index in read.indices))
            made.append((node, builder.define(f"{equation.tensor}_{node.function}", in_order(node.free, around), node)))
            return made[-1][1]
        inner = around + node.indices if isinstance(node, Reduce) else around
        return construct(rebuild(node, lambda child: visit(child, inner, equation)))

    for equation in program.equations():
        builder.add(replace(equation, body=visit(equation.body, equation.indices, equation)))
    return builder.program


def has_same(calls: list[Call], node: Call) -> bool:
    return any(True for call in calls for _ in same_calls(call, node))


def same_calls(call: Call, node: Call) -> Iterator[dict[Index, Term]]:
    """What the indices of a call are in another, the same function of the same: a*(a**2 + 1) is a**3 + a."""
    if call.function == node.function:
        first, second = (Call(c.function, tuple(map(multiplied_out, c.arguments))) for c in (call, node))
        bindings = match(first, second, call.free, {})
        yield from (binding for binding in bindings if binding.keys() >= call.free)


@lru_cache(maxsize=4096)
def multiplied_out(term: Term) -> Term:
    """c*(f + g) as c*f + c*g, at the top of a term."""
    if isinstance(term, Add):
        return add(*map(multiplied_out, term.terms))
    for factor in factors_of(term):
        if isinstance(factor, Add) and term != factor:
            others = mul(*(other for other in factors_of(term) if other is not factor))
            return add(*(multiplied_out(mul(others, part)) for part in factor.terms))
    return term


def hoist_reductions(program: Program) -> Program:
    builder = Builder(program)
    recurring = cycles(program)
    for equation in program.equations():
        terms = [hoist_term(term, equation, builder) for term in terms_of(equation.body)]
        cycle = recurring.get(equation.tensor)
        if cycle is not None:
            terms = outside_of_cycle(terms, equation, cycle, builder)
        builder.add(replace(equation, body=add(*terms)))
    return builder.program


def outside_of_cycle(terms: list[Term], equation: Equation, cycle: set[str], builder: Builder) -> list[Term]:
    """Sums that need nothing of the recurrence are made for all slices at once before it, with all that is added."""
    given = [term for term in terms if not any(read.tensor in cycle for read in reads(term))]
    if len(given) == len(terms) or not any(map(holds_reduction, given)):
        return terms
    made = builder.define(f"{equation.tensor}_given", equation.indices, add(*given))
    return [made, *(term for term in terms if term not in given)]


def hoist_term(term: Term, equation: Equation, builder: Builder) -> Term:
    """The term with all reductions taken out, but one that is the whole term up to index-free factors."""
    if isinstance(term, Reduce) or any(isinstance(factor, Reduce) for factor in factors_of(term)):
        reduction = next(factor for factor in factors_of(term) if isinstance(factor, Reduce))
        others = [factor for factor in factors_of(term) if factor is not reduction]
        alone = not any(factor.free or holds_reduction(factor) for factor in others)
        complete = set(equation.indices) <= reduction.free
        extremum = reduction.op != "sum" and term != equation.body
        if alone and complete and not extremum:
            inner = hoist_inside(reduction.body, equation, equation.indices + reduction.indices, builder)
            kept = [hoist_inside(factor, equation, equation.indices, builder) for factor in others]
            if reduction.op == "sum":
                return mul(*kept, summed(reduction.indices, inner))
            return Reduce(reduction.op, reduction.indices, inner)
    return hoist_inside(term, equation, equation.indices, builder)


def hoist_inside(
    term: Term, equation: Equation, around: tuple[Index, ...], builder: Builder, condition: Term = ONE
) -> Term:
    """`condition` is what the branches around say; a sum that is taken out of them takes along what it needs of it."""
    inner = around + term.indices if isinstance(term, Reduce) else around
    if isinstance(term, Reduce) and term.op == "sum" and isinstance(term.body, Add) and mixes_spaces(term):
        split = add(*(summed(term.indices, part) for part in term.body.terms))
        return hoist_inside(split, equation, around, builder, condition)
    if isinstance(term, Where):
        then = hoist_inside(term.then, equation, inner, builder, mul(condition, term.condition))
        other = hoist_inside(term.other, equation, inner, builder, mul(condition, opposite(term.condition)))
        return where(hoist_inside(term.condition, equation, inner, builder, condition), then, other)
    node = construct(rebuild(term, lambda child: hoist_inside(child, equation, inner, builder, condition)))
    if isinstance(node, Reduce):
        node = Guards(builder.tensors).kept_inside(condition, node)
        return builder.define(f"{equation.tensor}_{node.op}", in_order(node.free, around), node)
    if (
        equation.indices
        and not node.free
        and isinstance(node, Pow | Call)
        and any(isinstance(n, Read) for n in node.walk())
    ):
        return builder.define(f"{equation.tensor}_factor", (), node)
    return node


def mixes_spaces(reduction: Reduce) -> bool:
    """Whether the terms under a sum run over different indices, so that some would be added up needlessly often."""
    return len({term.free for term in terms_of(reduction.body)}) > 1 and bool(reduction.free)


def scatter_of(term: Term, indices: tuple[Index, ...]) -> tuple[Compare, Index, Term] | None:
    """(bracket, v, value) for a factor [v == value] with v on the left side and value made from data."""
    body = next((factor.body for factor in factors_of(term) if isinstance(factor, Reduce) and factor.op == "sum"), term)
    for factor in factors_of(body):
        if isinstance(factor, Compare) and factor.relation == "==":
            for index, value in ((factor.left, factor.right), (factor.right, factor.left)):
                data = any(isinstance(node, Read) for node in value.walk())
                if index in indices and data and index not in value.free:
                    return factor, index, value
    return None


def split_scatters(program: Program) -> Program:
    builder = Builder(program)
    for equation in program.equations():
        opened = [part for term in terms_of(equation.body) for part in dense_and_one_hot(term, equation.indices)]
        terms = [split_scatter(term, equation, builder) for term in opened]
        builder.add(replace(equation, body=add(*terms)))
    return builder.program


def dense_and_one_hot(term: Term, indices: tuple[Index, ...]) -> list[Term]:
    """(p - [v == y])/B as p/B and -[v == y]/B: the second touches one entry a row."""
    for factor in factors_of(term):
        if isinstance(factor, Add) and any(scatter_of(part, indices) is not None for part in factor.terms):
            others = [other for other in factors_of(term) if other is not factor]
            dense = add(*(part for part in factor.terms if scatter_of(part, indices) is None))
            sparse = [part for part in factor.terms if scatter_of(part, indices) is not None]
            return [piece for part in (dense, *sparse) for piece in dense_and_one_hot(mul(*others, part), indices)]
    return [term]


def split_scatter(term: Term, equation: Equation, builder: Builder) -> Term:
    found = scatter_of(term, equation.indices)
    reduction = next((f for f in factors_of(term) if isinstance(f, Reduce)), None)
    if found is None or reduction is None:
        return term
    bracket, index, _ = found
    others = [factor for factor in factors_of(term) if factor is not reduction]
    outer = tuple(i for i in reduction.indices if i in bracket.free)
    inner = tuple(i for i in reduction.indices if i not in bracket.free)
    rest = mul(*(factor for factor in factors_of(reduction.body) if factor is not bracket))
    space = in_order((set(outer) | set(equation.indices)) & rest.free - {index}, outer, equation.indices)
    if inner:
        rest = builder.define(f"{equation.tensor}_rows", space, summed(inner, rest))
    return mul(*others, summed(outer, mul(rest, bracket)))


def fold_into_updates(program: Program) -> Program:
    """A contraction that one equation adds, times a number, is accumulated straight into that equation's tensor."""
    pinned = {*program.outputs, *program.updates.values()}
    uses = Counter(n.tensor for e in program.equations() for n in e.body.walk() if isinstance(n, Read))
    contractions = {
        e.tensor: e
        for e in program.equations()
        if uses[e.tensor] == 1 and e.tensor not in pinned and e.indices and all(map(is_accumulation, terms_of(e.body)))
    }
    kept = []
    recurring = cycles(program)
    for equation in program.equations():
        if equation.tensor in recurring:
            kept.append(equation)  # what was made for all slices at once stays outside of its loop
            continue
        terms = [part for term in terms_of(equation.body) for part in distributed(term, contractions.keys())]
        for position, term in enumerate(terms):
            read = next((f for f in factors_of(term) if isinstance(f, Read) and f.tensor in contractions), None)
            others = [factor for factor in factors_of(term) if factor is not read]
            if read is not None and read.indices == equation.indices and not any(f.free for f in others):
                body = inline(read, contractions[read.tensor])
                terms[position] = add(*(mul(*others, part) for part in terms_of(body)))
        kept.append(replace(equation, body=add(*terms)) if terms != list(terms_of(equation.body)) else equation)
    return without_dead(with_equations(program, kept))


def is_accumulation(term: Term) -> bool:
    return any(isinstance(factor, Reduce) and factor.op == "sum" for factor in factors_of(term))


def distributed(term: Term, wanted) -> list[Term]:
    """c*(f + g) as c*f, c*g where f or g reads one of `wanted` and c has no index."""
    for factor in factors_of(term):
        others = [other for other in factors_of(term) if other is not factor]
        if not isinstance(factor, Add) or any(other.free for other in others):
            continue
        if any(isinstance(node, Read) and node.tensor in wanted for t in factor.terms for node in factors_of(t)):
            return [mul(*others, part) for part in factor.terms]
    return [term]


PASSES: tuple[Callable[[Program], Program], ...] = (
    guards_inward,
    inline_single_uses,
    early_gathers,
    share_calls,
    hoist_reductions,
    share_calls,
    inline_single_uses,
    split_scatters,
)
