r"""A derivation as LaTeX: the sections of the text, each an aligned block of formulas with their reasons.

    \begin{align*}
    \frac{\partial o}{\partial a} &= 1 - o^{2} && \text{from F4}
    \end{align*}

A body needs amsmath and amssymb.  In a notebook the same blocks stand under HTML headings.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..calculus.steps import Reason
from ..language.terms import Read, Term
from .adjoints import Adjoint, Share
from .chains import Chain, Link
from .document import Derivation
from .latex import latex, name_latex, product_latex
from .local_derivatives import LocalDerivative, reasons
from .reasons import joined, spelled
from .text import unit_of_loss, what_is_given

BESIDE = 48  # a reason of more characters than these goes below its formula
SPECIAL = {c: f"\\{c}" for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
}


@dataclass(frozen=True)
class Line:
    """`left sign right`, and why."""

    left: str
    right: str
    because: Reason = ()
    sign: str = "="


@dataclass(frozen=True)
class Section:
    title: str
    lines: tuple[Line, ...]


def derivation_latex(derivation: Derivation, standalone: bool = False) -> str:
    """The body; `standalone`: a document that compiles as it is."""
    given = "; ".join(what_is_given(derivation))
    unit = unit_of_loss(derivation)
    head = [rf"\section*{{Model {words(derivation.name)}}}", words(given) + ".", notation(derivation, unit)]
    body = [part for part in head if part]
    for section in sections(derivation):
        lines = " \\\\\n".join(aligned(line, derivation) for line in section.lines)
        body.append(f"\\subsection*{{{section.title}}}\n\\begin{{align*}}\n{lines}\n\\end{{align*}}")
    text = "\n\n".join([*body, closing(derivation)]).rstrip()
    if not standalone:
        return text
    return "\n".join(
        (
            r"\documentclass{article}",
            r"\usepackage[a4paper,margin=2cm]{geometry}",
            r"\usepackage{amsmath,amssymb}",
            r"\allowdisplaybreaks",
            r"\begin{document}",
            text,
            r"\end{document}",
        )
    )


def derivation_html(derivation: Derivation) -> str:
    """Headings and display formulas, for a notebook whose MathJax sets them."""
    parts = [f"<h3>Model {html.escape(derivation.name)}</h3>"]
    for section in sections(derivation):
        lines = " \\\\\n".join(aligned(line, derivation) for line in section.lines)
        parts.append(
            f"<h4>{section.title}</h4>\n$$\\begin{{aligned}}\n{html.escape(lines, quote=False)}\n\\end{{aligned}}$$"
        )
    return "\n".join(parts)


# -- sections ----------------------------------------------------------------------------------------------------------


def sections(derivation: Derivation) -> list[Section]:
    forward = [
        Line(formula(derivation, e.left), formula(derivation, e.body), (f"({e.label})",)) for e in derivation.forward
    ]
    locals_ = [
        Line(fraction(local), formula(derivation, local.value), because)
        for local, because in zip(derivation.locals_, reasons(derivation.locals_), strict=True)
    ]
    result = [Section("Forward", tuple(forward)), Section("Local derivatives", tuple(locals_))]
    if derivation.chains:
        lines = [line for chain in derivation.chains for line in chain_lines(chain, derivation)]
        return [*result, Section("Chain rule", tuple(lines))]
    inner = [a for a in derivation.adjoints if a.of.tensor not in derivation.wrt]
    own = [a for a in derivation.adjoints if a.of.tensor in derivation.wrt]
    for title, adjoints in (("Backward", inner), ("Parameters", own)):
        lines = [line for adjoint in adjoints for line in adjoint_lines(adjoint, derivation)]
        if lines:
            result.append(Section(title, tuple(lines)))
    return result


def chain_lines(chain: Chain, derivation: Derivation) -> list[Line]:
    left = total(derivation, Read(chain.parameter))
    lines = summed(left, [link_latex(Link(None, path), derivation) for path in chain.paths])
    if chain.known_from:
        known = [(Read(f"d{start}"), " is reused from ", Read(f"d{other}")) for start, other in chain.known_from]
        lines += summed("", [link_latex(link, derivation) for link in chain.reuse], joined(known, " and "))
    return lines + summed("", [product_latex([local.value for local in path]) for path in chain.paths])


def link_latex(link: Link, derivation: Derivation) -> str:
    start = [total(derivation, Read(link.start))] if link.start is not None else []
    return r" \cdot ".join([*start, *map(fraction, link.path)])


def adjoint_lines(adjoint: Adjoint, derivation: Derivation) -> list[Line]:
    labels = dict.fromkeys(share.local.equation.label for share in adjoint.shares)
    by = ("by " + ", ".join(labels) + ("" if adjoint.kept else "; it goes into its readers"),)
    left = formula(derivation, adjoint.left)
    forms = [Line("", formula(derivation, form.value), form.because) for form in adjoint.forms]
    if all(share.direct(derivation.loss) for share in adjoint.shares):
        return [replace(forms[0], left=left, because=by), *forms[1:]]
    return [*summed(left, [share_latex(share, derivation) for share in adjoint.shares], by), *forms]


def share_latex(share: Share, derivation: Derivation) -> str:
    if share.direct(derivation.loss):
        return fraction(share.local)
    names = ",".join(name_latex(index.name) for index in share.indices)
    sign = rf"\sum_{{{names}}} " if names else ""
    return rf"{sign}{total(derivation, share.local.of)} \cdot {fraction(share.local)}"


# -- pieces ------------------------------------------------------------------------------------------------------------


def aligned(line: Line, derivation: Derivation) -> str:
    """A line of an aligned block; a long reason is a line of its own."""
    written = f"{line.left} &{line.sign} {line.right}".lstrip()
    if not line.because:
        return written
    reason = spelled(line.because, lambda part: rf"\text{{{words(part)}}}", lambda term: formula(derivation, term))
    if len(spelled(line.because)) <= BESIDE:
        return f"{written} && {reason}"
    return f"{written} \\\\\n&\\qquad {reason}"


def summed(left: str, terms: Sequence[str], because: Reason = ()) -> list[Line]:
    first, *others = terms
    return [Line(left, first, because), *(Line("", rf"\quad {term}", sign="+") for term in others)]


def formula(derivation: Derivation, term: Term) -> str:
    names = {adjoint.left.tensor: adjoint.of.tensor for adjoint in derivation.adjoints}
    return latex(term, names)


def total(derivation: Derivation, of: Read) -> str:
    return rf"\frac{{\partial {name_latex(derivation.loss)}}}{{\partial {latex(of, {})}}}"


def fraction(local: LocalDerivative) -> str:
    written = rf"\frac{{\partial {latex(local.of, {})}}}{{\partial {latex(local.by, {})}}}"
    return rf"\left.{written}\right|_{{\mathrm{{{local.equation.label}}}}}" if local.partial else written


def notation(derivation: Derivation, unit: str) -> str:
    loss = name_latex(derivation.loss)
    if derivation.chains:
        return ""
    legend = (
        rf"$\mathrm{{d}}X$ is $\partial {loss}/\partial X$ and has the shape of $X$; a local derivative is 0 where an "
        rf"index that both sides carry differs; $\mathbb{{1}}[\cdot]$ is 1 where it holds, else 0."
    )
    return legend + (f" ${loss}$ is in {unit}." if unit else "")


def closing(derivation: Derivation) -> str:
    products = derivation.products
    if products is None:
        return ""
    return f"Backpropagation: {products.cached} products with caching, {products.uncached} without."


def words(text: str) -> str:
    """Plain words, for text mode."""
    return "".join(SPECIAL.get(character, character) for character in text).replace("<", "$<$")
