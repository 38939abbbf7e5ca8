"""Mutants of formulas, in LaTeX and in index notation, decided by evaluating them entry by entry in plain Python.

The right derivation gives every name its value in the order of its lines, from random parameters and inputs.
"""

from __future__ import annotations

import math
import operator
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np

from symgrad import verify
from symgrad.checking.points import size_names
from symgrad.hand.binding import Names
from symgrad.hand.claim_files import of_index, of_latex, read_claim_file
from symgrad.hand.formula_claims import FormulaVerification
from symgrad.hand.statements import (
    Apply,
    Binary,
    Chain,
    Comparison,
    Derivative,
    Expression,
    Item,
    Name,
    Number,
    Total,
    Unary,
)
from symgrad.hand.truth import Truth
from symgrad.hand.verdicts import Status, Verification
from symgrad.hand.verification import program_of
from symgrad.language.errors import ClaimError
from symgrad.language.program import Program
from symgrad.language.terms import Size
from symgrad.model_file import load_model_file

from .changes import Change
from .deciding import OTHER, SAME, difference, drawn
from .outcomes import Outcome, added, said

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent / "derivations"
FUNCTIONS: dict[str, Callable] = {"exp": math.exp, "tanh": math.tanh, "log": math.log}
BINARY: dict[str, Callable] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "beside": operator.mul,
    "/": operator.truediv,
    "**": operator.pow,
}
Places = Mapping[str, int]


class NoValue(Exception):
    """A formula that has no value: an index that is free, a place that does not exist, a division by zero."""


class Entries:
    """Formulas evaluated at one draw: `values` by name, `sizes` of the letters."""

    def __init__(self, program: Program, seed: int, forward: str) -> None:
        random_ = np.random.default_rng(seed)
        self.values = dict(drawn(program, random_, equal=False))
        exec(forward, self.values)
        sizes = {name: self.values[name] for name in size_names(program)}
        axes = [index for tensor in program.tensors.values() for index in tensor.indices]
        self.letters = {i.name: sizes[i.extent.name] for i in axes if isinstance(i.extent, Size)}
        self.letters |= {"w": self.letters["v"]} if "v" in self.letters else {}

    def run(self, chains: list[Chain]) -> None:
        """Every subject gets the value of its first side."""
        for chain in chains:
            self.values[key(chain.subject)] = self.array(chain, chain.sides[0])

    def array(self, chain: Chain, side: Expression) -> np.ndarray:
        letters = places_of(chain.subject)
        try:
            ranges = [range(self.letters[letter]) for letter in letters]
            entries = [self.value(side, dict(zip(letters, at, strict=True))) for at in product(*ranges)]
            return np.array(entries, dtype=float).reshape([len(one) for one in ranges])
        except (LookupError, ArithmeticError, TypeError, ValueError) as error:
            raise NoValue(str(error)) from error

    def value(self, node: Expression, at: Places) -> float:
        match node:
            case Number(value):
                return value
            case Name(name):
                return at[name] if name in at else self.entry(name, ())
            case Item(Name(name), places):
                return self.entry(name, tuple(int(self.value(place, at)) for place in places))
            case Derivative():
                return self.entry(key(node), tuple(at[letter] for letter in places_of(node)))
            case Unary("-", operand):
                return -self.value(operand, at)
            case Binary(sign, left, right):
                return BINARY[sign](self.value(left, at), self.value(right, at))
            case Comparison("==", left, right):
                return float(self.value(left, at) == self.value(right, at))
            case Apply(function, (argument,)):
                return FUNCTIONS[function](self.value(argument, at))
            case Total(indices, body, None, None):
                if any(letter in at for letter in indices):
                    raise NoValue("an index is bound twice")
                ranges = [range(self.letters[letter]) for letter in indices]
                return sum(self.value(body, {**at, **dict(zip(indices, k, strict=True))}) for k in product(*ranges))
        raise NoValue(f"a {type(node).__name__}")

    def entry(self, name: str, place: tuple[int, ...]) -> float:
        value = np.asarray(self.values[name])
        if value.ndim != len(place) or any(not 0 <= k < n for k, n in zip(place, value.shape, strict=True)):
            raise NoValue(f"{name} has no such entry")
        return float(value[place])


def key(subject: Expression) -> str:
    match subject:
        case Derivative(of, by):
            return f"d{key(of)}/d{key(by)}"
        case Item(Name(name), _) | Name(name):
            return name
    raise NoValue(f"a {type(subject).__name__}")


def places_of(subject: Expression) -> tuple[str, ...]:
    match subject:
        case Item(_, places):
            return tuple(place.name for place in places)
        case Derivative(of, by):
            return (*places_of(of), *places_of(by))
    return ()


