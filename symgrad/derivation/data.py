"""A derivation for programs: JSON whose keys stay as they are, with terms in the notation of `print(model)`.

model, loss, wrt           names
parameters, inputs         [{name, shape, role}]
forward                    [{label, equation, left, right}]
local_derivatives          [{of, by, value, from, reason, saved}]
chain_rule                 models of scalars: [{parameter, paths: [[local derivative]], factors: [[term]], reused}]
adjoints                   [{name, of, kept, forms: [{value, reason}]}] from the loss down
gradients                  {parameter: {equation, formula}}
conditions                 what the formulas rest on: ["X is invertible"]
products                   {cached, uncached}, or null where paths are not written out
program                    the equations of forward and backward, in the order of evaluation
"""

from __future__ import annotations

from ..language.notation import equation_text, text
from ..language.program import Program, Role
from .adjoints import Adjoint
from .chains import Chain
from .document import Derivation
from .local_derivatives import LocalDerivative

INPUTS = (Role.INPUT, Role.TOKENS, Role.STATE, Role.SETTING)


def derivation_data(derivation: Derivation) -> dict[str, object]:
    """The keys of the module's docstring; numbers, strings, lists and dictionaries only."""
    products = derivation.products
    return {
        "model": derivation.name,
        "loss": derivation.loss,
        "wrt": list(derivation.wrt),
        "parameters": tensors(derivation.program, Role.PARAMETER),
        "inputs": tensors(derivation.program, *INPUTS),
        "forward": [
            {"label": e.label, "equation": equation_text(e), "left": text(e.left), "right": text(e.body)}
            for e in derivation.forward
        ],
        "local_derivatives": [local_data(local) for local in derivation.locals_],
        "chain_rule": [chain_data(chain) for chain in derivation.chains],
        "adjoints": [adjoint_data(adjoint) for adjoint in derivation.adjoints],
        "gradients": {
            name: {"equation": equation_text(e), "formula": text(e.body)} for name, e in derivation.gradients.items()
        },
        "conditions": list(derivation.conditions),
        "products": {"cached": products.cached, "uncached": products.uncached} if products else None,
        "program": [equation_text(equation) for equation in derivation.program.equations()],
    }


def tensors(program: Program, *roles: Role) -> list[dict[str, object]]:
    return [
        {"name": tensor.name, "shape": [text(extent) for extent in tensor.shape], "role": tensor.role.value}
        for tensor in program.with_role(*roles)
    ]


def local_data(local: LocalDerivative) -> dict[str, object]:
    return {
        "name": local.name,
        "of": text(local.of),
        "by": text(local.by),
        "value": text(local.value),
        "from": local.equation.label,
        "reason": local.reason,
        "saved": [equation.tensor for equation in local.saved],
    }


def chain_data(chain: Chain) -> dict[str, object]:
    return {
        "parameter": chain.parameter,
        "paths": [[local.name for local in path] for path in chain.paths],
        "factors": [[text(local.value) for local in path] for path in chain.paths],
        "reused": [{"adjoint": f"d{chain.loss}/d{start}", "from": other} for start, other in chain.known_from],
        "formula": text(chain.formula),
    }


def adjoint_data(adjoint: Adjoint) -> dict[str, object]:
    return {
        "name": text(adjoint.left),
        "of": text(adjoint.of),
        "kept": adjoint.kept,
        "from": list(dict.fromkeys(share.local.equation.label for share in adjoint.shares)),
        "forms": [{"value": text(form.value), "reason": form.reason} for form in adjoint.forms],
    }
