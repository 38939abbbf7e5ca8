"""What a file says of its names: in comments of code, or in lines of text.

# W1: (N*D, H)      the axes of the array in this file, by the model's sizes or indices
# G = dW1           a name of this file for a name of the model
% \\hat y is yh      the same for a name of formulas; among words: "where $\\hat y$ is `yh`"
# sizes: N=3, D=2   the sizes to try
# Y = one_hot(y)    an array of this file's that is made of the model's tokens
# m, y in {0, 1}    inputs of the model that are 0 or 1
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .latex_remarks import in_comment, in_prose

NAME = r"[A-Za-z_]\w*"
SHAPE = re.compile(rf"(?P<name>{NAME})\s*:\s*(?:shape\s*)?\((?P<axes>[^()]*)\)")
STATED = re.compile(rf"^\s*(?P<name>{NAME})\s*(?:=|is|means)\s*(?P<meaning>{NAME})\s*$")
WITH_INDEX = re.compile(r"[A-Za-z]+_[a-z]")
SIZES = re.compile(r"^\s*sizes?\s*:\s*(?P<sizes>.*)$", re.IGNORECASE)
ONE_HOT = re.compile(
    rf"^\s*\$?(?P<name>{NAME})\s*(?:=|is)\s*(?:(?:np\.)?one_?hot\(\s*(?P<a>{NAME})\s*(?:,[^()]*)?\)"
    rf"|np\.eye\([^()]*\)\[\s*(?P<b>{NAME})\s*\])",
    re.IGNORECASE,
)
BINARY = re.compile(
    rf"^\s*\$?(?P<names>{NAME}(?:\s*,\s*{NAME})*)\s*"
    r"(?:(?:in|\u2208|\\in)\s*\\?\{\s*0\s*,\s*1\s*\\?\}|(?:is|are)\s+(?:either\s+)?(?:0\s+or\s+1|binary)\b)"
)
SIZE = re.compile(rf"({NAME})\s*=\s*(\d+)")


@dataclass
class Remarks:
    shapes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stated: dict[str, str] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    one_hots: dict[str, str] = field(default_factory=dict)  # the array -> the tokens
    binary: tuple[str, ...] = ()
    said: dict[str, str] = field(default_factory=dict)  # as `stated`, where the meaning is a name of the model


def remarks_in_code(source: str) -> Remarks:
    """The remarks in the comments that stand on lines of their own."""
    comments = [line.strip().lstrip("#") for line in source.splitlines() if line.strip().startswith("#")]
    return remarks(comments)


def remarks(lines: list[str], prose: str = "", formulas: bool = False) -> Remarks:
    """What lines that are remarks say, and text in which there may be some; among `formulas`, h_t is an h with an
    index below."""
    found = Remarks(said=dict(in_prose(prose)))
    for line in lines:
        sizes = SIZES.match(line)
        if sizes:
            found.sizes.update({name: int(size) for name, size in SIZE.findall(sizes["sizes"])})
            continue
        one_hot, binary = ONE_HOT.match(line), BINARY.match(line)
        if one_hot:
            found.one_hots[one_hot["name"]] = one_hot["a"] or one_hot["b"]
            continue
        if binary:
            found.binary += tuple(name.strip() for name in binary["names"].split(","))
            continue
        stated = STATED.match(line)
        if stated and not (formulas and WITH_INDEX.fullmatch(stated["name"])):
            found.stated[stated["name"]] = stated["meaning"]
        else:
            found.said.update(in_comment(line))
        for shape in SHAPE.finditer(line):
            axes = tuple(axis.strip() for axis in shape["axes"].split(",") if axis.strip())
            found.shapes[shape["name"]] = axes
    return found