class Formulas:
    """A right derivation in formulas."""

    def __init__(self, path: Path, program: Program, forward: str = "") -> None:
        self.name, self.suffix, self.program = path.stem, path.suffix, program
        file = read_claim_file(path)
        self.latex = path.suffix == ".tex"
        if self.latex:
            self.source = file.source
        else:  # one index notation after the other, as in a file of its own
            self.source, self.suffix = "\n".join(formula.source for formula in file.formulas), ".txt"
        self.truth = Truth(program)
        self.draws = [Entries(program, seed, forward) for seed in range(3)]
        for draw in self.draws:
            draw.run(self.chains(self.source))

    def chains(self, source: str) -> list[Chain]:
        file = of_latex(source) if self.latex else of_index(source)
        names = Names(self.program, self.truth.adjoints)
        reading = FormulaVerification(self.truth, names, source, file.formulas)
        chains = list(reading.chains())
        if reading.unread:
            raise ClaimError(reading.unread[0][1].error)
        return chains

    @cached_property
    def seconds(self) -> float:
        return self.verified(self.source)[1]

    def verified(self, source: str) -> tuple[Verification, float]:
        """The verdicts, and the seconds of the processor."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"claims{self.suffix}"
            path.write_text(source, encoding="utf-8")
            began = time.process_time()
            found = verify(self.program, path)
            return found, time.process_time() - began

    # -- changes ---------------------------------------------------------------------------------------------------

    @cached_property
    def changes(self) -> dict[str, list[Change]]:
        table: dict[str, list[Change]] = {}
        for chain in self.chains(self.source):
            for side in chain.sides:
                for change in self.of_side(side):
                    table.setdefault(change.kind, []).append(change)
        return table

    def of_side(self, side: Expression) -> Iterator[Change]:
        items = [node for node in side.walk() if isinstance(node, Item)]
        places = {id(place) for node in items for place in node.places}
        heads = {id(node.array) for node in items}
        for node in side.walk():
            start, end = node.span
            text = self.source[start:end]
            match node:
                case Binary(sign, left, right):
                    gap = self.source[left.span[1] : right.span[0]]
                    for other in {"+": "-", "-": "+", "*": "+/", "/": "*"}.get(sign, ""):
                        if gap.count(sign) == 1:
                            yield Change("operator", left.span[1], right.span[0], gap.replace(sign, other))
                case Unary("-"):
                    yield Change("operator", start, end, text.lstrip("-"))
                case Apply(function) if text.startswith(function):
                    for other in FUNCTIONS.keys() - {function}:
                        yield Change("operator", start, start + len(function), other)
                case Number(value):
                    for other in (value + 1, 2 * value):
                        yield Change("factor", start, end, str(other))
                case Name() if id(node) in places:
                    for letter in self.draws[0].letters:
                        yield Change("index", start, end, letter)
                case Name() if id(node) in heads:
                    continue
                case Item(array, inner) if len(inner) > 1:
                    swapped = [self.source[slice(*place.span)] for place in reversed(inner)]
                    yield Change("index", start, end, f"{array.name}[{','.join(swapped)}]")
                    yield from self.renamed(array)
                case Item(array, _):
                    yield from self.renamed(array)
                case Name():
                    yield from self.renamed(node)
            if isinstance(node, Name | Item | Derivative) and id(node) not in places:
                for factor in ("2", "-1", "1"):
                    yield Change(
                        "factor", start, end, rf"{{({factor} {text})}}" if self.latex else f"({factor}*{text})"
                    )

    def renamed(self, node: Name) -> Iterator[Change]:
        """Other names of the same shape, as the file writes them."""
        values = self.draws[0].values
        for name, text in self.spellings.items():
            if name != node.name and np.shape(values[name]) == np.shape(values.get(node.name, 0.0)):
                yield Change("variable", *node.span, text)

    @cached_property
    def spellings(self) -> dict[str, str]:
        nodes = [node for chain in self.chains(self.source) for node in chain.walk() if isinstance(node, Name)]
        return {node.name: self.source[slice(*node.span)] for node in nodes if node.name in self.draws[0].values}

    # -- one mutant ------------------------------------------------------------------------------------------------

    def judged(self, change: Change) -> Outcome:
        mutant = change.made(self.source)
        found, seconds = self.verified(mutant)
        told = self.told(mutant)
        line = mutant[mutant.rfind("\n", 0, change.start) + 1 :].split("\n")[0].strip()
        complaint = ""
        if told == "different" and said(found) == "right":
            complaint = "it is different, and accepted"
        if told == "equal" and said(found) == "wrong":
            complaint = f"it is equal, and rejected: {found.first_wrong}"
        rejected = {verdict.line for verdict in found.with_status(Status.WRONG)}
        own = mutant.count("\n", 0, change.start) + 1
        if rejected - {own}:
            complaint = f"line {own} was changed; rejected are lines {sorted(rejected)}"
        return Outcome(
            self.name,
            f"{change.kind}, formula",
            line,
            told,
            said(found),
            complaint,
            seconds,
            added(found, seconds - self.seconds),
        )

    def told(self, mutant: str) -> str:
        """What the entries of the changed side say."""
        try:
            chains = self.chains(mutant)
        except ClaimError:
            return "different"  # it says nothing
        largest = 0.0
        for draw in self.draws:
            for chain in chains:
                for side in chain.sides:
                    try:
                        size = difference(draw.array(chain, side), draw.values[key(chain.subject)])
                    except (NoValue, KeyError):
                        return "different"
                    largest = max(largest, size)
        return "different" if largest > OTHER else "equal" if largest <= SAME else "near"


def formula_derivations() -> list[Formulas]:
    chain = ROOT / "examples" / "verify" / "lecture_chain.tex"
    scalar = load_model_file(ROOT / "examples" / "scalar_tanh.py").model.program
    found = [Formulas(chain, scalar, "h = np.tanh(w1 * x)\no = np.tanh(w2 * h)")]
    for name in ("softmax_regression", "autoencoder"):
        path = FOLDER / f"{name}.md"
        found.append(Formulas(path, program_of(None, read_claim_file(path))))
    return found


def formula_mutants(
    derivations: list[Formulas], count: int, random_: random.Random
) -> Iterator[tuple[Formulas, Change]]:
    seen: set[tuple[str, str]] = set()
    while count:
        derivation = random_.choice(derivations)
        change = random_.choice(derivation.changes[random_.choice(sorted(derivation.changes))])
        mutant = change.made(derivation.source)
        if mutant != derivation.source and (derivation.name, mutant) not in seen:
            seen.add((derivation.name, mutant))
            count -= 1
            yield derivation, change
