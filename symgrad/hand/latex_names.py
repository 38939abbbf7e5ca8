"""Names as LaTeX writes them -> names as code spells them: \\hat{y}_1 is yhat1, W^{(2)} is W2, b_{out} is b_out.

A subscript belongs to the name where name and subscript together, with or without an underscore, are known; so does
a superscript in parentheses, and a bare one where the name without it is not known.  Of a longer subscript the
beginning may belong to the name and the rest be indices, W_{1,ij}; a single letter does not where the name alone is
known: h_{b,i}.  Everything else below a known name is an index.
Below a name that is not known, digits, upright text and known names belong to it, single letters are indices.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import product

GREEK = (
    *("alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu"),
    *("xi", "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega", "Gamma", "Delta", "Theta", "Lambda"),
    *("Xi", "Pi", "Sigma", "Upsilon", "Phi", "Psi", "Omega"),
)
# How code spells what LaTeX calls otherwise, the likeliest first.
SPELLINGS: dict[str, tuple[str, ...]] = {
    **{rf"\{name}": (name,) for name in GREEK},
    **{rf"\var{name}": (name,) for name in GREEK},
    r"\epsilon": ("epsilon", "eps"),
    r"\varepsilon": ("epsilon", "eps"),
    r"\lambda": ("lambda", "lam", "lambda_", "lmbda", "reg"),
    r"\ell": ("ell", "l", "L"),
    r"\eta": ("eta", "lr"),
    r"\imath": ("i",),
    r"\jmath": ("j",),
}
ACCENTS = {
    r"\hat": "hat",
    r"\widehat": "hat",
    r"\bar": "bar",
    r"\overline": "bar",
    r"\tilde": "tilde",
    r"\widetilde": "tilde",
    r"\dot": "dot",
    r"\vec": "",
    r"\underline": "",
}


@dataclass(frozen=True)
class Spelled:
    """A name with the ways to spell it; `upright` is text such as out in b_{\\text{out}}."""

    ways: tuple[str, ...]
    upright: bool = False

    def accented(self, accent: str) -> Spelled:
        if not accent:
            return self
        ways = [form for way in self.ways for form in (way + accent, f"{way}_{accent}", accent + way)]
        return Spelled((*ways, *(f"{accent}_{way}" for way in self.ways)), self.upright)


@dataclass(frozen=True)
class Scripts:
    """What stands below and above a name, as plain words where it is made of letters and digits.

    `below` are the parts between commas, each one string a letter, number or word; None where it is no plain text.
    """

    below: tuple[tuple[str, ...], ...] | None = None
    above: str | None = None
    in_parentheses: bool = False
    upright: bool = False


@dataclass(frozen=True)
class Resolved:
    """The name; how many parts of the subscript, or else words of its first part, belong to it; whether the
    superscript does."""

    name: str
    parts: int = 0
    words: int = 0
    above: bool = False


@dataclass
class Names:
    known: Collection[str] = ()
    met: dict[str, int] = field(default_factory=dict)  # names that lines before have defined, with their axes

    def __contains__(self, name: str) -> bool:
        return name in self.known or name in self.met

    def is_known(self, name: str) -> bool:
        """dX is known where X is: it is X's adjoint everywhere."""
        return name in self or (len(name) > 1 and name[0] == "d" and "d" not in self and name[1:] in self)

    def first(self, ways: Iterator[str]) -> str | None:
        return next((way for way in ways if self.is_known(way)), None)

    def resolve(self, base: Spelled, scripts: Scripts) -> Resolved:
        """See the module's docstring."""
        below = scripts.below or ()
        texts = ["".join(part) for part in below]
        alone = self.first(iter(base.ways))
        above_counts = scripts.above is not None and (scripts.in_parentheses or alone is None)
        for parts, words in beginnings(below):
            script = "".join(texts[:parts]) + "".join(below[0][:words] if words else ())
            whole = parts == len(below) and not words
            if not whole and alone is not None and len(script) == 1 and script.isalpha():
                continue  # h_{b,i} is an entry of h even where there is an hb
            if above_counts and (name := self.first(joined_ways(base, script, scripts.above or ""))):
                return Resolved(name, parts, words, above=True)
            if script and (name := self.first(joined_ways(base, script))):
                return Resolved(name, parts, words)
        if alone is not None:
            return Resolved(alone)
        return self.unknown(base, scripts)

    def unknown(self, base: Spelled, scripts: Scripts) -> Resolved:
        name = base.ways[0]
        above = scripts.above is not None and scripts.in_parentheses and scripts.above.isdigit()
        if above:
            name += scripts.above or ""
        below = scripts.below
        if not below or len(below) > 1:
            return Resolved(name, above=above)
        (words,) = below
        if scripts.upright or all(word.isdigit() for word in words):
            text = "".join(words)
            return Resolved(name + text if text.isdigit() else f"{name}_{text}", parts=1, above=above)
        if all(word in self for word in words):
            return Resolved("_".join((name, "".join(words))), parts=1, above=above)
        return Resolved(name, above=above)


def beginnings(below: tuple[tuple[str, ...], ...]) -> Iterator[tuple[int, int]]:
    """(parts, words of the first part) that may belong to a name, the longest first."""
    yield from ((parts, 0) for parts in range(len(below), 0, -1))
    yield from ((0, words) for words in range(len(below[0]) - 1 if below else 0, -1, -1))


def joined_ways(base: Spelled, *scripts: str) -> Iterator[str]:
    """W1, W_1 of W and 1; with a subscript and a superscript in either order."""
    given = [script for script in scripts if script]
    orders = (given, given[::-1]) if len(given) > 1 else (given,)
    for way, order in product(base.ways, orders):
        for joint in ("", "_"):
            yield joint.join((way, *order))
        if len(order) > 1:
            yield f"{way}{order[0]}_{order[1]}"
            yield f"{way}_{order[0]}{order[1]}"
