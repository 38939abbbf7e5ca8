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
from ..language.algebra import is_negative, negated
from ..language.terms import Read, Term
from .adjoints import Adjoint, Share
from .chains import Chain, Link
from .document import Derivation
from .latex import latex, name_latex, product_latex
from .local_derivatives import LocalDerivative, reasons
from .outside import EVALUATION_TITLE, STATE_TITLE, starting
from .reasons import spelled
from .text import unit_of_loss, what_is_given

BESIDE = 48  # a reason of more characters than these goes below its formula
SPECIAL = (
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {"<": "$<$", ">": "$>$"}
    | {
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
    }
)


@dataclass(frozen=True)
class Line:
    """`left sign right`, and why; all in LaTeX.  A long reason goes below."""

    left: str
    right: str
    reason: str = ""
    below: bool = False
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
        lines = " \\\\\n".join(aligned(line) for line in section.lines)
        body.append(f"\\subsection*{{{section.title}}}\n\\begin{{align*}}\n{lines}\n\\end{{align*}}")
    text = "\n\n".join([*body, closing(derivation)]).rstrip()
    return document(text) if standalone else text


def document(body: str) -> str:
    """The body as a document that compiles as it is."""
    return "\n".join(
        (
            r"\documentclass{article}",
            r"\usepackage[a4paper,margin=2cm]{geometry}",
            r"\usepackage{amsmath,amssymb}",
            r"\allowdisplaybreaks",
            r"\begin{document}",
            body,
            r"\end{document}",
        )
    )


def derivation_html(derivation: Derivation) -> str:
    """Headings and display formulas, for a notebook whose MathJax sets them."""
    parts = [f"<h3>Model {html.escape(derivation.name)}</h3>"]
    for section in sections(derivation):
        lines = " \\\\\n".join(aligned(line) for line in section.lines)
        parts.append(
            f"<h4>{section.title}</h4>\n$$\\begin{{aligned}}\n{html.escape(lines, quote=False)}\n\\end{{aligned}}$$"
        )
    return "\n".join(parts)


# -- sections ----------------------------------------------------------------------------------------------------------


def sections(derivation: Derivation) -> list[Section]:
    names = adjoint_names(derivation)
    forward = [Line(latex(e.left, {}), latex(e.body, {}), rf"\text{{({e.label})}}") for e in derivation.forward]
    locals_ = [
        explained(Line(fraction(local), latex(local.value, {})), because, names)
        for local, because in zip(derivation.locals_, reasons(derivation.locals_), strict=True)
    ]
    updates = [
        Line(latex(e.left, {}), latex(e.body, {}), rf"\text{{({e.label}), {words(starting(derivation.program, e))}}}")
        for e in derivation.updates
    ]
    evaluation = [Line(latex(e.left, {}), latex(e.body, {})) for e in derivation.evaluation]
    locals_ += [
        Line(
            rf"\frac{{\partial {latex(part.value, {})}}}{{\partial {latex(part.by, {})}}}",
            "0",
            rf"\text{{{part.reason}}}",
        )
        for part in derivation.stopped
    ]
    parts = (
        ("Forward", forward),
        (STATE_TITLE, updates),
        (EVALUATION_TITLE, evaluation),
        ("Local derivatives", locals_),
    )
    result = [Section(title, tuple(lines)) for title, lines in parts if lines]
    stable = [
        explained(Line(latex(form.left, names), latex(form.value, names)), form.because, names)
        for form in derivation.stable
    ]
    last = [Section("Stable forms", tuple(stable))] if stable else []
    if derivation.chains:
        chain_rule = tuple(line for chain in derivation.chains for line in chain_lines(chain))
        return [*result, Section("Chain rule", chain_rule), *last]
    inner = [a for a in derivation.adjoints if a.of.tensor not in derivation.wrt]
    own = [a for a in derivation.adjoints if a.of.tensor in derivation.wrt]
    for title, adjoints in (("Backward", inner), ("Parameters", own)):
        lines = [line for adjoint in adjoints for line in adjoint_lines(adjoint, derivation.loss, names)]
        if lines:
            result.append(Section(title, tuple(lines)))
    return [*result, *last]


def adjoint_names(derivation: Derivation) -> dict[str, str]:
    """{"dW1": "W1"}."""
    return {adjoint.left.tensor: adjoint.of.tensor for adjoint in derivation.adjoints}


