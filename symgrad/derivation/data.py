"""A derivation for programs: JSON whose keys stay as they are, with terms in the notation of `print(model)`.

model, loss, wrt           names
parameters, inputs         [{name, shape, role}]
forward                    [{label, equation, left, right}]
updates                    the same of the equations that give the states' next values, outside the gradient
evaluation                 [equation]: what differs in the evaluation form
stopped                    [{name, value, by, from, reason}]: parts under stop_gradient, whose derivative is 0
local_derivatives          [{of, by, value, from, reason, saved}]
chain_rule                 models of scalars: [{parameter, paths: [[local derivative]], factors: [[term]], reused}]
adjoints                   [{name, of, kept, forms: [{value, reason}]}] from the loss down
stable                     what is computed in another form: [{equation, reason}]
gradients                  {parameter: {equation, formula}}
conditions                 what the formulas rest on: ["X is invertible"]
kinks                      what is taken for the derivative at each kink: ["abs(x): the derivative is sign(x), 0 at 0"]
products                   {cached, uncached}, or null where paths are not written out
program                    the equations of forward and backward, in the order of evaluation
"""

from __future__ import annotations

from ..language.notation import equation_text, text
from ..language.program import Equation, Program, Role
from .adjoints import Adjoint
from .chains import Chain
from .document import Derivation
from .local_derivatives import LocalDerivative

INPUTS = (Role.INPUT, Role.TOKENS, Role.MASK, Role.STATE, Role.SETTING)


def derivation_data(derivation: Derivation) -> dict[str, object]:
    """The keys of the module's docstring; numbers, strings, lists and dictionaries only."""
    products = derivation.products
    return {
        "model": derivation.name,
        "loss": derivation.loss,
        "wrt": list(derivation.wrt),
        "parameters": tensors(derivation.program, Role.PARAMETER),
        "inputs": tensors(derivation.program, *INPUTS),
        "forward": [equation_data(equation) for equation in derivation.forward],
        "updates": [equation_data(equation) for equation in derivation.updates],
        "evaluation": [equation_text(equation) for equation in derivation.evaluation],
        "stopped": [
            {"name": s.name, "value": text(s.value), "by": text(s.by), "from": s.equation.label, "reason": s.reason}
            for s in derivation.stopped
        ],
        "local_derivatives": [local_data(local) for local in derivation.locals_],
        "chain_rule": [chain_data(chain) for chain in derivation.chains],
        "adjoints": [adjoint_data(adjoint) for adjoint in derivation.adjoints],
        "stable": [{"equation": f"{text(f.left)} = {text(f.value)}", "reason": f.reason} for f in derivation.stable],
        "gradients": {
            name: {"equation": equation_text(e), "formula": text(e.body)} for name, e in derivation.gradients.items()
        },
        "conditions": list(derivation.conditions),
        "kinks": list(derivation.kinks),
        "products": {"cached": products.cached, "uncached": products.uncached} if products else None,
        "program": [equation_text(equation) for equation in derivation.program.equations()],
    }


def equation_data(equation: Equation) -> dict[str, object]:
    return {
        "label": equation.label,
        "equation": equation_text(equation),
        "left": text(equation.left),
        "right": text(equation.body),
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
        "saved": [saved.equation.tensor for saved in local.saved],
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
