"""Formulas as they stand on paper: names of their own, first indices written out, layouts, chains, mixed files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from symgrad import verify
from symgrad.hand.remarks import remarks
from symgrad.hand.verdicts import Status

from .models import case

BENGIO = Path(__file__).parents[2] / "examples" / "verify" / "bengio2003.md"
RIGHT, WRONG, UNREAD, OWN = Status.RIGHT, Status.WRONG, Status.UNREAD, Status.OWN
MLP, RNN, BATCH = "mlp-relu-W", "rnn-Whh-index", "nn-from-scratch-W1"
STATED = "% \\hat y is yh, \\theta is th\n"
STATES = "% s_t is ht, \\hat y is yh\n"


@dataclass(frozen=True)
class Form:
    id: str
    text: str
    expected: tuple[Status, ...]
    said: str = ""
    suffix: str = ".tex"


FORMS = (
    # names of the file's own
    Form(MLP, STATED + r"\delta = \hat y - y" + "\n" + r"\frac{\partial L}{\partial U} = \delta h^\top", (OWN, RIGHT)),
    Form(MLP, STATED + r"\delta = y - \hat y" + "\n" + r"\nabla_U L = \delta h^\top", (OWN, WRONG), "in line 2"),
    Form(MLP, STATED + r"\delta = \frac{\partial L}{\partial \theta} = \hat y - y", (OWN, RIGHT)),
    Form(MLP, STATED + r"\delta = \frac{\partial L}{\partial \theta} = y - \hat y", (OWN, WRONG), "sign"),
    Form(MLP, STATED + r"\eta = \hat y - y = y - \hat y", (OWN, WRONG)),
    Form(MLP, STATED + r"\eta = \hat y - y = -(y - \hat y)", (OWN, RIGHT)),
    Form(MLP, r"\eta = q - y" + "\n" + r"\nabla_{b_2} L = \eta", (UNREAD, UNREAD), "q is no name"),
    Form(
        MLP,
        STATED + r"\delta = y - \hat y; \nabla_{b_2} L = \delta; \delta = \hat y - y; \nabla_{b_2} L = \delta",
        (OWN, WRONG, OWN, RIGHT),
    ),
    Form(
        MLP,
        STATED
        + r"\delta_k = \hat y_k - y_k; \epsilon_j = \sum_k U_{kj} \delta_k [z_j > 0];"
        + r"\frac{\partial L}{\partial W_{ji}} = \epsilon_j x_i; \frac{\partial L}{\partial W} = \epsilon x^\top",
        (OWN, OWN, RIGHT, RIGHT),
    ),
    Form(
        MLP,
        STATED + r"\delta = \hat y - y; \frac{\partial L}{\partial U_{kj}} = \delta_k h_j = \delta_j h_k",
        (OWN, RIGHT, WRONG),
    ),
    Form(
        MLP,
        STATED
        + r"\delta_k = \hat y_k - y_k; \frac{\partial \hat y_k}{\partial \theta_l} = \hat y_k (\delta_{kl} - \hat y_l)",
        (OWN, RIGHT),
    ),
    Form(MLP, r"\frac{\partial L}{\partial W_{ij}} = \frac{\partial L}{\partial z_j} x_i", (WRONG,), "exchanged"),
    # a number for a whole array
    Form(MLP, r"\nabla_W L = 0", (WRONG,), "lost"),
    # the derivative before a gate's function, or behind it
    Form("lstm-x-gates", r"\delta_o = q \odot \tanh(c)", (RIGHT,)),
    Form(
        "gru-update-gate",
        r"\delta_z = q \odot (g - h_p) \odot z \odot (1 - z); \nabla_{W_z} L = h_p^\top \delta_z",
        (OWN, RIGHT),
    ),
    # first indices written out
    Form(RNN, STATES + r"\frac{\partial L}{\partial o_t} = \hat y_t - y_t", (RIGHT,)),
    Form(RNN, STATES + r"\frac{\partial L}{\partial o_t} = y_t - \hat y_t", (WRONG,), "sign"),
    Form(
        RNN, STATES + r"\frac{\partial L}{\partial W_{hy}} = \sum_t \frac{\partial L}{\partial o_t} s_t^\top", (RIGHT,)
    ),
    Form(
        RNN,
        STATES
        + r"\epsilon_{ti} = (1 - s_{t,i}^2) \frac{\partial L}{\partial s_{t,i}};"
        + r"\frac{\partial L}{\partial W_{hh,ij}} = \sum_t \epsilon_{ti} s_{t-1,j};"
        + r"\frac{\partial L}{\partial W_{hh,ij}} = \sum_t \epsilon_{ti} s_{t,j}",
        (OWN, RIGHT, WRONG),
        "s[t-1,j]",
    ),
    Form(RNN, STATES + r"\frac{\partial L}{\partial b_h} = \frac{\partial L}{\partial s_t}", (UNREAD,), "t is no name"),
    Form(BATCH, r"\frac{\partial L}{\partial W_2} = \sum_n a_{1,n} (P_n - Y_n)^\top", (RIGHT,)),
    Form(BATCH, r"\frac{\partial L}{\partial W_2} = \frac{1}{N} \sum_n a_{1,n} (P_n - Y_n)^\top", (WRONG,), "1/N"),
    Form(BATCH, r"\frac{\partial L}{\partial b_2} = \mathbf{1}^\top (P - Y) = P - Y", (RIGHT, WRONG), "sum"),
    Form(BATCH, r"\frac{\partial L}{\partial z_2} = (P - Y) \mathbf{1} \mathbf{1}", (UNREAD,), "how many ones?"),
    Form(BATCH, r"\frac{\partial L}{\partial W_2} = a_1 (P - Y)^\top", (WRONG,), "transpose"),
    # layouts of Jacobians: one, the other, and both
    Form(
        MLP,
        STATED
        + r"\frac{\partial \theta}{\partial h} = U; \nabla_h L = (\hat y - y)^\top U;"
        + r"\nabla_h L = \frac{\partial L}{\partial \theta} \frac{\partial \theta}{\partial h}",
        (RIGHT,) * 3,
    ),
    Form(
        MLP,
        STATED
        + r"\frac{\partial \theta}{\partial h} = U^\top; \nabla_h L = U^\top (\hat y - y);"
        + r"\nabla_h L = \frac{\partial \theta}{\partial h} \frac{\partial L}{\partial \theta}",
        (RIGHT,) * 3,
    ),
    Form(
        MLP,
        STATED
        + r"\frac{\partial \theta}{\partial h} = U; \frac{\partial z}{\partial x} = W^\top;"
        + r"\nabla_h L = \frac{\partial L}{\partial \theta} \frac{\partial \theta}{\partial h}",
        (RIGHT,) * 3,
        "in denominator layout, while other lines are in numerator layout",
    ),
    # chains
    Form(
        MLP,
        STATED + r"\nabla_\theta L = \hat y - y = y - \hat y = -(y - \hat y)",
        (RIGHT, WRONG, RIGHT),
    ),
    # text, formulas and code
    Form(
        MLP,
        "Where $\\hat y$ is `yh` and $z$ is large,\n$$\\nabla_U L = (\\hat y - y) h^\\top$$\n"
        "```python\ndW = np.outer(dz, x)\n```\n```text\ndW[j,i] = dz[j]*x[i]\n```\n",
        (RIGHT, RIGHT, RIGHT),
        "",
        ".md",
    ),
)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.id} {form.text[-60:]}")
def test_forms(form, tmp_path):
    path = tmp_path / f"mine{form.suffix}"
    path.write_text(form.text.replace(";", "\n") if form.suffix == ".tex" else form.text)
    found = verify(case(form.id).build(), path)
    assert tuple(verdict.status for verdict in found.verdicts) == form.expected, str(found)
    assert form.said in str(found)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        (r" \hat y is yh", {"yhat": "yh"}),
        (r" \hat{y} = yh, \theta is th and $Q$ is `Qm`", {"yhat": "yh", "theta": "th", "Q": "Qm"}),
        (r" \mathbf{h}^{(1)} means h1", {"h1": "h1"}),
        (r" x_i is X", {"x_i": "X"}),
        (r" W_{hh} stands for Whh", {"W_hh": "Whh"}),
        (r" the loss is large", {}),
        (r" \hat y is what the network says", {}),
    ],
)
def test_names_that_comments_state(line, names):
    assert {**(found := remarks([line], formulas=True)).said, **found.stated} == names


def test_bengio_2003():
    found = verify(None, BENGIO)
    assert found.exit_status == 0, str(found)
    claims = found.with_status(RIGHT)
    assert len(claims) == 26
    assert sum(verdict.how.startswith("proved") for verdict in claims) == 25
