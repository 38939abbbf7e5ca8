"""Substitution without capture, bound indices with fresh names, and the canonical form that comparison rests on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache

from .terms import Add, Binder, Compare, Index, Inverse, Mul, Read, Term


def fresh_index(index: Index, taken: Iterable[str]) -> Index:
    """`index`, renamed to `v2`, `v3`, ... where its name is taken."""
    taken = set(taken)
    if index.name not in taken:
        return index
    stem = index.name.rstrip("0123456789") or index.name
    number = 2
    while f"{stem}{number}" in taken:
        number += 1
    return Index(f"{stem}{number}", index.extent)


def fresh_name(name: str, taken: Iterable[str]) -> str:
    """`name`, with `_` behind it until no tensor in `taken` is called so."""
    taken = set(taken)
    while name in taken:
        name += "_"
    return name


def substitute(term: Term, mapping: Mapping[Term, Term]) -> Term:
    """Replace every occurrence of the keys (indices or whole terms), never capturing.

    A bound index whose name occurs free in a replacement is renamed first.
    """
    if not mapping:
        return term
    memo: dict[Term, Term] = {}

    def visit(node: Term) -> Term:
        if node in mapping:
            return mapping[node]
        if node not in memo:
            memo[node] = substitute_binder(node, mapping) if isinstance(node, Binder) else rebuild(node, visit)
        return memo[node]

    return visit(term)


def substitute_binder(node: Binder, mapping: Mapping[Term, Term]) -> Term:
    """`substitute` below a binder: bound indices shadow, and are renamed where they would capture."""
    bound = set(node.indices)
    free = node.body.free  # an index that does not occur brings nothing in, and renames nothing
    inner = {
        old: new
        for old, new in mapping.items()
        if not (old.free & bound) and (old in free or not isinstance(old, Index))
    }
    outside = tuple(substitute(term, mapping) for term in node.outside)
    if not inner:
        return node.rebound(node.indices, node.body, outside) if outside else node
    incoming = {index.name for new in inner.values() for index in new.free}
    renamed, indices = {}, []
    taken = incoming | {index.name for index in node.body.free | node.free}
    for index in node.indices:
        new = fresh_index(index, taken) if index.name in incoming else index
        taken.add(new.name)
        if new is not index:
            renamed[index] = new
        indices.append(new)
    # at once: a fresh name may be one that `inner` replaces, such as v2 in {v2: v4}
    body = substitute(node.body, {**inner, **renamed})
    return node.rebound(tuple(indices), body, outside)


def rebuild(node: Term, visit: Callable[[Term], Term]) -> Term:
    """The node with `visit` applied to its children; the same object where nothing changed."""
    children = node.children
    new = tuple([visit(child) for child in children])
    for old, now in zip(children, new, strict=True):
        if old is not now:
            return node.with_children(new)
    return node


def unique_bound(term: Term, taken: Iterable[str] = ()) -> Term:
    """The same term with every bound index named differently from `taken`, from free indices and from one another."""
    used = set(taken) | {index.name for index in term.free}

    def visit(node: Term) -> Term:
        if not isinstance(node, Binder):
            return rebuild(node, visit)
        renamed, indices = {}, []
        for index in node.indices:
            new = fresh_index(index, used)
            used.add(new.name)
            indices.append(new)
            if new is not index:
                renamed[index] = new
        body = visit(substitute(node.body, renamed))
        return node.rebound(tuple(indices), body, tuple(map(visit, node.outside)))

    return visit(term)


@lru_cache(maxsize=65536)
def canonical(term: Term) -> Term:
    """A normal form up to the names of bound indices and the order of sums, products and summed indices.

    Equal canonical forms mean equal terms; different ones prove nothing.
    """
    return _canonical(term, 0)


def _canonical(term: Term, depth: int) -> Term:
    if isinstance(term, Inverse):
        return min((canonical_binder(form, form.indices, depth) for form in (term, term.transposed)), key=repr_key)
    if isinstance(term, Binder):
        # The names tell the nesting depth, so that equal binders get equal names wherever they stand.  Several
        # indices of one sum are put in the order that makes the body smallest among the orders of first use.
        order = sorted(term.indices, key=lambda index: (repr_key(index.extent), first_use(index, term.body)))
        return canonical_binder(term, order, depth)
    node = rebuild(term, lambda child: _canonical(child, depth))
    if isinstance(node, Add | Mul):
        return node.with_children(tuple(sorted(node.children, key=repr_key)))
    if isinstance(node, Compare) and node.relation in ("==", "!="):
        left, right = sorted((node.left, node.right), key=repr_key)
        return Compare(node.relation, left, right)
    return node


def canonical_binder(term: Binder, order: Iterable[Index], depth: int) -> Binder:
    """The binder over `order`, its bound indices named by the depth at which they stand."""
    renamed = {old: Index(f"%{depth + k}", old.extent) for k, old in enumerate(order)}
    body = _canonical(substitute(term.body, renamed), depth + len(renamed))
    return term.rebound(tuple(renamed.values()), body, tuple(_canonical(part, depth) for part in term.outside))


def first_use(index: Index, body: Term) -> str:
    """A key for where an index occurs, free of the names of indices."""
    uses = []
    for node in body.walk():
        if isinstance(node, Read):
            uses += [f"{node.tensor}/{k}" for k, child in enumerate(node.indices) if index in child.free]
    return " ".join(sorted(uses))


@lru_cache(maxsize=65536)
def repr_key(term: Term) -> str:
    """An order of terms that depends on nothing but their structure."""
    parts = [repr_key(f) if isinstance(f, Term) else _field_key(f) for f in term.fields]
    return f"{type(term).__name__}({','.join(parts)})"


def _field_key(value: object) -> str:
    if isinstance(value, tuple):
        return "(" + ",".join(repr_key(v) if isinstance(v, Term) else str(v) for v in value) + ")"
    return str(value)


def same(left: Term, right: Term) -> bool:
    """Equal up to bound names and the order of sums and products."""
    return left == right or canonical(left) == canonical(right)