def chain_lines(chain: Chain) -> list[Line]:
    lines = summed(
        total(chain.loss, Read(chain.parameter)), [link_latex(Link(None, p), chain.loss) for p in chain.paths]
    )
    if chain.known_from:
        known = [
            rf"{total(chain.loss, Read(start))} \text{{ is reused from }} {total(chain.loss, Read(other))}"
            for start, other in chain.known_from
        ]
        reused = summed("", [link_latex(link, chain.loss) for link in chain.reuse])
        lines += [replace(reused[0], reason=r" \text{ and } ".join(known)), *reused[1:]]
    return lines + summed("", [factors_latex([local.value for local in path]) for path in chain.paths])


def link_latex(link: Link, loss: str) -> str:
    start = [total(loss, Read(link.start))] if link.start is not None else []
    return r" \cdot ".join([*start, *map(fraction, link.path)])


def factors_latex(factors: Sequence[Term]) -> str:
    """The factors in their order, only the sign of the first one without parentheses."""
    first, *others = factors
    if others and is_negative(first):
        return f"-{product_latex([negated(first), *others])}"
    return product_latex(factors)


def adjoint_lines(adjoint: Adjoint, loss: str, names: dict[str, str]) -> list[Line]:
    labels = dict.fromkeys(share.local.equation.label for share in adjoint.shares)
    by = ("by " + ", ".join(labels) + ("" if adjoint.kept else "; it goes into its readers"),)
    left = latex(adjoint.left, names)
    forms = [explained(Line("", latex(form.value, names)), form.because, names) for form in adjoint.forms]
    if all(share.direct(loss) for share in adjoint.shares):
        return [explained(replace(forms[0], left=left), by, names), *forms[1:]]
    first, *others = summed(left, [share_latex(share, loss) for share in adjoint.shares])
    return [explained(first, by, names), *others, *forms]


def share_latex(share: Share, loss: str) -> str:
    if share.direct(loss):
        return fraction(share.local)
    names = ",".join(name_latex(index.name) for index in share.indices)
    sign = rf"\sum_{{{names}}} " if names else ""
    return rf"{sign}{total(loss, share.local.of)} \cdot {fraction(share.local)}"


# -- pieces ------------------------------------------------------------------------------------------------------------


def aligned(line: Line) -> str:
    """A line of an aligned block."""
    written = f"{line.left} &{line.sign} {line.right}".lstrip()
    if not line.reason:
        return written
    return f"{written} \\\\\n&\\qquad {line.reason}" if line.below else f"{written} && {line.reason}"


def explained(line: Line, because: Reason, names: dict[str, str]) -> Line:
    """The line with its reason, words and formulas each in their own type."""
    written = spelled(because, lambda part: rf"\text{{{words(part)}}}", lambda term: latex(term, names))
    return replace(line, reason=written, below=len(spelled(because)) > BESIDE)


def summed(left: str, terms: Sequence[str]) -> list[Line]:
    """left = term + term - term, each on its line."""
    first, *others = terms
    signed = [(t.removeprefix("-"), "-" if t.startswith("-") else "+") for t in others]
    return [Line(left, first), *(Line("", term, sign=rf"\quad {sign}") for term, sign in signed)]


def total(loss: str, of: Read) -> str:
    return rf"\frac{{\partial {name_latex(loss)}}}{{\partial {latex(of, {})}}}"


def fraction(local: LocalDerivative) -> str:
    written = rf"\frac{{\partial {latex(local.of, {})}}}{{\partial {latex(local.by, {})}}}"
    return rf"\left.{written}\right|_{{\mathrm{{{local.equation.label}}}}}" if local.partial else written


def notation(derivation: Derivation, unit: str) -> str:
    if derivation.chains:
        return ""
    loss = name_latex(derivation.loss)
    legend = (
        rf"$\mathrm{{d}}X$ is $\partial {loss}/\partial X$ and has the shape of $X$; a local derivative is 0 where an "
        r"index that both sides carry differs; $\mathbb{1}[\cdot]$ is 1 where it holds, else 0."
    )
    return legend + (f" ${loss}$ is in {unit}." if unit else "")


def closing(derivation: Derivation) -> str:
    products, conditions = derivation.products, derivation.conditions
    parts = [f"Where {words(', '.join(conditions))}."] if conditions else []
    if derivation.kinks:
        parts.append(f"At kinks: {words('; '.join(derivation.kinks))}.")
    if products is not None:
        parts.append(f"Backpropagation: {products.cached} products with caching, {products.uncached} without.")
    return "\n\n".join(parts)


def words(text: str) -> str:
    """Plain words, for text mode."""
    return "".join(SPECIAL.get(character, character) for character in text)
