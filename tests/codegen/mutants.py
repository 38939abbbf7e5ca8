"""Mistakes planted in an emitted file, one at a time: each a change of one place in one line of one function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from symgrad.codegen.emitted import Generated

FUNCTIONS = ("loss", "gradients", "step")
# what is planted -> (what is looked for in a line of code, what stands there instead)
MISTAKES: dict[str, tuple[str, str]] = {
    "plus for minus": (r"(?<=[\w\])]) - (?=[\w(])", " + "),
    "minus for plus": (r"(?<=[\w\])]) \+ (?=[\w(])", " - "),
    "a lost sign": (r"(?<=[(=,] )-(?=\w)", ""),
    "a transpose": (r"\bAS_IS\b", "TRANSPOSED"),
    "a lost transpose": (r"\bTRANSPOSED\b", "AS_IS"),
    "h for h**2": (r" \*\* 2", ""),
    "a lost 1/B": (r" / (real\(B\)|B)(?= |$)", ""),
    "a lost B below": (r"real\(B\) \* ", ""),
    "subtracted instead of added": (r" \+= ", " -= "),
    "overwritten instead of added": (r" [+-]= ", " = "),
    "a sum that keeps its last term": (r"plus\(\w+, (.*)\)$", r"\1"),
    "a product that overwrites": (r", 1\.0, 1\.0, ", ", 1.0, 0.0, "),
    "a product that adds to what was there": (r", 0\.0, ", ", 1.0, "),
    "the negative product": (r"(?<=, )1\.0(?=, [01]\.0, )", "-1.0"),
    "forgotten zeros": (r"\[\.\.\.\] = 0$", "[...] *= 1"),
    "another row": (r"\[b, y\[b\]\]", "[b, 0]"),
    "an input for another": (r"\bh\b(?=, AS_IS)", "dh"),
    "the other state": (r"\bm_(?=\w+\[)", "v_"),
    "the other decay": (r"\bbeta1\b", "beta2"),
    "a lost factor": (r"real\(lr\) \* ", ""),
    "divided by the square": (r"\bsqrt\(", "("),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """`generated` with one line of `function` changed as `mistake` says."""

    mistake: str
    function: str
    before: str
    after: str
    generated: Generated

    def __str__(self) -> str:
        return f"{self.mistake} in {self.function}: {self.before.strip()} -> {self.after.strip()}"


def mutants(generated: Generated) -> Iterator[Mutant]:
    """Every mistake at every place in the loops of `loss`, `gradients` and `step`."""
    lines, function, quoted = generated.source.split("\n"), "", False
    for number, line in enumerate(lines):
        if line.startswith("def "):
            function = line.split("(")[0].removeprefix("def ")
        quoted ^= line.count('"""') % 2 == 1
        code = line.split("  #")[0]
        if function not in FUNCTIONS or quoted or code.strip().startswith(("#", "def ", '"""', "return")):
            continue
        for mistake, (pattern, instead) in MISTAKES.items():
            for found in re.finditer(pattern, code):
                changed = code[: found.start()] + found.expand(instead) + code[found.end() :]
                source = "\n".join([*lines[:number], changed, *lines[number + 1 :]])
                yield Mutant(mistake, function, code, changed, replace(generated, source=source))
