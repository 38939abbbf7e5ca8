"""Reused parts: what a `Use` means.

    Use(part, (("u", "x"), ...), prefix="enc_")    the part's equations with its given tensors bound to the caller's,
                                                   and its own definitions called enc_...

A part may be used many times, under different prefixes; parameters that are bound to the same tensor are shared, and
the reverse sweep then adds the gradients of all uses.
"""

from __future__ import annotations

from dataclasses import replace

from .errors import DeclarationError
from .program import Equation, Item, Program, Recurrence, Role, Tensor, Use
from .ranges import same_extent
from .rewriting import rebuild
from .terms import Binder, Index, Read, Size, Term


def flatten(program: Program) -> Program:
    """The same program with every part written out; what all later stages work on.

    Raises DeclarationError for an argument that the part or the caller does not know, or with another shape.
    """
    tensors = dict(program.tensors)
    items = flattened(program, program.items, tensors)
    return replace(program, tensors=tensors, items=items)


def flattened(program: Program, items: tuple[Item, ...], tensors: dict[str, Tensor]) -> tuple[Item, ...]:
    result: list[Item] = []
    for item in items:
        if isinstance(item, Equation):
            result.append(item)
        elif isinstance(item, Recurrence):
            result.append(replace(item, items=flattened(program, item.items, tensors)))
        else:
            result += written_out(program, item, tensors)
    return tuple(result)


def written_out(program: Program, use: Use, tensors: dict[str, Tensor]) -> tuple[Item, ...]:
    part = flatten(use.part)
    if part.updates or part.evaluation:
        raise DeclarationError(
            f"{program.name}: part {part.name} changes states or has an evaluation form; say both in {program.name}, "
            "which knows what the part's tensors are bound to"
        )
    names = dict(use.arguments)
    sizes: dict[str, Term] = {}
    for inner, tensor in part.tensors.items():
        if tensor.role is Role.DEFINITION:
            names[inner] = use.prefix + inner
            continue
        if inner not in names or names[inner] not in tensors:
            raise DeclarationError(
                f"{program.name}: part {part.name} needs {inner}; bind it to a tensor that is declared before"
            )
        bind_sizes(program, part, tensor, tensors[names[inner]], sizes)
    for inner in names:
        if inner not in part.tensors:
            raise DeclarationError(f"{program.name}: part {part.name} has no tensor {inner}")

    def rename(term: Term) -> Term:
        match term:
            case Size(name):
                return sizes.get(name, term)
            case Index(name, extent):
                return Index(name, rename(extent))
            case Read(tensor, indices):
                return Read(names[tensor], tuple(map(rename, indices)))
            case Binder():
                indices = tuple(Index(index.name, rename(index.extent)) for index in term.indices)
                return term.rebound(indices, rename(term.body), tuple(map(rename, term.outside)))
        return rebuild(term, rename)

    for inner, tensor in part.tensors.items():
        if tensor.role is Role.DEFINITION:
            name = names[inner]
            if name in tensors:
                raise DeclarationError(f"{program.name}: part {part.name} defines {name} again; use another prefix")
            tensors[name] = replace(tensor, name=name, indices=tuple(map(rename, tensor.indices)))
    return renamed_items(part.items, names, rename)


def renamed_items(items: tuple[Item, ...], names: dict[str, str], rename) -> tuple[Item, ...]:
    result: list[Item] = []
    for item in items:
        if isinstance(item, Recurrence):
            result.append(replace(item, index=rename(item.index), items=renamed_items(item.items, names, rename)))
        else:
            indices = tuple(map(rename, item.indices))
            label = f"{names[item.tensor]}" if item.label else ""
            result.append(Equation(names[item.tensor], indices, rename(item.body), label))
    return tuple(result)


def bind_sizes(program: Program, part: Program, inner: Tensor, outer: Tensor, sizes: dict[str, Term]) -> None:
    """Read the part's sizes off the caller's tensor.  Raises DeclarationError where they do not agree."""
    if len(inner.shape) != len(outer.shape):
        raise DeclarationError(
            f"{program.name}: {outer.name} has {len(outer.shape)} axes, part {part.name} expects {inner.name} with "
            f"{len(inner.shape)}"
        )
    for wanted, given in zip(inner.shape, outer.shape, strict=True):
        if isinstance(wanted, Size) and not same_extent(sizes.setdefault(wanted.name, given), given):
            raise DeclarationError(
                f"{program.name}: part {part.name} uses size {wanted.name} with two sizes, one of them in {outer.name}"
            )
