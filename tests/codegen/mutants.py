"""Mistakes planted in an emitted file, one at a time: each a change of one place in one line of one function."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from symgrad.codegen.emitted import Generated

FUNCTIONS = ("loss", "gradients", "step")
# what is planted -> (what is looked for in a line of code, what stands there instead)
MISTAKES: dict[str, tuple[str, str]] = {
    "plus for minus": (r"(?<=[\w\])])(?<!stop) - (?=[\w(])", " + "),
    "minus for plus": (r"(?<=[\w\])]) \+ (?=[\w(])(?!1\) //)", " - "),
    "a lost sign": (r"(?<=[(=,] )-(?=\w)", ""),
    "a transpose": (r"\bAS_IS\b", "TRANSPOSED"),
    "a lost transpose": (r"\bTRANSPOSED\b", "AS_IS"),
    "h for h**2": (r" \*\* 2", ""),
    "a lost 1/B": (r" / (real\(B\)|B)(?= |$)", ""),
    "a lost B below": (r"real\(B\) \* ", ""),
    "subtracted instead of added": (r" \+= ", " -= "),
    "overwritten instead of added": (r" [+-]= (?!\w+_parts\[part, )", " = "),  # of one part it is the same
    "a sum that keeps its last term": (r"plus\(\w+, (.*)\)$", r"\1"),
    "a product that overwrites": (r"1\.0(?=, \(address\()", "0.0"),
    "a product that adds to what was there": (r"0\.0(?=, \(address\()", "1.0"),
    "the negative product": (r"\b1\.0(?=, [01]\.0, \(address\()", "-1.0"),
    "forgotten zeros": (r"\[\.\.\.\] = 0$", "[...] *= 1"),
    "another row": (r"\[y\[b\]", "[0"),
    "an input for another": (r"\bdC_rows\[", "C_x["),
    "the maximum of another tile": (r"(?<= - )(\w+)_max_tile\[tile", r"\1_max_tile[0"),
    "the shift of another tile": (r"_max_shift\[tile", "_max_shift[0"),
    "a row of a tile left out": (r"\bstart <= ", "start < "),
    "a tile cut short": (r"(?<=[(, ])stop - start(?=[,)])", "max(0, stop - start - 1)"),
    "the rows of the first tile": (r"(?<=\w), start\)", ")"),
    "the same tile twice": (r"(?<=min\()tile \* 2 \+ 2", "tile * 2 + 3"),
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
    """Every mistake at every place in the loops of `loss`, `gradients` and `step`, and of their sweeps."""
    lines, function, quoted, head = generated.source.split("\n"), "", False, False
    for number, line in enumerate(lines):
        if line.startswith("def "):
            function = line.split("(")[0].removeprefix("def ")
        # neither what a function is given nor what its threads are given is code that these tests run
        head = (head or line.startswith("def ") or "_on_threads(" in line) and not line.rstrip().endswith((")", "):"))
        quoted ^= line.count('"""') % 2 == 1
        code = line.split("  #")[0]
        if (
            function.split("_sweep_")[0] not in FUNCTIONS
            or function.endswith("_on_threads")
            or quoted
            or head
            or code.strip().startswith(("#", "def ", '"""', "return"))
        ):
            continue
        for mistake, (pattern, instead) in MISTAKES.items():
            for found in re.finditer(pattern, code):
                changed = code[: found.start()] + found.expand(instead) + code[found.end() :]
                source = "\n".join([*lines[:number], changed, *lines[number + 1 :]])
                yield Mutant(mistake, function.split("_sweep_")[0], code, changed, replace(generated, source=source))
