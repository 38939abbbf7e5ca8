"""Hand derivations as people write them on paper: right in LaTeX, wrong, and what has to be said.

`names` is what the text says of its names; `shared` are formulas that stand before both forms.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LatexCase:
    id: str
    right: str
    wrong: str
    said: tuple[str, ...] = ()  # words of the diagnosis; none where `wrong` is another right form
    names: str = ""
    shared: str = ""

    def text(self, form: str) -> str:
        """A .tex file."""
        remark = f"% {self.names}\n" if self.names else ""
        shared = f"{self.shared.strip()} \\\\\n" if self.shared else ""
        return f"{remark}\\begin{{align*}}\n{shared}{getattr(self, form).strip()}\n\\end{{align*}}\n"


RNN = r"""
\delta_t &= (1 - s_t^2) \odot \frac{\partial L}{\partial s_t}
"""
NPLM = r"""
\delta_y &= e_t - p \\
\delta_o &= (1 - a \odot a) \odot \left(U^\top \delta_y\right)
"""
LSTM = r"""
\delta_o &= q \odot \tanh(c) \odot o \odot (1 - o) \\
\delta_c &= q \odot o \odot (1 - \tanh^2(c)) + k \\
\delta_g &= \delta_c \odot i \odot (1 - g^2) \\
\delta_i &= \delta_c \odot g \odot i \odot (1 - i) \\
\delta_f &= \delta_c \odot c_p \odot f \odot (1 - f)
"""
GRU = r"""
\delta_1 &= q \odot z \odot (1 - g \odot g) \\
\delta_2 &= q \odot (g - h_p) \odot z \odot (1 - z) \\
\delta_3 &= \left(\delta_1 W_g^\top\right) \odot h_p \odot r \odot (1 - r)
"""

LATEX_CASES = (
    LatexCase(
        "mlp-relu-W",
        r"\frac{\partial L}{\partial W} &= \left(U^\top(\hat y - y) \odot \mathbb{1}[z>0]\right) x^\top",
        r"\frac{\partial L}{\partial W} &= \left(U(\hat y - y) \odot \mathbb{1}[z>0]\right) x^\top",
        ("transpose", r"U^\top"),
        r"\hat y is yh",
    ),
    LatexCase(
        "mlp-W-outer-order",
        r"\frac{\partial L}{\partial W} &= \delta_1 x^\top",
        r"\frac{\partial L}{\partial W} &= x\, \delta_1^\top",
        ("transposed",),
        r"\hat{y} = yh",
        r"\delta_2 &= \hat{y} - y \\ \delta_1 &= \left(U^T \delta_2\right) \circ \mathbf{1}\{z > 0\}",
    ),
    LatexCase(
        "softmax-classifier-b",
        r"\frac{\partial L}{\partial b_k} &= \frac{1}{N} \sum_{i=1}^N (P_{ik} - Y_{ik})",
        r"\frac{\partial L}{\partial b_k} &= \frac{1}{N^2} \sum_{i=1}^N (P_{ik} - Y_{ik})",
        ("1/N",),
    ),
    LatexCase(
        "nn-from-scratch-W1",
        r"\frac{\partial L}{\partial W_1} &= X^T \left( (1 - \tanh^2 z_1) \circ \delta_3 W_2^T \right)",
        r"\frac{\partial L}{\partial W_1} &= X^T \left( (1 - \tanh^2 z_2) \circ \delta_3 W_2^T \right)",
        ("z_2", "z1"),
        r"\hat{y} is P",
        r"\delta_3 &= \hat{y} - Y",
    ),
    LatexCase(
        "sigmoid-backward-input",
        r"\nabla_x L &= W^\top (g \odot \sigma(z) \odot (1 - \sigma(z)))",
        r"\nabla_x L &= W^\top (g \odot z \odot (1 - z))",
        ("z", "a"),
    ),
    LatexCase(
        "mse-sign",
        r"\frac{dL}{dw} &= -(y - o)(1 - o^2)\, x",
        r"\frac{dL}{dw} &= (y - o)(1 - o^2)\, x",
        ("sign",),
    ),
    LatexCase(
        "shared-variable-accumulate",
        r"\frac{\partial L}{\partial x} &= \frac{1}{d} + \left(\sigma(x)(1-\sigma(x)) + 2(x+y)\right)\frac{-n}{d^2}",
        r"\frac{\partial L}{\partial x} &= 2(x+y)\frac{-n}{d^2}",
        ("path",),
        r"n is num, d is den",
    ),
    LatexCase(
        "softmax-ce-logits",
        r"\frac{\partial L}{\partial z_j} &= -\sum_k \frac{y_k}{o_k} \frac{\partial o_k}{\partial z_j} = o_j - y_j \\"
        r"\frac{\partial o_k}{\partial z_j} &= o_k (\delta_{kj} - o_j)",
        r"\frac{\partial L}{\partial z_j} &= -\frac{y_j}{o_j}\, o_j (1 - o_j) = -y_j (1 - o_j)",
        ("off-diagonal",),
    ),
    LatexCase(
        "softmax-jacobian-from-logits",
        r"J &= \mathrm{diag}(a) - a a^\top \\ \frac{\partial L}{\partial z} &= J^\top (-y \oslash a) = a - y",
        r"J &= \mathrm{diag}(z) - z z^\top \\ \frac{\partial L}{\partial z} &= J^\top (-y \oslash a)",
        ("z", "a"),
    ),
    LatexCase(
        "label-smoothing",
        r"\frac{\partial L}{\partial z} &= p - (1-\varepsilon) y - \frac{\varepsilon}{K} = p - q",
        r"\frac{\partial L}{\partial z} &= p - y",
        ("q", "y"),
        r"\varepsilon is e",
    ),
    LatexCase(
        "nplm-H-sign",
        r"\frac{\partial L}{\partial H} &= \left[(1 - a^2) \odot U^\top (e_t - p)\right] x^\top",
        r"\frac{\partial L}{\partial H} &= \left[(1 - a^2) \odot U^\top (p - e_t)\right] x^\top",
        ("sign",),
        r"p is prob, e_t is onehot_t",
    ),
    LatexCase(
        "nplm-C-gather-not-scatter",
        r"\frac{\partial L}{\partial C_{vj}} &= \sum_{p} [v = c_p]\, \frac{\partial L}{\partial x_{pm+j}}",
        r"\frac{\partial L}{\partial C_{vj}} &= \sum_{p} [v = p]\, \frac{\partial L}{\partial x_{pm+j}}",
        ("ctx",),
        r"c is ctx",
    ),
    LatexCase(
        "nplm-U-wrong-factor",
        r"\frac{\partial L}{\partial U} &= \delta_y a^\top",
        r"\frac{\partial L}{\partial U} &= \delta_y \tanh(a)^\top",
        ("tanh", "twice"),
        r"p is prob, e_t is onehot_t",
        NPLM,
    ),
    LatexCase(
        "position-embedding-batch",
        r"\frac{\partial L}{\partial E_{t,l}} &= \sum_{b=1}^{B} Q_{b,t,l}",
        r"\frac{\partial L}{\partial E_{t,l}} &= Q_{B-1,t,l}",
        ("sum",),
        r"E is wpe",
    ),
    LatexCase(
        "w2v-softmax-vc",
        r"\frac{\partial J}{\partial v_c} &= U(\hat{\mathbf{y}} - \mathbf{y})",
        r"\frac{\partial J}{\partial v_c} &= U^\top(\hat{\mathbf{y}} - \mathbf{y})",
        ("transpose",),
        r"U is Um, \hat{\mathbf{y}} is yh",
    ),
    LatexCase(
        "sgns-uk",
        r"\frac{\partial J}{\partial u_{k,i}} &= \sigma(z_k)\, v_{c,i}",
        r"\frac{\partial J}{\partial u_{k,i}} &= (\sigma(z_k) - 1)\, v_{c,i}",
        ("sign",),
        r"u is Uk",
        r"z_k &= \sum_i u_{k,i} v_{c,i}",
    ),
    LatexCase(
        "sgns-repeated-negative",
        r"\frac{\partial J}{\partial U_{vi}} &= [v = o] \left(\sigma(s_o) - 1\right) c_i"
        r" + \sum_n [v = k_n]\, \sigma(s_v)\, c_i",
        r"\frac{\partial J}{\partial U_{vi}} &= [v = o] \left(\sigma(s_o) - 1\right) c_i"
        r" + \max_n([v = k_n])\, \sigma(s_v)\, c_i",
        ("once",),
        r"c is vc",
        r"s_v &= \sum_i U_{vi} c_i",
    ),
    LatexCase(
        "logreg-sign",
        r"\nabla_\theta J &= \frac{1}{m} X^T (\sigma(X\theta) - y)",
        r"\nabla_\theta J &= -\frac{1}{m} X^T (\sigma(X\theta) - y)",
        ("sign",),
        r"\theta is th",
    ),
    LatexCase(
        "least-squares-transposes",
        r"\frac{\partial L}{\partial w} &= -2 X^\top (y - Xw) = 2 X^\top X w - 2 X^\top y",
        r"\frac{\partial L}{\partial w} &= -2 X (y - Xw)",
        ("transpose",),
    ),
    LatexCase(
        "poisson-regression",
        r"\frac{\partial L}{\partial \theta} &= \sum_{i} \left(\exp(x_i^\top \theta) - y_i\right) x_i",
        r"\frac{\partial L}{\partial \theta} &= \sum_{i} \left(x_i^\top \theta - y_i\right) x_i",
        ("exp",),
        r"\theta is th, x_i is X",
    ),
    LatexCase(
        "cosine-similarity",
        r"\frac{\partial L}{\partial a} &= \frac{b}{\|a\| \|b\|} - \frac{a^\top b}{\|a\|^3 \|b\|}\, a",
        r"\frac{\partial L}{\partial a} &= \frac{b}{\|a\| \|b\|}",
        ("norm", "constant"),
    ),
    LatexCase(
        "cookbook-tr-AXB",
        r"\frac{\partial \operatorname{L}}{\partial X} &= A^\top B^\top = (BA)^\top",
        r"\frac{\partial L}{\partial X} &= B A",
        ("transpose",),
    ),
    LatexCase(
        "cookbook-logdet",
        r"\frac{\partial L}{\partial X} &= X^{-\top} = \left(X^\top\right)^{-1}",
        r"\frac{\partial L}{\partial X} &= X^{-1}",
        ("transpose",),
    ),
    LatexCase(
        "cookbook-sum-of-traces",
        r"\frac{\partial L}{\partial A} &= 2A",
        r"\frac{\partial L}{\partial A} &= 0",
        ("lost",),
    ),
    LatexCase(
        "rnn-Whh-index",
        r"\frac{\partial L}{\partial W_{hh}} &= \sum_{t=1}^{T} \delta_t s_{t-1}^\top",
        r"\frac{\partial L}{\partial W_{hh}} &= \sum_{t=1}^{T} \delta_t s_t^\top",
        ("off by one",),
        r"s_t is ht",
        RNN,
    ),
    LatexCase(
        "rnn-bh-not-accumulated",
        r"\frac{\partial L}{\partial b_h} &= \sum_t \delta_t",
        r"\frac{\partial L}{\partial b_h} &= 0",
        ("lost",),
        r"s_t is ht",
        RNN,
    ),
    LatexCase(
        "rnn-mean-over-time",
        r"\frac{\partial L}{\partial W_{qh}} &= \frac{1}{T} \sum_{t=1}^T (\hat y_t - e_t)\, h_t^\top",
        r"\frac{\partial L}{\partial W_{qh}} &= \sum_{t=1}^T (\hat y_t - e_t)\, h_t^\top",
        ("1/T",),
        r"\hat y is yh, h_t is Hs, e_t is ts",
    ),
    LatexCase(
        "lstm-x-gates",
        r"\frac{\partial L}{\partial x} &= \delta_o U_o^\top + \delta_g U_g^\top + \delta_i U_i^\top"
        r" + \delta_f U_f^\top",
        r"\frac{\partial L}{\partial x} &= \delta_o U_o^\top + \delta_g U_g^\top + \delta_i U_i^\top"
        r" + \delta_f W_f^\top",
        ("W_f", "Uf"),
        "",
        LSTM,
    ),
    LatexCase(
        "gru-update-gate",
        r"\frac{\partial L}{\partial W_z} &= h_p^\top \delta_2",
        r"\frac{\partial L}{\partial W_z} &= h_p^\top \left[(q \odot g + q \odot z) \odot z \odot (1 - z)\right]",
        ("g",),
        "",
        GRU,
    ),
    LatexCase(
        "gru-x-duplicate-weight",
        r"\frac{\partial L}{\partial x} &= \delta_3 U_r^\top + \delta_2 U_z^\top + \delta_1 U_g^\top",
        r"\frac{\partial L}{\partial x} &= \delta_3 U_r^\top + \delta_2 U_r^\top + \delta_1 U_g^\top",
        ("U_r", "Uz"),
        "",
        GRU,
    ),
    LatexCase(
        "batchnorm-dgain",
        r"\frac{\partial L}{\partial \gamma} &= \sum_i Q_i \odot \hat{x}_i = \mathbf{1}^\top (Q \odot \hat x)",
        r"\frac{\partial L}{\partial \gamma} &= \sum_i Q_i \odot x_i",
        ("xh",),
        r"\gamma is gain, \hat x is xh",
    ),
    LatexCase(
        "layernorm-dx-weight",
        r"\frac{\partial L}{\partial x} &= r \odot \left( \delta - \operatorname{rowmean}(\delta)"
        r" - \hat{n} \odot \operatorname{rowmean}(\delta \odot \hat{n}) \right)",
        r"\frac{\partial L}{\partial x} &= r \odot \left( Q - \operatorname{rowmean}(Q)"
        r" - \hat{n} \odot \operatorname{rowmean}(Q \odot \hat{n}) \right)",
        ("w",),
        r"\hat n is nn, r is rs",
        r"\delta &= Q \odot w",
    ),
    LatexCase(
        "rmsnorm-dx",
        r"\frac{\partial L}{\partial x_{bj}} &= r_{b} \left( d_{bj} - \hat{x}_{bj} \frac{1}{c} \sum_k d_{bk}"
        r" \hat{x}_{bk} \right)",
        r"\frac{\partial L}{\partial x_{bj}} &= r_{b} \left( d_{bj} - \frac{1}{c} \sum_k d_{bk}"
        r" - \hat{x}_{bj} \frac{1}{c} \sum_k d_{bk} \hat{x}_{bk} \right)",
        ("term",),
        r"\hat x is xh",
        r"r_b &= \left(\frac{1}{c} \sum_k x_{bk}^2 + \epsilon\right)^{-1/2} \\ d_{bj} &= Q_{bj} w_j",
    ),
    LatexCase(
        "attn-dQ-scale",
        r"\frac{\partial L}{\partial Q} &= \frac{1}{\sqrt{d_k}}\, dS\, K",
        r"\frac{\partial L}{\partial Q} &= dS\, K",
        ("sqrt",),
        r"Q is Qm, K is Km, V is Vm",
        r"dA &= dO\, V^\top \\ dS &= A \odot \left(dA - \operatorname{rowsum}(A \odot dA)\right)",
    ),
    LatexCase(
        "attn-dS-diagonal",
        r"\frac{\partial L}{\partial S} &= A \odot (dA - (A \odot dA)\mathbf{1}\mathbf{1}^\top)",
        r"\frac{\partial L}{\partial S} &= A \odot (1 - A) \odot dA",
        ("off-diagonal",),
        r"S is Sm, V is Vm",
        r"dA &= dO\, V^\top",
    ),
    LatexCase(
        "gelu-tanh",
        r"\frac{\partial L}{\partial x} &= g \odot \left[\frac{1}{2}(1 + t) + \frac{1}{2} x \odot (1 - t^2)\, s_2"
        r" \odot (1 + 3 \cdot 0.044715\, x^2)\right]",
        r"\frac{\partial L}{\partial x} &= g \odot \left[\frac{1}{2}(1 + t) + \frac{1}{2} x \odot (1 - t^2)\, s_2"
        r"\right]",
        ("inner",),
    ),
    LatexCase(
        "eq-logreg-exp-form",
        r"\frac{\partial L}{\partial w} &= \sum_i (\sigma(w^\top x_i) - y_i)\, x_i",
        r"\frac{\partial L}{\partial w} &= -\sum_i \left[ x_i (y_i - 1) \frac{e^{w^\top x_i}}{e^{w^\top x_i} + 1}"
        r" + x_i \frac{y_i}{e^{w^\top x_i} + 1} \right]",
        (),
        r"x_i is X",
    ),
    LatexCase(
        "eq-tanh-sech",
        r"\frac{\partial L}{\partial w} &= -(y - o)(1 - o^2)\, x",
        r"\frac{\partial L}{\partial w} &= -\frac{(y - o)}{\cosh^2(w^\top x)}\, x"
        r" = -(y - o)\left(1 - \tanh^2(w^\top x)\right) x",
    ),
    LatexCase(
        "eq-softmax-vjp-matrix",
        r"\frac{\partial L}{\partial z} &= s \odot (g - g^\top s)",
        r"\frac{\partial L}{\partial z} &= \left(\operatorname{diag}(s) - s s^\top\right) g",
    ),
    LatexCase(
        "eq-embedding-onehot-matmul",
        r"\frac{\partial L}{\partial C_{vj}} &= \sum_{n} [w_n = v]\, Q_{nj}",
        r"\frac{\partial L}{\partial C} &= w^\top Q",
        (),
        r"w is ctx",
    ),
)
