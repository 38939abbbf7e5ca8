"""transformer_lm: loss, gradients and adam step.  Emitted by symgrad 0.1.0; do not edit.

Axes       v in V   d in D   t in T   n in N   k in K   e in E   f in F   b in B   s in T
Inputs     x (B,T) < V token ids   y (B,T) < V token ids
Parameters C (V,D)   P (T,D)   Q (N,K,E,D)   G (N,K,E,D)   A (N,K,E,D)   M (N,D,K,E)   g1 (N,D)   b1 (N,D)   g2 (N,D)   b2 (N,D)   W (N,F,D)   w (N,F)   U (N,D,F)   u (N,D)   H (V,D)   h (V)
States     m_C (V,D)   v_C (V,D)   m_P (T,D)   v_P (T,D)   m_Q (N,K,E,D)   v_Q (N,K,E,D)   m_G (N,K,E,D)   v_G (N,K,E,D)   m_A (N,K,E,D)   v_A (N,K,E,D)   m_M (N,D,K,E)   v_M (N,D,K,E)   m_g1 (N,D)   v_g1 (N,D)   m_b1 (N,D)   v_b1 (N,D)   m_g2 (N,D)   v_g2 (N,D)   m_b2 (N,D)   v_b2 (N,D)   m_W (N,F,D)   v_W (N,F,D)   m_w (N,F)   v_w (N,F)   m_U (N,D,F)   v_U (N,D,F)   m_u (N,D)   v_u (N,D)   m_H (V,D)   v_H (V,D)   m_h (V)   v_h (V)
Settings   lr, beta1, beta2, eps, t
Saved      z1_dev (N,B,T)   z1_hat (N,B,T,D)   z1 (N,B,T,D)   q (N,B,T,K,E)   key (N,B,T,K,E)   val (N,B,T,K,E)   p (N,B,K,T,T)   mix (N,B,T,K,E)   z3_dev (N,B,T)   z3_hat (N,B,T,D)   z3 (N,B,T,D)   a (N,B,T,F)   gelu (N,B,T,F)   r (N,B,T,D)   pred (B,T,V)   forward values that the backward reads
Notation   dX is dL/dX, with the shape of X;  [v == y] is 1 if true, else 0

Forward    (F1) emb[b,t,d] = P[t,d] + C[x[b,t],d]
           (F2) z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
           (F3) z1_mean[n,b,t] = 1/D * sum_d z[n,b,t,d]
           (F4) z1_dev[n,b,t] = sqrt((1/D * sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2) + 1e-05)
           (F5) z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
           (F6) z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
           (F7) q[n,b,t,k,e] = sum_d Q[n,k,e,d]*z1[n,b,t,d]
           (F8) key[n,b,t,k,e] = sum_d G[n,k,e,d]*z1[n,b,t,d]
           (F9) val[n,b,t,k,e] = sum_d A[n,k,e,d]*z1[n,b,t,d]
           (F10) score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
           (F11) masked[n,b,k,t,s] = score[n,b,k,t,s] if [s <= t] else -1000000000.0
           (F12) p[n,b,k,t,s] = exp(masked[n,b,k,t,s])/(sum_s2 exp(masked[n,b,k,t,s2]))
           (F13) mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
           (F14) z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
           (F15) z3_mean[n,b,t] = 1/D * sum_d z2[n,b,t,d]
           (F16) z3_dev[n,b,t] = sqrt((1/D * sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2) + 1e-05)
           (F17) z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
           (F18) z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
           (F19) a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
           (F20) gelu[n,b,t,f] = a[n,b,t,f]*(tanh(sqrt(2)*(a[n,b,t,f] + 0.044715*a[n,b,t,f]**3)/sqrt(pi)) + 1)/2
           (F21) r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
           (F22) o[b,t,v] = h[v] + sum_d H[v,d]*r[N - 1,b,t,d]
           (F23) pred[b,t,v] = exp(o[b,t,v])/(sum_v2 exp(o[b,t,v2]))
           (F24) L = -1/(B*T) * sum_b,t log(pred[b,t,y[b,t]])
Stable     p[n,b,k,t,s] = exp(masked[n,b,k,t,s] - masked_max[n,b,k,t])/(sum_s2 exp(masked[n,b,k,t,s2] - masked_max[n,b,k,t]))
           L = -1/(B*T) * sum_b,t (o[b,t,y[b,t]] - o_max[b,t] - log(sum_v2 exp(o[b,t,v2] - o_max[b,t])))
Backward   do[b,t,v] = (pred[b,t,v] - [v == y[b,t]])/(B*T)
           dr[n,b,t,d] = ([n == N - 1] * sum_v H[v,d]*do[b,t,v]) + (dz[n + 1,b,t,d] if [n + 1 < N] else 0)
           dgelu[n,b,t,f] = sum_d U[n,d,f]*dr[n,b,t,d]
           da[n,b,t,f] = dgelu[n,b,t,f]*((tanh(sqrt(2)*a[n,b,t,f]*(0.044715*a[n,b,t,f]**2 + 1)/sqrt(pi)) + 1)/2 + sqrt(2)*(1 - tanh(sqrt(2)*a[n,b,t,f]*(0.044715*a[n,b,t,f]**2 + 1)/sqrt(pi))**2)*a[n,b,t,f]/(2*sqrt(pi)) + 0.0670725*sqrt(2)*a[n,b,t,f]**3*(1 - tanh(sqrt(2)*a[n,b,t,f]*(0.044715*a[n,b,t,f]**2 + 1)/sqrt(pi))**2)/sqrt(pi))
           dz3[n,b,t,d] = sum_f W[n,f,d]*da[n,b,t,f]
           dz3_hat[n,b,t,d] = g2[n,d]*dz3[n,b,t,d]
           dz3_dev[n,b,t] = -1/z3_dev[n,b,t] * sum_d z3_hat[n,b,t,d]*dz3_hat[n,b,t,d]
           dz3_mean[n,b,t] = -1/z3_dev[n,b,t] * sum_d dz3_hat[n,b,t,d]
           dz2[n,b,t,d] = dr[n,b,t,d] + dz3_hat[n,b,t,d]/z3_dev[n,b,t] + z3_hat[n,b,t,d]*dz3_dev[n,b,t]/D + dz3_mean[n,b,t]/D
           dmix[n,b,t,k,e] = sum_d M[n,d,k,e]*dz2[n,b,t,d]
           dp[n,b,k,t,s] = sum_e val[n,b,s,k,e]*dmix[n,b,t,k,e]
           dmasked[n,b,k,t,s] = p[n,b,k,t,s]*(dp[n,b,k,t,s] - sum_s3 p[n,b,k,t,s3]*dp[n,b,k,t,s3])
           dscore[n,b,k,t,s] = dmasked[n,b,k,t,s] if [s <= t] else 0
           dval[n,b,t,k,e] = sum_t2 dmix[n,b,t2,k,e]*p[n,b,k,t2,t]
           dkey[n,b,t,k,e] = 1/sqrt(E) * sum_t2 q[n,b,t2,k,e]*dscore[n,b,k,t2,t]
           dq[n,b,t,k,e] = 1/sqrt(E) * sum_s dscore[n,b,k,t,s]*key[n,b,s,k,e]
           dz1[n,b,t,d] = (sum_k,e A[n,k,e,d]*dval[n,b,t,k,e]) + (sum_k,e G[n,k,e,d]*dkey[n,b,t,k,e]) + sum_k,e Q[n,k,e,d]*dq[n,b,t,k,e]
           dz1_hat[n,b,t,d] = g1[n,d]*dz1[n,b,t,d]
           dz1_dev[n,b,t] = -1/z1_dev[n,b,t] * sum_d z1_hat[n,b,t,d]*dz1_hat[n,b,t,d]
           dz1_mean[n,b,t] = -1/z1_dev[n,b,t] * sum_d dz1_hat[n,b,t,d]
           dz[n,b,t,d] = dz2[n,b,t,d] + dz1_hat[n,b,t,d]/z1_dev[n,b,t] + z1_hat[n,b,t,d]*dz1_dev[n,b,t]/D + dz1_mean[n,b,t]/D
           demb[b,t,d] = dz[0,b,t,d]
Gradients  dC[v,d] = sum_b,t demb[b,t,d]*[v == x[b,t]]
           dP[t,d] = sum_b demb[b,t,d]
           dQ[n,k,e,d] = sum_b,t dq[n,b,t,k,e]*z1[n,b,t,d]
           dG[n,k,e,d] = sum_b,t dkey[n,b,t,k,e]*z1[n,b,t,d]
           dA[n,k,e,d] = sum_b,t dval[n,b,t,k,e]*z1[n,b,t,d]
           dM[n,d,k,e] = sum_b,t dz2[n,b,t,d]*mix[n,b,t,k,e]
           dg1[n,d] = sum_b,t dz1[n,b,t,d]*z1_hat[n,b,t,d]
           db1[n,d] = sum_b,t dz1[n,b,t,d]
           dg2[n,d] = sum_b,t dz3[n,b,t,d]*z3_hat[n,b,t,d]
           db2[n,d] = sum_b,t dz3[n,b,t,d]
           dW[n,f,d] = sum_b,t da[n,b,t,f]*z3[n,b,t,d]
           dw[n,f] = sum_b,t da[n,b,t,f]
           dU[n,d,f] = sum_b,t dr[n,b,t,d]*gelu[n,b,t,f]
           du[n,d] = sum_b,t dr[n,b,t,d]
           dH[v,d] = sum_b,t do[b,t,v]*r[N - 1,b,t,d]
           dh[v] = sum_b,t do[b,t,v]
Update     (U1) grad_norm = sqrt((sum_v,d dC[v,d]**2) + (sum_t,d dP[t,d]**2) + (sum_n,k,e,d dQ[n,k,e,d]**2) + (sum_n,k,e,d dG[n,k,e,d]**2) + (sum_n,k,e,d dA[n,k,e,d]**2) + (sum_n,d,k,e dM[n,d,k,e]**2) + (sum_n,d dg1[n,d]**2) + (sum_n,d db1[n,d]**2) + (sum_n,d dg2[n,d]**2) + (sum_n,d db2[n,d]**2) + (sum_n,f,d dW[n,f,d]**2) + (sum_n,f dw[n,f]**2) + (sum_n,d,f dU[n,d,f]**2) + (sum_n,d du[n,d]**2) + (sum_v,d dH[v,d]**2) + sum_v dh[v]**2)
           (U2) clip_scale = 1/max(1.0, grad_norm)
           (U3) correction_m = 1 - beta1**t
           (U4) correction_v = 1 - beta2**t
           (U5) g_C[v,d] = dC[v,d]*clip_scale
           (U6) m_C_new[v,d] = beta1*m_C[v,d] + g_C[v,d]*(1 - beta1)
           (U7) v_C_new[v,d] = g_C[v,d]**2*(1 - beta2) + beta2*v_C[v,d]
           (U8) C_new[v,d] = C[v,d] - lr*m_C_new[v,d]/(correction_m*(eps + sqrt(v_C_new[v,d]/correction_v)))
           (U9) g_P[t,d] = dP[t,d]*clip_scale
           (U10) m_P_new[t,d] = beta1*m_P[t,d] + g_P[t,d]*(1 - beta1)
           (U11) v_P_new[t,d] = g_P[t,d]**2*(1 - beta2) + beta2*v_P[t,d]
           (U12) P_new[t,d] = P[t,d] - lr*m_P_new[t,d]/(correction_m*(eps + sqrt(v_P_new[t,d]/correction_v)))
           (U13) g_Q[n,k,e,d] = dQ[n,k,e,d]*clip_scale
           (U14) m_Q_new[n,k,e,d] = beta1*m_Q[n,k,e,d] + g_Q[n,k,e,d]*(1 - beta1)
           (U15) v_Q_new[n,k,e,d] = g_Q[n,k,e,d]**2*(1 - beta2) + beta2*v_Q[n,k,e,d]
           (U16) Q_new[n,k,e,d] = Q[n,k,e,d] - lr*m_Q_new[n,k,e,d]/(correction_m*(eps + sqrt(v_Q_new[n,k,e,d]/correction_v)))
           (U17) g_G[n,k,e,d] = dG[n,k,e,d]*clip_scale
           (U18) m_G_new[n,k,e,d] = beta1*m_G[n,k,e,d] + g_G[n,k,e,d]*(1 - beta1)
           (U19) v_G_new[n,k,e,d] = g_G[n,k,e,d]**2*(1 - beta2) + beta2*v_G[n,k,e,d]
           (U20) G_new[n,k,e,d] = G[n,k,e,d] - lr*m_G_new[n,k,e,d]/(correction_m*(eps + sqrt(v_G_new[n,k,e,d]/correction_v)))
           (U21) g_A[n,k,e,d] = dA[n,k,e,d]*clip_scale
           (U22) m_A_new[n,k,e,d] = beta1*m_A[n,k,e,d] + g_A[n,k,e,d]*(1 - beta1)
           (U23) v_A_new[n,k,e,d] = g_A[n,k,e,d]**2*(1 - beta2) + beta2*v_A[n,k,e,d]
           (U24) A_new[n,k,e,d] = A[n,k,e,d] - lr*m_A_new[n,k,e,d]/(correction_m*(eps + sqrt(v_A_new[n,k,e,d]/correction_v)))
           (U25) g_M[n,d,k,e] = dM[n,d,k,e]*clip_scale
           (U26) m_M_new[n,d,k,e] = beta1*m_M[n,d,k,e] + g_M[n,d,k,e]*(1 - beta1)
           (U27) v_M_new[n,d,k,e] = g_M[n,d,k,e]**2*(1 - beta2) + beta2*v_M[n,d,k,e]
           (U28) M_new[n,d,k,e] = M[n,d,k,e] - lr*m_M_new[n,d,k,e]/(correction_m*(eps + sqrt(v_M_new[n,d,k,e]/correction_v)))
           (U29) g_g1[n,d] = dg1[n,d]*clip_scale
           (U30) m_g1_new[n,d] = beta1*m_g1[n,d] + g_g1[n,d]*(1 - beta1)
           (U31) v_g1_new[n,d] = g_g1[n,d]**2*(1 - beta2) + beta2*v_g1[n,d]
           (U32) g1_new[n,d] = g1[n,d] - lr*m_g1_new[n,d]/(correction_m*(eps + sqrt(v_g1_new[n,d]/correction_v)))
           (U33) g_b1[n,d] = db1[n,d]*clip_scale
           (U34) m_b1_new[n,d] = beta1*m_b1[n,d] + g_b1[n,d]*(1 - beta1)
           (U35) v_b1_new[n,d] = g_b1[n,d]**2*(1 - beta2) + beta2*v_b1[n,d]
           (U36) b1_new[n,d] = b1[n,d] - lr*m_b1_new[n,d]/(correction_m*(eps + sqrt(v_b1_new[n,d]/correction_v)))
           (U37) g_g2[n,d] = dg2[n,d]*clip_scale
           (U38) m_g2_new[n,d] = beta1*m_g2[n,d] + g_g2[n,d]*(1 - beta1)
           (U39) v_g2_new[n,d] = g_g2[n,d]**2*(1 - beta2) + beta2*v_g2[n,d]
           (U40) g2_new[n,d] = g2[n,d] - lr*m_g2_new[n,d]/(correction_m*(eps + sqrt(v_g2_new[n,d]/correction_v)))
           (U41) g_b2[n,d] = db2[n,d]*clip_scale
           (U42) m_b2_new[n,d] = beta1*m_b2[n,d] + g_b2[n,d]*(1 - beta1)
           (U43) v_b2_new[n,d] = g_b2[n,d]**2*(1 - beta2) + beta2*v_b2[n,d]
           (U44) b2_new[n,d] = b2[n,d] - lr*m_b2_new[n,d]/(correction_m*(eps + sqrt(v_b2_new[n,d]/correction_v)))
           (U45) g_W[n,f,d] = dW[n,f,d]*clip_scale
           (U46) m_W_new[n,f,d] = beta1*m_W[n,f,d] + g_W[n,f,d]*(1 - beta1)
           (U47) v_W_new[n,f,d] = g_W[n,f,d]**2*(1 - beta2) + beta2*v_W[n,f,d]
           (U48) W_new[n,f,d] = W[n,f,d] - lr*m_W_new[n,f,d]/(correction_m*(eps + sqrt(v_W_new[n,f,d]/correction_v)))
           (U49) g_w[n,f] = dw[n,f]*clip_scale
           (U50) m_w_new[n,f] = beta1*m_w[n,f] + g_w[n,f]*(1 - beta1)
           (U51) v_w_new[n,f] = g_w[n,f]**2*(1 - beta2) + beta2*v_w[n,f]
           (U52) w_new[n,f] = w[n,f] - lr*m_w_new[n,f]/(correction_m*(eps + sqrt(v_w_new[n,f]/correction_v)))
           (U53) g_U[n,d,f] = dU[n,d,f]*clip_scale
           (U54) m_U_new[n,d,f] = beta1*m_U[n,d,f] + g_U[n,d,f]*(1 - beta1)
           (U55) v_U_new[n,d,f] = g_U[n,d,f]**2*(1 - beta2) + beta2*v_U[n,d,f]
           (U56) U_new[n,d,f] = U[n,d,f] - lr*m_U_new[n,d,f]/(correction_m*(eps + sqrt(v_U_new[n,d,f]/correction_v)))
           (U57) g_u[n,d] = du[n,d]*clip_scale
           (U58) m_u_new[n,d] = beta1*m_u[n,d] + g_u[n,d]*(1 - beta1)
           (U59) v_u_new[n,d] = g_u[n,d]**2*(1 - beta2) + beta2*v_u[n,d]
           (U60) u_new[n,d] = u[n,d] - lr*m_u_new[n,d]/(correction_m*(eps + sqrt(v_u_new[n,d]/correction_v)))
           (U61) g_H[v,d] = dH[v,d]*clip_scale
           (U62) m_H_new[v,d] = beta1*m_H[v,d] + g_H[v,d]*(1 - beta1)
           (U63) v_H_new[v,d] = g_H[v,d]**2*(1 - beta2) + beta2*v_H[v,d]
           (U64) H_new[v,d] = H[v,d] - lr*m_H_new[v,d]/(correction_m*(eps + sqrt(v_H_new[v,d]/correction_v)))
           (U65) g_h[v] = dh[v]*clip_scale
           (U66) m_h_new[v] = beta1*m_h[v] + g_h[v]*(1 - beta1)
           (U67) v_h_new[v] = g_h[v]**2*(1 - beta2) + beta2*v_h[v]
           (U68) h_new[v] = h[v] - lr*m_h_new[v]/(correction_m*(eps + sqrt(v_h_new[v]/correction_v)))

Program 3050ea9a, adam, float32, C-contiguous arrays
"""

import contextlib
import math
import mmap
import threading
from math import isfinite, sqrt

import numpy as np
from llvmlite import binding
from numba import carray, cfunc, get_num_threads, njit, prange, types
from numba.core import cgutils
from numba.extending import intrinsic

real = np.float32
f32 = np.float32
FAST = {"contract", "nsz"}  # multiply and add in one rounding; NaN and infinity keep their meaning
DIGEST = "a3bf08f3b682"  # of what follows: functions of another file have other names
# Functions for C get the addresses of arrays, and carray makes arrays of them, of a shape.
REALS = types.CPointer(types.float32)
IDS = types.CPointer(types.int32)
ADDRESSES = types.CPointer(types.uintp)


@intrinsic
def address(context, array, *place):
    """Where array[place] begins.  What NumPy has for it, slices among it, takes Numba long to compile."""
    if array.layout != "C":
        raise TypeError("an array is not C-contiguous; convert it with np.ascontiguousarray")

    def emitted(context, builder, signature, values):
        kind, places = signature.args
        found = zip(cgutils.unpack_tuple(builder, values[1]), places, strict=True)
        found = [context.cast(builder, value, number, types.intp) for value, number in found]
        found += [context.get_constant(types.intp, 0)] * (kind.ndim - len(found))
        array = context.make_array(kind)(context, builder, values[0])
        return builder.ptrtoint(cgutils.get_item_pointer(context, builder, kind, array, found), cgutils.intp_t)

    return types.uintp(array, types.StarArgTuple(place)), emitted


@intrinsic
def stored(context, number):
    """Where the number is put, for as long as the function runs that asks."""

    def emitted(context, builder, signature, values):
        return builder.ptrtoint(cgutils.alloca_once_value(builder, values[0]), cgutils.intp_t)

    return types.uintp(number), emitted


BYTES = np.dtype(real).itemsize  # of a number
# BLAS's letters, as bytes: for two constants in Python's own types `product` would be compiled twice.
AS_IS, TRANSPOSED, KIND = np.uint8(ord("n")), np.uint8(ord("t")), np.uint8(ord("s" if real is np.float32 else "d"))
_blas = types.ExternalFunction(
    "numba_xxgemm",
    types.intc(
        types.char, types.char, types.char, types.intp, types.intp, types.intp, types.uintp,
        types.uintp, types.intp, types.uintp, types.intp, types.uintp, types.uintp, types.intp,
    ),
)


# OpenBLAS multiplies blocks of at most so many multiplications without copying them first, where the processor has
# AVX-512: faster than the copied product of any size.  Not so a right operand that is stored the other way.
SMALL = 1_000_000 if binding.get_host_cpu_features().get("avx512f") else 2**62


@njit(cache=True)
def product(sizes, left, right, alpha, beta, out):
    """out = alpha * left @ right + beta * out, by BLAS; `sizes` are the rows, the columns and what is summed.

    A matrix is (address, how far its rows are apart); an operand AS_IS or TRANSPOSED, where it is stored the other way.
    A product that is not small is done in blocks that are, where that is faster: each of some columns, and of many
    rows or of a long piece of what is summed, whichever lies in a row in memory.
    """
    rows, columns, inner = sizes
    left_at, left_length, left_as = left
    right_at, right_length, right_as = right
    out_at, out_length = out
    rows_at_once, columns_at_once, inner_at_once = max(1, rows), max(1, columns), max(1, inner)
    turned = left_as == TRANSPOSED
    if rows * columns * inner > SMALL and right_as == AS_IS:
        columns_at_once = min(columns, 64)
        if turned:
            rows_at_once = min(rows, 512)
            if columns >= 256:  # what is turned is read once for so many
                columns_at_once, rows_at_once = 256, min(rows, 128)
            inner_at_once = SMALL // (columns_at_once * rows_at_once)
        else:
            inner_at_once = min(inner, 256)
            rows_at_once = SMALL // (columns_at_once * inner_at_once) // 16 * 16
    alpha_at, beta_at, one_at = stored(real(alpha)), stored(real(beta)), stored(real(1.0))
    left_row, left_inner = (1, left_length) if turned else (left_length, 1)
    right_inner, right_column = (right_length, 1) if right_as == AS_IS else (1, right_length)
    for column in range(0, columns, columns_at_once):
        for row in range(0, rows, rows_at_once):
            for start in range(0, max(1, inner), inner_at_once):
                # BLAS counts columns first: out.T = right.T @ left.T
                _blas(
                    KIND, right_as, left_as, min(columns_at_once, columns - column),
                    min(rows_at_once, rows - row), min(inner_at_once, inner - start), alpha_at,
                    right_at + BYTES * (start * right_inner + column * right_column), right_length,
                    left_at + BYTES * (row * left_row + start * left_inner), left_length,
                    beta_at if start == 0 else one_at, out_at + BYTES * (row * out_length + column), out_length,
                )


@njit(cache=True, fastmath={"nnan", "nsz"}, forceinline=True)
def larger(a, b):
    """The greater of two numbers; a NaN shows in the exponentials that follow."""
    return a if a > b else b


@njit(cache=True, fastmath={"reassoc", "nsz"}, forceinline=True)
def plus(a, b):
    """a + b, where a collects a sum whose order is free: a loop over it becomes vector code."""
    return a + b


@njit(cache=True)
def parts_for(work, threads):
    """In how many parts, one a thread, so many multiplications are done: waking a thread takes some microseconds."""
    return threads if work > 400_000 else 1


LATER, LINKED = {}, {}  # functions for C, by their linker's names: to be compiled, and compiled
LINKING = threading.Lock()


def for_c(signature):
    """What stands for the function in those that call it: they know its name, and are compiled without it."""

    def named(function):
        name = f"{function.__name__}_{DIGEST}"
        LATER[name] = signature, function
        kinds = [types.uintp if isinstance(kind, types.CPointer) else kind for kind in signature.args]
        return types.ExternalFunction(name, signature.return_type(*kinds))

    return named


def link():
    """Compile the functions for C, or load them from the cache, and tell the linker where they are."""
    with LINKING:
        get_num_threads()  # begins Numba's threads, which code from the cache expects
        for name in list(LATER):
            signature, function = LATER[name]
            LINKED[name] = cfunc(signature, cache=True, fastmath=FAST, error_model="numpy")(function)
            binding.add_symbol(name, LINKED[name].address)
            del LATER[name]


@intrinsic
def pointer(context, place):
    """The address as `carray` takes it."""

    def emitted(context, builder, signature, values):
        return builder.inttoptr(values[0], context.get_value_type(types.voidptr))

    return types.voidptr(types.uintp), emitted


def addresses(number, *arrays):
    """Where arrays of these numbers begin, for functions that are compiled for C."""
    for array in arrays:
        if array.dtype != number or not array.flags.c_contiguous:
            raise ValueError(f"an array is {array.dtype}, expected {np.dtype(number)}, C-contiguous; convert it")
    return [array.ctypes.data for array in arrays]


@for_c(types.void(types.intp, types.intp, REALS, REALS))
def add_parts(parts, count, total, of_parts):
    """total += what each part has summed; arrays of `count` entries, and of as many for each part."""
    total = carray(total, (count,), real)
    of_parts = carray(of_parts, (parts, count), real)
    for part in range(parts):
        for k in range(count):
            total[k] += of_parts[part, k]


SPARE = {}  # the arrays of the last chunk, by shape and type: a page that is new costs more than what is written to it


def workspace(shape, number=real):
    """An array for steps to write to: a spare one, or a new one, in pages of 2 MiB if it is large.

    It begins where a cache line does: vectors lie within lines, and rows of whole lines, which different threads may
    write, share none.  Around it is nothing: where two arrays lie within some vectors of each other, loops go entry by
    entry, and sum in another order.
    """
    with contextlib.suppress(KeyError, IndexError):
        return SPARE[shape, np.dtype(number)].pop()
    size, apart, line = math.prod(shape) * np.dtype(number).itemsize, 1024, 128  # bytes; lines are fetched in pairs
    needed = size + 2 * apart + line
    if needed <= 2**20 or not hasattr(mmap, "MADV_HUGEPAGE"):
        memory = np.empty(needed, np.uint8)
    else:
        memory = mmap.mmap(-1, needed, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        with contextlib.suppress(OSError):  # a system without such pages
            memory.madvise(mmap.MADV_HUGEPAGE)
    memory = np.frombuffer(memory, np.uint8)
    start = apart + -memory.ctypes.data % line
    return memory[start : start + size].view(number).reshape(shape)


def spare(*arrays):
    """These, and no others, are free for the next chunk."""
    SPARE.clear()
    for array in arrays:
        SPARE.setdefault((array.shape, array.dtype), []).append(array)


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def exp(x):
    """e**x in float32: 2**n times a polynomial of degree 6; within 2 ulp, 0 below -86.98, inf above 88.73."""
    x = f32(x)
    x = f32(89.0) if x > f32(89.0) else x  # a nan stays
    x = f32(-87.5) if x < f32(-87.5) else x
    shifted = x * f32(1.442695041) + f32(12582912.0)  # 1.5 * 2**23: the last bits are now the whole number n
    n = shifted - f32(12582912.0)
    r = (x - n * f32(0.693359375)) + n * f32(2.12194440e-4)
    z = r * r
    p = (f32(0.0013814485) * r + f32(0.00836878)) * z + (f32(0.041668393) * r + f32(0.1666652))
    p = (p * r + f32(0.49999994)) * z + r + f32(1.0)
    # 2**(n - 1), for 2**128 is no float32; 0 where the result would be a denormal number, for they are slow
    half = np.int32((np.float32(shifted).view(np.int32) << np.int32(23)) + np.int32(126 << 23)).view(np.float32)
    return (p + p) * half


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def log(x):
    """The natural logarithm in float32: of x = 2**n * m, m in [0.707, 1.414), a polynomial of m - 1; within 2 ulp."""
    x = f32(x)
    tiny = x < f32(1.17549435e-38)  # a denormal number: times 2**23 it has an exponent
    bits = np.float32(x * f32(8388608.0) if tiny else x).view(np.int32)
    above = np.int32(bits - np.int32(0x3F3504F3))  # the bits of sqrt(1/2), where m begins
    n = np.float32(np.int32(above >> np.int32(23))) - (f32(23.0) if tiny else f32(0.0))
    r = np.int32((above & np.int32(0x7FFFFF)) + np.int32(0x3F3504F3)).view(np.float32) - f32(1.0)
    z = r * r
    p = (f32(-0.16577531) * r + f32(0.19963005)) * z + (f32(-0.25001338) * r + f32(0.33333912))
    p = (f32(0.08699222) * z + (f32(-0.14268143) * r + f32(0.14915414))) * (z * z) + p
    value = (p * (r * z) - n * f32(2.12194440e-4)) - f32(0.5) * z + r + n * f32(0.693359375)
    beyond = f32(-np.inf) if x == f32(0.0) else f32(np.nan)
    value = value if x > f32(0.0) else beyond
    return value if x < f32(np.inf) else x


@njit(cache=True, fastmath={"contract", "nsz"}, error_model="numpy", forceinline=True)
def tanh(x):
    """tanh in float32: x + x**3 times a quotient below 1.405, else 1 - 1/p**4 with a polynomial p; within 2 ulp."""
    x = f32(x)
    a = f32(9.1) if abs(x) > f32(9.1) else abs(x)  # 1 from there on; a nan stays
    z = a * a
    p = (f32(-0.0275342781) * a + f32(0.236381557)) * z + (f32(0.19670327) * a + f32(1.0147202))
    p = (f32(1.04859566e-4) * z + (f32(-1.04400713e-3) * a + f32(0.0118441768))) * (z * z) + p
    near = a < f32(1.405)
    above = f32(-0.0149284024) * z + f32(-0.341666579) if near else f32(1.0)
    below = f32(0.0159638748) * (z * z) + (f32(0.454783827) * z + f32(1.025)) if near else p
    y = above / below  # one division for both: they are slow
    square = y * y
    small = (a * z) * y + a
    large = f32(1.0) - square * square
    value = small if near else large
    return np.copysign(value, x)


@njit(cache=True, fastmath=FAST, error_model="numpy")
def loss(x, y, C, P, Q, G, A, M, g1, b1, g2, b2, W, w, U, u, H, h):
    """The loss L of one batch; nothing is changed.

    Arrays: x (B,T), y (B,T), C (V,D), P (T,D), Q (N,K,E,D), G (N,K,E,D), A (N,K,E,D), M (N,D,K,E), g1 (N,D), b1
    (N,D), g2 (N,D), b2 (N,D), W (N,F,D), w (N,F), U (N,D,F), u (N,D), H (V,D), h (V)
    """
    B = x.shape[0]
    T = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    N = Q.shape[0]
    K = Q.shape[1]
    E = Q.shape[2]
    F = W.shape[1]
    emb = np.empty((B, T, D), real)
    z = np.empty((B, T, D), real)
    z1 = np.empty((B, T, D), real)
    q = np.empty((B, T, K, E), real)
    key = np.empty((B, T, K, E), real)
    val = np.empty((B, T, K, E), real)
    score = np.empty((T, T), real)
    masked = np.empty((T,), real)
    p_sum_exp = np.empty((T,), real)
    p = np.empty((T, T), real)
    mix = np.empty((B, T, K, E), real)
    z2 = np.empty((B, T, D), real)
    z3 = np.empty((B, T, D), real)
    a = np.empty((B, T, F), real)
    gelu = np.empty((B, T, F), real)
    r = np.empty((N, B, T, D), real)
    o = np.empty((B, T, V), real)
    r_turned = emb  # in the same array
    # (F1) emb[b,t,d] = P[t,d] + C[x[b,t],d]
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                emb[b, t_, d] = P[t_, d] + C[x_b_t_, d]
    for n in range(N):
        # (F2) z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
        for b in range(B):
            for t_ in range(T):
                z1_mean_total = real(0)
                for d in range(D):
                    z[b, t_, d] = (r[n - 1, b, t_, d] if 0 <= n - 1 else emb[b, t_, d])
                    # (F3) z1_mean[n,b,t] = 1/D * sum_d z[n,b,t,d]
                    z1_mean_total = plus(z1_mean_total, z[b, t_, d])
                z1_mean = z1_mean_total / real(D)
                # z1_dev_sum[n,b,t] = sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2
                z1_dev_sum = real(0)
                for d in range(D):
                    z1_dev_sum = plus(z1_dev_sum, (z[b, t_, d] - z1_mean) ** 2)
                # (F4) z1_dev[n,b,t] = sqrt(z1_dev_sum[n,b,t]/D + 1e-05)
                z1_dev = sqrt(z1_dev_sum / real(D) + real(1e-05))
                # (F6) z1[n,b,t,d] = b1[n,d] + g1[n,d]*(z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                for d in range(D):
                    z1[b, t_, d] = b1[n, d] + g1[n, d] * (z[b, t_, d] - z1_mean) / z1_dev
        # (F7) q[n,b,t,k,e] = sum_d Q[n,k,e,d]*z1[n,b,t,d]
        product((B*T, K*E, D), (address(z1), D, AS_IS), (address(Q, n), D, TRANSPOSED), 1.0, 0.0, (address(q), K*E))
        # (F8) key[n,b,t,k,e] = sum_d G[n,k,e,d]*z1[n,b,t,d]
        product(
            (B*T, K*E, D), (address(z1), D, AS_IS), (address(G, n), D, TRANSPOSED),
            1.0, 0.0, (address(key), K*E),
        )
        # (F9) val[n,b,t,k,e] = sum_d A[n,k,e,d]*z1[n,b,t,d]
        product(
            (B*T, K*E, D), (address(z1), D, AS_IS), (address(A, n), D, TRANSPOSED),
            1.0, 0.0, (address(val), K*E),
        )
        # (F10) score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
        for b in range(B):
            for k in range(K):
                product(
                    (T, T, E), (address(q, b, 0, k), K*E, AS_IS), (address(key, b, 0, k), K*E, TRANSPOSED),
                    1.0 / sqrt(E), 0.0, (address(score), T),
                )
                # (F11) masked[n,b,k,t,s] = score[n,b,k,t,s] if [s <= t] else -1000000000.0
                for t_ in range(T):
                    masked_max = real(-np.inf)
                    for s in range(T):
                        masked[s] = (score[t_, s] if s <= t_ else real(-1000000000.0))
                        # (masked_max) masked_max[n,b,k,t] = max_s2 masked[n,b,k,t,s2]
                        masked_max = larger(masked_max, masked[s])
                    # p_sum_exp[n,b,k,t,s2] = exp(masked[n,b,k,t,s2] - masked_max[n,b,k,t])
                    p_sum = real(0)
                    for s2 in range(T):
                        p_sum_exp[s2] = exp(masked[s2] - masked_max)
                        # p_sum[n,b,k,t] = sum_s2 p_sum_exp[n,b,k,t,s2]
                        p_sum = plus(p_sum, p_sum_exp[s2])
                    # (F12) p[n,b,k,t,s] = p_sum_exp[n,b,k,t,s]/p_sum[n,b,k,t]
                    for s in range(T):
                        p[t_, s] = p_sum_exp[s] / p_sum
                # (F13) mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
                product(
                    (T, E, T), (address(p), T, AS_IS), (address(val, b, 0, k), K*E, AS_IS),
                    1.0, 0.0, (address(mix, b, 0, k), K*E),
                )
        # (F14) z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
        product(
            (B*T, D, K*E), (address(mix), K*E, AS_IS), (address(M, n), K*E, TRANSPOSED),
            1.0, 0.0, (address(z2), D),
        )
        for b in range(B):
            for t_ in range(T):
                z3_mean_total = real(0)
                for d in range(D):
                    z2[b, t_, d] += z[b, t_, d]
                    # (F15) z3_mean[n,b,t] = 1/D * sum_d z2[n,b,t,d]
                    z3_mean_total = plus(z3_mean_total, z2[b, t_, d])
                z3_mean = z3_mean_total / real(D)
                # z3_dev_sum[n,b,t] = sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2
                z3_dev_sum = real(0)
                for d in range(D):
                    z3_dev_sum = plus(z3_dev_sum, (z2[b, t_, d] - z3_mean) ** 2)
                # (F16) z3_dev[n,b,t] = sqrt(z3_dev_sum[n,b,t]/D + 1e-05)
                z3_dev = sqrt(z3_dev_sum / real(D) + real(1e-05))
                # (F18) z3[n,b,t,d] = b2[n,d] + g2[n,d]*(z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                for d in range(D):
                    z3[b, t_, d] = b2[n, d] + g2[n, d] * (z2[b, t_, d] - z3_mean) / z3_dev
        # (F19) a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
        product((B*T, F, D), (address(z3), D, AS_IS), (address(W, n), D, TRANSPOSED), 1.0, 0.0, (address(a), F))
        for b in range(B):
            for t_ in range(T):
                for f in range(F):
                    a[b, t_, f] += w[n, f]
                    # (F20) gelu[n,b,t,f] = a[n,b,t,f]*(tanh(sqrt(2)*(a[n,b,t,f] + 0.044715*a[n,b,t,f]**3)/sqrt(pi)) + 1)/2
                    gelu[b, t_, f] = real(1 / 2) * a[b, t_, f] * (tanh(sqrt(real(2.0)) * (a[b, t_, f] + real(0.044715) * a[b, t_, f] ** 3) / sqrt(real(np.pi))) + real(1.0))
        # (F21) r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
        product(
            (B*T, D, F), (address(gelu), F, AS_IS), (address(U, n), F, TRANSPOSED),
            1.0, 0.0, (address(r, n), D),
        )
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    r[n, b, t_, d] += u[n, d] + z2[b, t_, d]
    # r_turned[b,t,d] = r[N - 1,b,t,d]
    for b in range(B):
        for t_ in range(T):
            for d in range(D):
                r_turned[b, t_, d] = r[N - 1, b, t_, d]
    # (F22) o[b,t,v] = h[v] + sum_d r_turned[b,t,d]*H[v,d]
    product((B*T, V, D), (address(r_turned), D, AS_IS), (address(H), D, TRANSPOSED), 1.0, 0.0, (address(o), V))
    L_total = 0.0
    for b in range(B):
        for t_ in range(T):
            o_max = real(-np.inf)
            for v in range(V):
                o[b, t_, v] += h[v]
                # (o_max) o_max[b,t] = max_v2 o[b,t,v2]
                o_max = larger(o_max, o[b, t_, v])
            # o_y[b,t] = o[b,t,y[b,t]]
            o_y = o[b, t_, y[b, t_]]
            # L_sum[b,t] = sum_v2 exp(o[b,t,v2] - o_max[b,t])
            L_sum = real(0)
            for v2 in range(V):
                L_sum = plus(L_sum, exp(o[b, t_, v2] - o_max))
            # (F24) L = -1/(B*T) * sum_b,t (o_y[b,t] - o_max[b,t] - log(L_sum[b,t]))
            L_total = plus(L_total, o_y - o_max - log(L_sum))
    L = -L_total / (B * T)
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def gradients(x, y, C, P, Q, G, A, M, g1, b1, g2, b2, W, w, U, u, H, h):
    """The loss of one batch and its gradients: (L, dC, dP, dQ, dG, dA, dM, dg1, db1, dg2, db2, dW, dw, dU, du, dH, dh).

    Arrays: x (B,T), y (B,T), C (V,D), P (T,D), Q (N,K,E,D), G (N,K,E,D), A (N,K,E,D), M (N,D,K,E), g1 (N,D), b1
    (N,D), g2 (N,D), b2 (N,D), W (N,F,D), w (N,F), U (N,D,F), u (N,D), H (V,D), h (V)
    """
    B = x.shape[0]
    T = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    N = Q.shape[0]
    K = Q.shape[1]
    E = Q.shape[2]
    F = W.shape[1]
    emb = np.empty((B, T, D), real)
    z = np.empty((B, T, D), real)
    z1_dev = np.empty((N, B, T), real)
    z1_hat = np.empty((N, B, T, D), real)
    z1 = np.empty((N, B, T, D), real)
    q = np.empty((N, B, T, K, E), real)
    key = np.empty((N, B, T, K, E), real)
    val = np.empty((N, B, T, K, E), real)
    score = np.empty((T, T), real)
    masked = np.empty((T,), real)
    p_sum_exp = np.empty((T,), real)
    p = np.empty((N, B, K, T, T), real)
    mix = np.empty((N, B, T, K, E), real)
    z2 = np.empty((B, T, D), real)
    z3_dev = np.empty((N, B, T), real)
    z3_hat = np.empty((N, B, T, D), real)
    z3 = np.empty((N, B, T, D), real)
    a = np.empty((N, B, T, F), real)
    gelu_tanh = np.empty((N, B, T, F), real)
    gelu = np.empty((N, B, T, F), real)
    r = np.empty((N, B, T, D), real)
    o = np.empty((B, T, V), real)
    dgelu = np.empty((B, T, F), real)
    da = np.empty((N, B, T, F), real)
    dz3 = np.empty((N, B, T, D), real)
    dz3_hat = np.empty((D,), real)
    dz2 = np.empty((N, B, T, D), real)
    dmix = np.empty((B, T, K, E), real)
    dp = np.empty((T, T), real)
    dscore = np.empty((T, T), real)
    dval = np.empty((N, B, T, K, E), real)
    dkey = np.empty((N, B, T, K, E), real)
    dq = np.empty((N, B, T, K, E), real)
    dz1 = np.empty((N, B, T, D), real)
    dz1_hat = np.empty((D,), real)
    dz = np.empty((N, B, T, D), real)
    dC = np.empty((V, D), real)
    dP = np.empty((T, D), real)
    dQ = np.empty((N, K, E, D), real)
    dG = np.empty((N, K, E, D), real)
    dA = np.empty((N, K, E, D), real)
    dM = np.empty((N, D, K, E), real)
    dg1 = np.empty((N, D), real)
    db1 = np.empty((N, D), real)
    dg2 = np.empty((N, D), real)
    db2 = np.empty((N, D), real)
    dW = np.empty((N, F, D), real)
    dw = np.empty((N, F), real)
    dU = np.empty((N, D, F), real)
    du = np.empty((N, D), real)
    dH = np.empty((V, D), real)
    dh = np.empty((V,), real)
    r_turned = emb  # in the same array
    pred_exp = o  # in the same array
    do = o  # in the same array
    dr_sum = z  # in the same array
    dr = r  # in the same array
    demb = z  # in the same array
    # (F1) emb[b,t,d] = P[t,d] + C[x[b,t],d]
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                emb[b, t_, d] = P[t_, d] + C[x_b_t_, d]
    for n in range(N):
        # (F2) z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
        for b in range(B):
            for t_ in range(T):
                z1_mean_total = real(0)
                for d in range(D):
                    z[b, t_, d] = (r[n - 1, b, t_, d] if 0 <= n - 1 else emb[b, t_, d])
                    # (F3) z1_mean[n,b,t] = 1/D * sum_d z[n,b,t,d]
                    z1_mean_total = plus(z1_mean_total, z[b, t_, d])
                z1_mean = z1_mean_total / real(D)
                # z1_dev_sum[n,b,t] = sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2
                z1_dev_sum = real(0)
                for d in range(D):
                    z1_dev_sum = plus(z1_dev_sum, (z[b, t_, d] - z1_mean) ** 2)
                # (F4) z1_dev[n,b,t] = sqrt(z1_dev_sum[n,b,t]/D + 1e-05)
                z1_dev[n, b, t_] = sqrt(z1_dev_sum / real(D) + real(1e-05))
                # (F5) z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                for d in range(D):
                    z1_hat[n, b, t_, d] = (z[b, t_, d] - z1_mean) / z1_dev[n, b, t_]
                    # (F6) z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
                    z1[n, b, t_, d] = b1[n, d] + g1[n, d] * z1_hat[n, b, t_, d]
        # (F7) q[n,b,t,k,e] = sum_d Q[n,k,e,d]*z1[n,b,t,d]
        product(
            (B*T, K*E, D), (address(z1, n), D, AS_IS), (address(Q, n), D, TRANSPOSED),
            1.0, 0.0, (address(q, n), K*E),
        )
        # (F8) key[n,b,t,k,e] = sum_d G[n,k,e,d]*z1[n,b,t,d]
        product(
            (B*T, K*E, D), (address(z1, n), D, AS_IS), (address(G, n), D, TRANSPOSED),
            1.0, 0.0, (address(key, n), K*E),
        )
        # (F9) val[n,b,t,k,e] = sum_d A[n,k,e,d]*z1[n,b,t,d]
        product(
            (B*T, K*E, D), (address(z1, n), D, AS_IS), (address(A, n), D, TRANSPOSED),
            1.0, 0.0, (address(val, n), K*E),
        )
        # (F10) score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
        for b in range(B):
            for k in range(K):
                product(
                    (T, T, E), (address(q, n, b, 0, k), K*E, AS_IS), (address(key, n, b, 0, k), K*E, TRANSPOSED),
                    1.0 / sqrt(E), 0.0, (address(score), T),
                )
                # (F11) masked[n,b,k,t,s] = score[n,b,k,t,s] if [s <= t] else -1000000000.0
                for t_ in range(T):
                    masked_max = real(-np.inf)
                    for s in range(T):
                        masked[s] = (score[t_, s] if s <= t_ else real(-1000000000.0))
                        # (masked_max) masked_max[n,b,k,t] = max_s2 masked[n,b,k,t,s2]
                        masked_max = larger(masked_max, masked[s])
                    # p_sum_exp[n,b,k,t,s2] = exp(masked[n,b,k,t,s2] - masked_max[n,b,k,t])
                    p_sum = real(0)
                    for s2 in range(T):
                        p_sum_exp[s2] = exp(masked[s2] - masked_max)
                        # p_sum[n,b,k,t] = sum_s2 p_sum_exp[n,b,k,t,s2]
                        p_sum = plus(p_sum, p_sum_exp[s2])
                    # (F12) p[n,b,k,t,s] = p_sum_exp[n,b,k,t,s]/p_sum[n,b,k,t]
                    for s in range(T):
                        p[n, b, k, t_, s] = p_sum_exp[s] / p_sum
                # (F13) mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
                product(
                    (T, E, T), (address(p, n, b, k), T, AS_IS), (address(val, n, b, 0, k), K*E, AS_IS),
                    1.0, 0.0, (address(mix, n, b, 0, k), K*E),
                )
        # (F14) z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
        product(
            (B*T, D, K*E), (address(mix, n), K*E, AS_IS), (address(M, n), K*E, TRANSPOSED),
            1.0, 0.0, (address(z2), D),
        )
        for b in range(B):
            for t_ in range(T):
                z3_mean_total = real(0)
                for d in range(D):
                    z2[b, t_, d] += z[b, t_, d]
                    # (F15) z3_mean[n,b,t] = 1/D * sum_d z2[n,b,t,d]
                    z3_mean_total = plus(z3_mean_total, z2[b, t_, d])
                z3_mean = z3_mean_total / real(D)
                # z3_dev_sum[n,b,t] = sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2
                z3_dev_sum = real(0)
                for d in range(D):
                    z3_dev_sum = plus(z3_dev_sum, (z2[b, t_, d] - z3_mean) ** 2)
                # (F16) z3_dev[n,b,t] = sqrt(z3_dev_sum[n,b,t]/D + 1e-05)
                z3_dev[n, b, t_] = sqrt(z3_dev_sum / real(D) + real(1e-05))
                # (F17) z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                for d in range(D):
                    z3_hat[n, b, t_, d] = (z2[b, t_, d] - z3_mean) / z3_dev[n, b, t_]
                    # (F18) z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
                    z3[n, b, t_, d] = b2[n, d] + g2[n, d] * z3_hat[n, b, t_, d]
        # (F19) a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
        product(
            (B*T, F, D), (address(z3, n), D, AS_IS), (address(W, n), D, TRANSPOSED),
            1.0, 0.0, (address(a, n), F),
        )
        for b in range(B):
            for t_ in range(T):
                for f in range(F):
                    a[n, b, t_, f] += w[n, f]
                    # gelu_tanh[n,b,t,f] = tanh(sqrt(2)*(a[n,b,t,f] + 0.044715*a[n,b,t,f]**3)/sqrt(pi))
                    gelu_tanh[n, b, t_, f] = tanh(sqrt(real(2.0)) * (a[n, b, t_, f] + real(0.044715) * a[n, b, t_, f] ** 3) / sqrt(real(np.pi)))
                    # (F20) gelu[n,b,t,f] = a[n,b,t,f]*(gelu_tanh[n,b,t,f] + 1)/2
                    gelu[n, b, t_, f] = real(1 / 2) * a[n, b, t_, f] * (gelu_tanh[n, b, t_, f] + real(1.0))
        # (F21) r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
        product(
            (B*T, D, F), (address(gelu, n), F, AS_IS), (address(U, n), F, TRANSPOSED),
            1.0, 0.0, (address(r, n), D),
        )
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    r[n, b, t_, d] += u[n, d] + z2[b, t_, d]
    # r_turned[b,t,d] = r[N - 1,b,t,d]
    for b in range(B):
        for t_ in range(T):
            for d in range(D):
                r_turned[b, t_, d] = r[N - 1, b, t_, d]
    # (F22) o[b,t,v] = h[v] + sum_d r_turned[b,t,d]*H[v,d]
    product((B*T, V, D), (address(r_turned), D, AS_IS), (address(H), D, TRANSPOSED), 1.0, 0.0, (address(o), V))
    L_total = 0.0
    for b in range(B):
        for t_ in range(T):
            o_max = real(-np.inf)
            for v in range(V):
                o[b, t_, v] += h[v]
                # (o_max) o_max[b,t] = max_v2 o[b,t,v2]
                o_max = larger(o_max, o[b, t_, v])
            # o_y[b,t] = o[b,t,y[b,t]]
            o_y = o[b, t_, y[b, t_]]
            # pred_exp[b,t,v] = exp(o[b,t,v] - o_max[b,t])
            pred_sum = real(0)
            for v in range(V):
                pred_exp[b, t_, v] = exp(o[b, t_, v] - o_max)
                # pred_sum[b,t] = sum_v2 pred_exp[b,t,v2]
                pred_sum = plus(pred_sum, pred_exp[b, t_, v])
            # (F24) L = -1/(B*T) * sum_b,t (o_y[b,t] - o_max[b,t] - log(pred_sum[b,t]))
            L_total = plus(L_total, o_y - o_max - log(pred_sum))
            # F23 was: pred[b,t,v] = exp(o[b,t,v])/(sum_v2 exp(o[b,t,v2]))
            # (do) do[b,t,v] = pred_exp[b,t,v]/(B*T*pred_sum[b,t]) - [v == y[b,t]]/(B*T)
            for v in range(V):
                do[b, t_, v] = pred_exp[b, t_, v] / (real(B) * real(T) * pred_sum)
            do[b, t_, y[b, t_]] -= real(1.0) / (real(B) * real(T))
    L = -L_total / (B * T)
    # dr_sum[b,t,d] = sum_v H[v,d]*do[b,t,v]
    product((B*T, D, V), (address(do), V, AS_IS), (address(H), D, AS_IS), 1.0, 0.0, (address(dr_sum), D))
    for n in range(N - 1, -1, -1):
        # F22 was: o[b,t,v] = h[v] + sum_d H[v,d]*r[N - 1,b,t,d]
        # F2 was: z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
        # (dr) dr[n,b,t,d] = [n == N - 1]*dr_sum[b,t,d] + (dz[n + 1,b,t,d] if [n + 1 < N] else 0)
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    dr[n, b, t_, d] = real(n == (N - 1)) * dr_sum[b, t_, d] + (dz[n + 1, b, t_, d] if n + 1 < N else real(0.0))
        # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
        # (dgelu) dgelu[n,b,t,f] = sum_d U[n,d,f]*dr[n,b,t,d]
        product((B*T, F, D), (address(dr, n), D, AS_IS), (address(U, n), F, AS_IS), 1.0, 0.0, (address(dgelu), F))
        # F20 was: gelu[n,b,t,f] = a[n,b,t,f]*(tanh(sqrt(2)*(a[n,b,t,f] + 0.044715*a[n,b,t,f]**3)/sqrt(pi)) + 1)/2
        # (da) da[n,b,t,f] = dgelu[n,b,t,f]*((gelu_tanh[n,b,t,f] + 1)/2 + sqrt(2)*(1 - gelu_tanh[n,b,t,f]**2)*a[n,b,t,f]/(2*sqrt(pi)) + 0.0670725*sqrt(2)*a[n,b,t,f]**3*(1 - gelu_tanh[n,b,t,f]**2)/sqrt(pi))
        for b in range(B):
            for t_ in range(T):
                for f in range(F):
                    da[n, b, t_, f] = dgelu[b, t_, f] * (real(1 / 2) * (gelu_tanh[n, b, t_, f] + real(1.0)) + real(1 / 2) * sqrt(real(2.0)) * (real(1.0) - gelu_tanh[n, b, t_, f] ** 2) * a[n, b, t_, f] / sqrt(real(np.pi)) + real(0.0670725) * sqrt(real(2.0)) * a[n, b, t_, f] ** 3 * (real(1.0) - gelu_tanh[n, b, t_, f] ** 2) / sqrt(real(np.pi)))
        # F19 was: a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
        # (dz3) dz3[n,b,t,d] = sum_f W[n,f,d]*da[n,b,t,f]
        product((B*T, D, F), (address(da, n), F, AS_IS), (address(W, n), D, AS_IS), 1.0, 0.0, (address(dz3, n), D))
        # F18 was: z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
        # (dz3_hat) dz3_hat[n,b,t,d] = g2[n,d]*dz3[n,b,t,d]
        for b in range(B):
            for t_ in range(T):
                dz3_dev_sum = real(0)
                dz3_mean_sum = real(0)
                for d in range(D):
                    dz3_hat[d] = g2[n, d] * dz3[n, b, t_, d]
                    # dz3_dev_sum[n,b,t] = sum_d z3_hat[n,b,t,d]*dz3_hat[n,b,t,d]
                    dz3_dev_sum = plus(dz3_dev_sum, z3_hat[n, b, t_, d] * dz3_hat[d])
                    # dz3_mean_sum[n,b,t] = sum_d dz3_hat[n,b,t,d]
                    dz3_mean_sum = plus(dz3_mean_sum, dz3_hat[d])
                # F17 was: z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                # (dz3_dev) dz3_dev[n,b,t] = -dz3_dev_sum[n,b,t]/z3_dev[n,b,t]
                dz3_dev = -dz3_dev_sum / z3_dev[n, b, t_]
                # F17 was: z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                # F16 was: z3_dev[n,b,t] = sqrt((1/D * sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2) + 1e-05)
                # (dz3_mean) dz3_mean[n,b,t] = -dz3_mean_sum[n,b,t]/z3_dev[n,b,t]
                dz3_mean = -dz3_mean_sum / z3_dev[n, b, t_]
                # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
                # F17 was: z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                # F16 was: z3_dev[n,b,t] = sqrt((1/D * sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2) + 1e-05)
                # F15 was: z3_mean[n,b,t] = 1/D * sum_d z2[n,b,t,d]
                # (dz2) dz2[n,b,t,d] = dr[n,b,t,d] + dz3_hat[n,b,t,d]/z3_dev[n,b,t] + z3_hat[n,b,t,d]*dz3_dev[n,b,t]/D + dz3_mean[n,b,t]/D
                for d in range(D):
                    dz2[n, b, t_, d] = dr[n, b, t_, d] + dz3_hat[d] / z3_dev[n, b, t_] + z3_hat[n, b, t_, d] * dz3_dev / real(D) + dz3_mean / real(D)
        # F14 was: z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
        # (dmix) dmix[n,b,t,k,e] = sum_d M[n,d,k,e]*dz2[n,b,t,d]
        product(
            (B*T, K*E, D), (address(dz2, n), D, AS_IS), (address(M, n), K*E, AS_IS),
            1.0, 0.0, (address(dmix), K*E),
        )
        # F13 was: mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
        # (dp) dp[n,b,k,t,s] = sum_e val[n,b,s,k,e]*dmix[n,b,t,k,e]
        for b in range(B):
            for k in range(K):
                product(
                    (T, T, E), (address(dmix, b, 0, k), K*E, AS_IS), (address(val, n, b, 0, k), K*E, TRANSPOSED),
                    1.0, 0.0, (address(dp), T),
                )
                # dmasked_sum[n,b,k,t] = sum_s3 p[n,b,k,t,s3]*dp[n,b,k,t,s3]
                for t_ in range(T):
                    dmasked_sum = real(0)
                    for s3 in range(T):
                        dmasked_sum = plus(dmasked_sum, p[n, b, k, t_, s3] * dp[t_, s3])
                    # F11 was: masked[n,b,k,t,s] = score[n,b,k,t,s] if [s <= t] else -1000000000.0
                    # (dscore) dscore[n,b,k,t,s] = p[n,b,k,t,s]*(dp[n,b,k,t,s] - dmasked_sum[n,b,k,t]) if [s <= t] else 0
                    for s in range(T):
                        dscore[t_, s] = (p[n, b, k, t_, s] * (dp[t_, s] - dmasked_sum) if s <= t_ else real(0.0))
                # F13 was: mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
                # (dval) dval[n,b,t,k,e] = sum_t2 dmix[n,b,t2,k,e]*p[n,b,k,t2,t]
                product(
                    (T, E, T), (address(p, n, b, k), T, TRANSPOSED), (address(dmix, b, 0, k), K*E, AS_IS),
                    1.0, 0.0, (address(dval, n, b, 0, k), K*E),
                )
                # F10 was: score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
                # (dkey) dkey[n,b,t,k,e] = 1/sqrt(E) * sum_t2 q[n,b,t2,k,e]*dscore[n,b,k,t2,t]
                product(
                    (T, E, T), (address(dscore), T, TRANSPOSED), (address(q, n, b, 0, k), K*E, AS_IS),
                    1.0 / sqrt(E), 0.0, (address(dkey, n, b, 0, k), K*E),
                )
                # F10 was: score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
                # (dq) dq[n,b,t,k,e] = 1/sqrt(E) * sum_s dscore[n,b,k,t,s]*key[n,b,s,k,e]
                product(
                    (T, E, T), (address(dscore), T, AS_IS), (address(key, n, b, 0, k), K*E, AS_IS),
                    1.0 / sqrt(E), 0.0, (address(dq, n, b, 0, k), K*E),
                )
        # F9 was: val[n,b,t,k,e] = sum_d A[n,k,e,d]*z1[n,b,t,d]
        # F8 was: key[n,b,t,k,e] = sum_d G[n,k,e,d]*z1[n,b,t,d]
        # F7 was: q[n,b,t,k,e] = sum_d Q[n,k,e,d]*z1[n,b,t,d]
        # (dz1) dz1[n,b,t,d] = (sum_k,e A[n,k,e,d]*dval[n,b,t,k,e]) + (sum_k,e G[n,k,e,d]*dkey[n,b,t,k,e]) + sum_k,e Q[n,k,e,d]*dq[n,b,t,k,e]
        product(
            (B*T, D, K*E), (address(dval, n), K*E, AS_IS), (address(A, n), D, AS_IS),
            1.0, 0.0, (address(dz1, n), D),
        )
        product(
            (B*T, D, K*E), (address(dkey, n), K*E, AS_IS), (address(G, n), D, AS_IS),
            1.0, 1.0, (address(dz1, n), D),
        )
        product(
            (B*T, D, K*E), (address(dq, n), K*E, AS_IS), (address(Q, n), D, AS_IS),
            1.0, 1.0, (address(dz1, n), D),
        )
        # F6 was: z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
        # (dz1_hat) dz1_hat[n,b,t,d] = g1[n,d]*dz1[n,b,t,d]
        for b in range(B):
            for t_ in range(T):
                dz1_dev_sum = real(0)
                dz1_mean_sum = real(0)
                for d in range(D):
                    dz1_hat[d] = g1[n, d] * dz1[n, b, t_, d]
                    # dz1_dev_sum[n,b,t] = sum_d z1_hat[n,b,t,d]*dz1_hat[n,b,t,d]
                    dz1_dev_sum = plus(dz1_dev_sum, z1_hat[n, b, t_, d] * dz1_hat[d])
                    # dz1_mean_sum[n,b,t] = sum_d dz1_hat[n,b,t,d]
                    dz1_mean_sum = plus(dz1_mean_sum, dz1_hat[d])
                # F5 was: z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                # (dz1_dev) dz1_dev[n,b,t] = -dz1_dev_sum[n,b,t]/z1_dev[n,b,t]
                dz1_dev = -dz1_dev_sum / z1_dev[n, b, t_]
                # F5 was: z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                # F4 was: z1_dev[n,b,t] = sqrt((1/D * sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2) + 1e-05)
                # (dz1_mean) dz1_mean[n,b,t] = -dz1_mean_sum[n,b,t]/z1_dev[n,b,t]
                dz1_mean = -dz1_mean_sum / z1_dev[n, b, t_]
                # F14 was: z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
                # F5 was: z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                # F4 was: z1_dev[n,b,t] = sqrt((1/D * sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2) + 1e-05)
                # F3 was: z1_mean[n,b,t] = 1/D * sum_d z[n,b,t,d]
                # (dz) dz[n,b,t,d] = dz2[n,b,t,d] + dz1_hat[n,b,t,d]/z1_dev[n,b,t] + z1_hat[n,b,t,d]*dz1_dev[n,b,t]/D + dz1_mean[n,b,t]/D
                for d in range(D):
                    dz[n, b, t_, d] = dz2[n, b, t_, d] + dz1_hat[d] / z1_dev[n, b, t_] + z1_hat[n, b, t_, d] * dz1_dev / real(D) + dz1_mean / real(D)
    # F2 was: z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
    # (demb) demb[b,t,d] = dz[0,b,t,d]
    for b in range(B):
        for t_ in range(T):
            for d in range(D):
                demb[b, t_, d] = dz[0, b, t_, d]
    # F1 was: emb[b,t,d] = P[t,d] + C[x[b,t],d]
    # (dC) dC[v,d] = sum_b,t demb[b,t,d]*[v == x[b,t]]
    dC[...] = 0
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                dC[x_b_t_, d] += demb[b, t_, d]
    # F1 was: emb[b,t,d] = P[t,d] + C[x[b,t],d]
    # (dP) dP[t,d] = sum_b demb[b,t,d]
    dP[...] = 0
    for b in range(B):
        for t_ in range(T):
            for d in range(D):
                dP[t_, d] += demb[b, t_, d]
    # F7 was: q[n,b,t,k,e] = sum_d Q[n,k,e,d]*z1[n,b,t,d]
    # (dQ) dQ[n,k,e,d] = sum_b,t dq[n,b,t,k,e]*z1[n,b,t,d]
    for n in range(N):
        product(
            (K*E, D, B*T), (address(dq, n), K*E, TRANSPOSED), (address(z1, n), D, AS_IS),
            1.0, 0.0, (address(dQ, n), D),
        )
        # F8 was: key[n,b,t,k,e] = sum_d G[n,k,e,d]*z1[n,b,t,d]
        # (dG) dG[n,k,e,d] = sum_b,t dkey[n,b,t,k,e]*z1[n,b,t,d]
        product(
            (K*E, D, B*T), (address(dkey, n), K*E, TRANSPOSED), (address(z1, n), D, AS_IS),
            1.0, 0.0, (address(dG, n), D),
        )
        # F9 was: val[n,b,t,k,e] = sum_d A[n,k,e,d]*z1[n,b,t,d]
        # (dA) dA[n,k,e,d] = sum_b,t dval[n,b,t,k,e]*z1[n,b,t,d]
        product(
            (K*E, D, B*T), (address(dval, n), K*E, TRANSPOSED), (address(z1, n), D, AS_IS),
            1.0, 0.0, (address(dA, n), D),
        )
    # F14 was: z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
    # (dM) dM[n,d,k,e] = sum_b,t dz2[n,b,t,d]*mix[n,b,t,k,e]
    for n in range(N):
        product(
            (D, K*E, B*T), (address(dz2, n), D, TRANSPOSED), (address(mix, n), K*E, AS_IS),
            1.0, 0.0, (address(dM, n), K*E),
        )
    # F6 was: z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
    # (dg1) dg1[n,d] = sum_b,t dz1[n,b,t,d]*z1_hat[n,b,t,d]
    dg1[...] = 0
    for n in range(N):
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    dg1[n, d] += dz1[n, b, t_, d] * z1_hat[n, b, t_, d]
    # F6 was: z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
    # (db1) db1[n,d] = sum_b,t dz1[n,b,t,d]
    db1[...] = 0
    for n in range(N):
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    db1[n, d] += dz1[n, b, t_, d]
    # F18 was: z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
    # (dg2) dg2[n,d] = sum_b,t dz3[n,b,t,d]*z3_hat[n,b,t,d]
    dg2[...] = 0
    for n in range(N):
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    dg2[n, d] += dz3[n, b, t_, d] * z3_hat[n, b, t_, d]
    # F18 was: z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
    # (db2) db2[n,d] = sum_b,t dz3[n,b,t,d]
    db2[...] = 0
    for n in range(N):
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    db2[n, d] += dz3[n, b, t_, d]
    # F19 was: a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
    # (dW) dW[n,f,d] = sum_b,t da[n,b,t,f]*z3[n,b,t,d]
    for n in range(N):
        product(
            (F, D, B*T), (address(da, n), F, TRANSPOSED), (address(z3, n), D, AS_IS),
            1.0, 0.0, (address(dW, n), D),
        )
    # F19 was: a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
    # (dw) dw[n,f] = sum_b,t da[n,b,t,f]
    dw[...] = 0
    for n in range(N):
        for b in range(B):
            for t_ in range(T):
                for f in range(F):
                    dw[n, f] += da[n, b, t_, f]
    # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
    # (dU) dU[n,d,f] = sum_b,t dr[n,b,t,d]*gelu[n,b,t,f]
    for n in range(N):
        product(
            (D, F, B*T), (address(dr, n), D, TRANSPOSED), (address(gelu, n), F, AS_IS),
            1.0, 0.0, (address(dU, n), F),
        )
    # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
    # (du) du[n,d] = sum_b,t dr[n,b,t,d]
    du[...] = 0
    for n in range(N):
        for b in range(B):
            for t_ in range(T):
                for d in range(D):
                    du[n, d] += dr[n, b, t_, d]
    # F22 was: o[b,t,v] = h[v] + sum_d H[v,d]*r[N - 1,b,t,d]
    # (dH) dH[v,d] = sum_b,t do[b,t,v]*r_turned[b,t,d]
    product(
        (V, D, B*T), (address(do), V, TRANSPOSED), (address(r_turned), D, AS_IS),
        1.0, 0.0, (address(dH), D),
    )
    # F22 was: o[b,t,v] = h[v] + sum_d H[v,d]*r[N - 1,b,t,d]
    # (dh) dh[v] = sum_b,t do[b,t,v]
    dh[...] = 0
    for b in range(B):
        for t_ in range(T):
            for v in range(V):
                dh[v] += do[b, t_, v]
    return L, dC, dP, dQ, dG, dA, dM, dg1, db1, dg2, db2, dW, dw, dU, du, dH, dh


@for_c(types.void(*[types.intp] * 1, *[REALS] * 1))
def zero(count, dC):
    """Entry by entry, whatever the axes: done 16 times, and written as for the first of them."""
    dC = carray(dC, (count,), real)
    for entry in range(count):
        dC[entry] = real(0.0)


@for_c(types.float64(*[types.intp] * 1, *[REALS] * 1))
def each_1(count, dC):
    """Entry by entry, whatever the axes: done 16 times, and written as for the first of them."""
    dC = carray(dC, (count,), real)
    # grad_norm_sum = sum_v,d dC[v,d]**2
    grad_norm_sum = 0.0
    for entry in range(count):
        grad_norm_sum = plus(grad_norm_sum, dC[entry] ** 2)
    return grad_norm_sum


@for_c(types.void(*[types.intp] * 1, *[types.float64] * 1, *[REALS] * 1))
def each_2(count, clip_scale, dC):
    """Entry by entry, whatever the axes: done 16 times, and written as for the first of them."""
    dC = carray(dC, (count,), real)
    g_C = dC  # in the same array
    # (U5) g_C[v,d] = dC[v,d]*clip_scale
    for entry in range(count):
        g_C[entry] = dC[entry] * real(clip_scale)


@for_c(types.void(*[types.intp] * 1, *[types.float64] * 6, *[REALS] * 4))
def each_3(count, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_C, dC, v_C, C):
    """Entry by entry, whatever the axes: done 16 times, and written as for the first of them."""
    m_C = carray(m_C, (count,), real)
    dC = carray(dC, (count,), real)
    v_C = carray(v_C, (count,), real)
    C = carray(C, (count,), real)
    m_C_new = m_C  # in the same array
    g_C = dC  # in the same array
    v_C_new = v_C  # in the same array
    C_new = C  # in the same array
    # (U6) m_C_new[v,d] = beta1*m_C[v,d] + g_C[v,d]*(1 - beta1)
    for entry in range(count):
        m_C_new[entry] = real(beta1) * m_C[entry] + g_C[entry] * (real(1.0) - real(beta1))
        # (U7) v_C_new[v,d] = g_C[v,d]**2*(1 - beta2) + beta2*v_C[v,d]
        v_C_new[entry] = g_C[entry] ** 2 * (real(1.0) - real(beta2)) + real(beta2) * v_C[entry]
        # (U8) C_new[v,d] = C[v,d] - lr*C_new_factor*m_C_new[v,d]/(eps + sqrt(C_new_factor2*v_C_new[v,d]))
        C_new[entry] = C[entry] - real(lr) * real(C_new_factor) * m_C_new[entry] / (real(eps) + sqrt(real(C_new_factor2) * v_C_new[entry]))


@for_c(types.void(*[types.intp] * 10, *[ADDRESSES] * 1))
def step_sweep_1(part, parts, V, D, T, N, K, E, F, B, at):
    """Part `part` of `parts`: some rows of the B, through all that goes row by row."""
    x = carray(pointer(at[0]), (B, T), np.int32)
    y = carray(pointer(at[1]), (B, T), np.int32)
    C = carray(pointer(at[2]), (V, D), real)
    P = carray(pointer(at[3]), (T, D), real)
    Q = carray(pointer(at[4]), (N, K, E, D), real)
    G = carray(pointer(at[5]), (N, K, E, D), real)
    A = carray(pointer(at[6]), (N, K, E, D), real)
    M = carray(pointer(at[7]), (N, D, K, E), real)
    g1 = carray(pointer(at[8]), (N, D), real)
    b1 = carray(pointer(at[9]), (N, D), real)
    g2 = carray(pointer(at[10]), (N, D), real)
    b2 = carray(pointer(at[11]), (N, D), real)
    W = carray(pointer(at[12]), (N, F, D), real)
    w = carray(pointer(at[13]), (N, F), real)
    U = carray(pointer(at[14]), (N, D, F), real)
    u = carray(pointer(at[15]), (N, D), real)
    H = carray(pointer(at[16]), (V, D), real)
    h = carray(pointer(at[17]), (V,), real)
    emb = carray(pointer(at[18]), (B, T, D), real)
    r = carray(pointer(at[19]), (N, B, T, D), real)
    z = carray(pointer(at[20]), (B, T, D), real)
    z1_dev = carray(pointer(at[21]), (N, B, T), real)
    z1_hat = carray(pointer(at[22]), (N, B, T, D), real)
    z1 = carray(pointer(at[23]), (N, B, T, D), real)
    q = carray(pointer(at[24]), (N, B, T, K, E), real)
    key = carray(pointer(at[25]), (N, B, T, K, E), real)
    val = carray(pointer(at[26]), (N, B, T, K, E), real)
    p = carray(pointer(at[27]), (N, B, K, T, T), real)
    mix = carray(pointer(at[28]), (N, B, T, K, E), real)
    z2 = carray(pointer(at[29]), (B, T, D), real)
    z3_dev = carray(pointer(at[30]), (N, B, T), real)
    z3_hat = carray(pointer(at[31]), (N, B, T, D), real)
    z3 = carray(pointer(at[32]), (N, B, T, D), real)
    a = carray(pointer(at[33]), (N, B, T, F), real)
    gelu = carray(pointer(at[34]), (N, B, T, F), real)
    o = carray(pointer(at[35]), (B, T, V), real)
    dgelu = carray(pointer(at[36]), (B, T, F), real)
    da = carray(pointer(at[37]), (N, B, T, F), real)
    dz3 = carray(pointer(at[38]), (N, B, T, D), real)
    dz2 = carray(pointer(at[39]), (N, B, T, D), real)
    dmix = carray(pointer(at[40]), (B, T, K, E), real)
    dkey = carray(pointer(at[41]), (N, B, T, K, E), real)
    dq = carray(pointer(at[42]), (N, B, T, K, E), real)
    dz1 = carray(pointer(at[43]), (N, B, T, D), real)
    dz = carray(pointer(at[44]), (N, B, T, D), real)
    gelu_tanh = carray(pointer(at[45]), (N, B, T, F), real)
    Q_turned = carray(pointer(at[46]), (N, D, K, E), real)
    G_turned = carray(pointer(at[47]), (N, D, K, E), real)
    A_turned = carray(pointer(at[48]), (N, D, K, E), real)
    M_turned = carray(pointer(at[49]), (N, K, E, D), real)
    W_turned = carray(pointer(at[50]), (N, D, F), real)
    U_turned = carray(pointer(at[51]), (N, F, D), real)
    val_turned = carray(pointer(at[52]), (N, B, K, E, T), real)
    L_rows = carray(pointer(at[53]), (B,), real)
    score_parts = carray(pointer(at[54]), (parts, T, T), real)
    masked_parts = carray(pointer(at[55]), (parts, T), real)
    p_sum_exp_parts = carray(pointer(at[56]), (parts, T), real)
    dz3_hat_parts = carray(pointer(at[57]), (parts, D), real)
    dp_parts = carray(pointer(at[58]), (parts, T, T), real)
    dscore_parts = carray(pointer(at[59]), (parts, T, T), real)
    dz1_hat_parts = carray(pointer(at[60]), (parts, D), real)
    dP_parts = carray(pointer(at[61]), (parts, T, D), real)
    dQ_parts = carray(pointer(at[62]), (parts, N, K, E, D), real)
    dG_parts = carray(pointer(at[63]), (parts, N, K, E, D), real)
    dA_parts = carray(pointer(at[64]), (parts, N, K, E, D), real)
    dM_parts = carray(pointer(at[65]), (parts, N, D, K, E), real)
    dg1_parts = carray(pointer(at[66]), (parts, N, D), real)
    db1_parts = carray(pointer(at[67]), (parts, N, D), real)
    dg2_parts = carray(pointer(at[68]), (parts, N, D), real)
    db2_parts = carray(pointer(at[69]), (parts, N, D), real)
    dW_parts = carray(pointer(at[70]), (parts, N, F, D), real)
    dw_parts = carray(pointer(at[71]), (parts, N, F), real)
    dU_parts = carray(pointer(at[72]), (parts, N, D, F), real)
    du_parts = carray(pointer(at[73]), (parts, N, D), real)
    dH_parts = carray(pointer(at[74]), (parts, V, D), real)
    dh_parts = carray(pointer(at[75]), (parts, V), real)
    start, stop = B * part // parts, B * (part + 1) // parts
    score = score_parts[part]
    masked = masked_parts[part]
    p_sum_exp = p_sum_exp_parts[part]
    dz3_hat = dz3_hat_parts[part]
    dp = dp_parts[part]
    dscore = dscore_parts[part]
    dz1_hat = dz1_hat_parts[part]
    dP = dP_parts[part]
    dQ = dQ_parts[part]
    dG = dG_parts[part]
    dA = dA_parts[part]
    dM = dM_parts[part]
    dg1 = dg1_parts[part]
    db1 = db1_parts[part]
    dg2 = dg2_parts[part]
    db2 = db2_parts[part]
    dW = dW_parts[part]
    dw = dw_parts[part]
    dU = dU_parts[part]
    du = du_parts[part]
    dH = dH_parts[part]
    dh = dh_parts[part]
    do = o
    dr = r
    dval = val
    demb = z
    pred_exp = o
    dr_sum = z
    r_turned = emb
    dP[...] = 0
    dQ[...] = 0
    dG[...] = 0
    dA[...] = 0
    dM[...] = 0
    dg1[...] = 0
    db1[...] = 0
    dg2[...] = 0
    db2[...] = 0
    dW[...] = 0
    dw[...] = 0
    dU[...] = 0
    du[...] = 0
    dH[...] = 0
    dh[...] = 0
    # (F1) emb[b,t,d] = P[t,d] + C[x[b,t],d]
    for b in range(start, stop):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                emb[b, t_, d] = P[t_, d] + C[x_b_t_, d]
    for n in range(N):
        # (F2) z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
        for b in range(start, stop):
            for t_ in range(T):
                z1_mean_total = real(0)
                for d in range(D):
                    z[b, t_, d] = (r[n - 1, b, t_, d] if 0 <= n - 1 else emb[b, t_, d])
                    # (F3) z1_mean[n,b,t] = 1/D * sum_d z[n,b,t,d]
                    z1_mean_total = plus(z1_mean_total, z[b, t_, d])
                z1_mean = z1_mean_total / real(D)
                # z1_dev_sum[n,b,t] = sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2
                z1_dev_sum = real(0)
                for d in range(D):
                    z1_dev_sum = plus(z1_dev_sum, (z[b, t_, d] - z1_mean) ** 2)
                # (F4) z1_dev[n,b,t] = sqrt(z1_dev_sum[n,b,t]/D + 1e-05)
                z1_dev[n, b, t_] = sqrt(z1_dev_sum / real(D) + real(1e-05))
                # (F5) z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                for d in range(D):
                    z1_hat[n, b, t_, d] = (z[b, t_, d] - z1_mean) / z1_dev[n, b, t_]
                    # (F6) z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
                    z1[n, b, t_, d] = b1[n, d] + g1[n, d] * z1_hat[n, b, t_, d]
        # (F7) q[n,b,t,k,e] = sum_d z1[n,b,t,d]*Q_turned[n,d,k,e]
        product(
            ((stop - start)*T, K*E, D), (address(z1, n, start), D, AS_IS), (address(Q_turned, n), K*E, AS_IS),
            1.0, 0.0, (address(q, n, start), K*E),
        )
        # (F8) key[n,b,t,k,e] = sum_d z1[n,b,t,d]*G_turned[n,d,k,e]
        product(
            ((stop - start)*T, K*E, D), (address(z1, n, start), D, AS_IS), (address(G_turned, n), K*E, AS_IS),
            1.0, 0.0, (address(key, n, start), K*E),
        )
        # (F9) val[n,b,t,k,e] = sum_d z1[n,b,t,d]*A_turned[n,d,k,e]
        product(
            ((stop - start)*T, K*E, D), (address(z1, n, start), D, AS_IS), (address(A_turned, n), K*E, AS_IS),
            1.0, 0.0, (address(val, n, start), K*E),
        )
        # (F10) score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
        for b in range(start, stop):
            for k in range(K):
                product(
                    (T, T, E), (address(q, n, b, 0, k), K*E, AS_IS), (address(key, n, b, 0, k), K*E, TRANSPOSED),
                    1.0 / sqrt(E), 0.0, (address(score), T),
                )
                # (F11) masked[n,b,k,t,s] = score[n,b,k,t,s] if [s <= t] else -1000000000.0
                for t_ in range(T):
                    masked_max = real(-np.inf)
                    for s in range(T):
                        masked[s] = (score[t_, s] if s <= t_ else real(-1000000000.0))
                        # (masked_max) masked_max[n,b,k,t] = max_s2 masked[n,b,k,t,s2]
                        masked_max = larger(masked_max, masked[s])
                    # p_sum_exp[n,b,k,t,s2] = exp(masked[n,b,k,t,s2] - masked_max[n,b,k,t])
                    p_sum = real(0)
                    for s2 in range(T):
                        p_sum_exp[s2] = exp(masked[s2] - masked_max)
                        # p_sum[n,b,k,t] = sum_s2 p_sum_exp[n,b,k,t,s2]
                        p_sum = plus(p_sum, p_sum_exp[s2])
                    # (F12) p[n,b,k,t,s] = p_sum_exp[n,b,k,t,s]/p_sum[n,b,k,t]
                    for s in range(T):
                        p[n, b, k, t_, s] = p_sum_exp[s] / p_sum
                # (F13) mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
                product(
                    (T, E, T), (address(p, n, b, k), T, AS_IS), (address(val, n, b, 0, k), K*E, AS_IS),
                    1.0, 0.0, (address(mix, n, b, 0, k), K*E),
                )
        # (F14) z2[n,b,t,d] = z[n,b,t,d] + sum_k,e mix[n,b,t,k,e]*M_turned[n,k,e,d]
        product(
            ((stop - start)*T, D, K*E), (address(mix, n, start), K*E, AS_IS), (address(M_turned, n), D, AS_IS),
            1.0, 0.0, (address(z2, start), D),
        )
        for b in range(start, stop):
            for t_ in range(T):
                z3_mean_total = real(0)
                for d in range(D):
                    z2[b, t_, d] += z[b, t_, d]
                    # (F15) z3_mean[n,b,t] = 1/D * sum_d z2[n,b,t,d]
                    z3_mean_total = plus(z3_mean_total, z2[b, t_, d])
                z3_mean = z3_mean_total / real(D)
                # z3_dev_sum[n,b,t] = sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2
                z3_dev_sum = real(0)
                for d in range(D):
                    z3_dev_sum = plus(z3_dev_sum, (z2[b, t_, d] - z3_mean) ** 2)
                # (F16) z3_dev[n,b,t] = sqrt(z3_dev_sum[n,b,t]/D + 1e-05)
                z3_dev[n, b, t_] = sqrt(z3_dev_sum / real(D) + real(1e-05))
                # (F17) z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                for d in range(D):
                    z3_hat[n, b, t_, d] = (z2[b, t_, d] - z3_mean) / z3_dev[n, b, t_]
                    # (F18) z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
                    z3[n, b, t_, d] = b2[n, d] + g2[n, d] * z3_hat[n, b, t_, d]
        # (F19) a[n,b,t,f] = w[n,f] + sum_d z3[n,b,t,d]*W_turned[n,d,f]
        product(
            ((stop - start)*T, F, D), (address(z3, n, start), D, AS_IS), (address(W_turned, n), F, AS_IS),
            1.0, 0.0, (address(a, n, start), F),
        )
        for b in range(start, stop):
            for t_ in range(T):
                for f in range(F):
                    a[n, b, t_, f] += w[n, f]
                    # gelu_tanh[n,b,t,f] = tanh(sqrt(2)*(a[n,b,t,f] + 0.044715*a[n,b,t,f]**3)/sqrt(pi))
                    gelu_tanh[n, b, t_, f] = tanh(sqrt(real(2.0)) * (a[n, b, t_, f] + real(0.044715) * a[n, b, t_, f] ** 3) / sqrt(real(np.pi)))
                    # (F20) gelu[n,b,t,f] = a[n,b,t,f]*(gelu_tanh[n,b,t,f] + 1)/2
                    gelu[n, b, t_, f] = real(1 / 2) * a[n, b, t_, f] * (gelu_tanh[n, b, t_, f] + real(1.0))
        # (F21) r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f gelu[n,b,t,f]*U_turned[n,f,d]
        product(
            ((stop - start)*T, D, F), (address(gelu, n, start), F, AS_IS), (address(U_turned, n), D, AS_IS),
            1.0, 0.0, (address(r, n, start), D),
        )
        for b in range(start, stop):
            for t_ in range(T):
                for d in range(D):
                    r[n, b, t_, d] += u[n, d] + z2[b, t_, d]
    # r_turned[b,t,d] = r[N - 1,b,t,d]
    for b in range(start, stop):
        for t_ in range(T):
            for d in range(D):
                r_turned[b, t_, d] = r[N - 1, b, t_, d]
    # (F22) o[b,t,v] = h[v] + sum_d r_turned[b,t,d]*H[v,d]
    product(
        ((stop - start)*T, V, D), (address(r_turned, start), D, AS_IS), (address(H), D, TRANSPOSED),
        1.0, 0.0, (address(o, start), V),
    )
    for b in range(start, stop):
        L_rows_total = real(0)
        for t_ in range(T):
            o_max = real(-np.inf)
            for v in range(V):
                o[b, t_, v] += h[v]
                # (o_max) o_max[b,t] = max_v2 o[b,t,v2]
                o_max = larger(o_max, o[b, t_, v])
            # o_y[b,t] = o[b,t,y[b,t]]
            o_y = o[b, t_, y[b, t_]]
            # pred_exp[b,t,v] = exp(o[b,t,v] - o_max[b,t])
            pred_sum = real(0)
            for v in range(V):
                pred_exp[b, t_, v] = exp(o[b, t_, v] - o_max)
                # pred_sum[b,t] = sum_v2 pred_exp[b,t,v2]
                pred_sum = plus(pred_sum, pred_exp[b, t_, v])
            # L_rows[b] = sum_t (o_y[b,t] - o_max[b,t] - log(pred_sum[b,t]))
            L_rows_total = plus(L_rows_total, o_y - o_max - log(pred_sum))
            # F23 was: pred[b,t,v] = exp(o[b,t,v])/(sum_v2 exp(o[b,t,v2]))
            # (do) do[b,t,v] = pred_exp[b,t,v]/(B*T*pred_sum[b,t]) - [v == y[b,t]]/(B*T)
            for v in range(V):
                do[b, t_, v] = pred_exp[b, t_, v] / (real(B) * real(T) * pred_sum)
            do[b, t_, y[b, t_]] -= real(1.0) / (real(B) * real(T))
            # F22 was: o[b,t,v] = h[v] + sum_d H[v,d]*r[N - 1,b,t,d]
            # (dh) dh[v] = sum_b,t do[b,t,v]
            for v in range(V):
                dh[v] += do[b, t_, v]
        L_rows[b] = L_rows_total
    # dr_sum[b,t,d] = sum_v H[v,d]*do[b,t,v]
    product(
        ((stop - start)*T, D, V), (address(do, start), V, AS_IS), (address(H), D, AS_IS),
        1.0, 0.0, (address(dr_sum, start), D),
    )
    # val_turned[n,b,k,e,s] = val[n,b,s,k,e]
    for n in range(N):
        for b in range(start, stop):
            for k in range(K):
                for e in range(E):
                    for s in range(T):
                        val_turned[n, b, k, e, s] = val[n, b, s, k, e]
    for n in range(N - 1, -1, -1):
        # F22 was: o[b,t,v] = h[v] + sum_d H[v,d]*r[N - 1,b,t,d]
        # F2 was: z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
        # (dr) dr[n,b,t,d] = [n == N - 1]*dr_sum[b,t,d] + (dz[n + 1,b,t,d] if [n + 1 < N] else 0)
        for b in range(start, stop):
            for t_ in range(T):
                for d in range(D):
                    dr[n, b, t_, d] = real(n == (N - 1)) * dr_sum[b, t_, d] + (dz[n + 1, b, t_, d] if n + 1 < N else real(0.0))
        # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
        # (dgelu) dgelu[n,b,t,f] = sum_d U[n,d,f]*dr[n,b,t,d]
        product(
            ((stop - start)*T, F, D), (address(dr, n, start), D, AS_IS), (address(U, n), F, AS_IS),
            1.0, 0.0, (address(dgelu, start), F),
        )
        # F20 was: gelu[n,b,t,f] = a[n,b,t,f]*(tanh(sqrt(2)*(a[n,b,t,f] + 0.044715*a[n,b,t,f]**3)/sqrt(pi)) + 1)/2
        # (da) da[n,b,t,f] = dgelu[n,b,t,f]*((gelu_tanh[n,b,t,f] + 1)/2 + sqrt(2)*(1 - gelu_tanh[n,b,t,f]**2)*a[n,b,t,f]/(2*sqrt(pi)) + 0.0670725*sqrt(2)*a[n,b,t,f]**3*(1 - gelu_tanh[n,b,t,f]**2)/sqrt(pi))
        for b in range(start, stop):
            for t_ in range(T):
                for f in range(F):
                    da[n, b, t_, f] = dgelu[b, t_, f] * (real(1 / 2) * (gelu_tanh[n, b, t_, f] + real(1.0)) + real(1 / 2) * sqrt(real(2.0)) * (real(1.0) - gelu_tanh[n, b, t_, f] ** 2) * a[n, b, t_, f] / sqrt(real(np.pi)) + real(0.0670725) * sqrt(real(2.0)) * a[n, b, t_, f] ** 3 * (real(1.0) - gelu_tanh[n, b, t_, f] ** 2) / sqrt(real(np.pi)))
        # F19 was: a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
        # (dz3) dz3[n,b,t,d] = sum_f W[n,f,d]*da[n,b,t,f]
        product(
            ((stop - start)*T, D, F), (address(da, n, start), F, AS_IS), (address(W, n), D, AS_IS),
            1.0, 0.0, (address(dz3, n, start), D),
        )
        # F18 was: z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
        # (dz3_hat) dz3_hat[n,b,t,d] = g2[n,d]*dz3[n,b,t,d]
        for b in range(start, stop):
            for t_ in range(T):
                dz3_dev_sum = real(0)
                dz3_mean_sum = real(0)
                for d in range(D):
                    dz3_hat[d] = g2[n, d] * dz3[n, b, t_, d]
                    # dz3_dev_sum[n,b,t] = sum_d z3_hat[n,b,t,d]*dz3_hat[n,b,t,d]
                    dz3_dev_sum = plus(dz3_dev_sum, z3_hat[n, b, t_, d] * dz3_hat[d])
                    # dz3_mean_sum[n,b,t] = sum_d dz3_hat[n,b,t,d]
                    dz3_mean_sum = plus(dz3_mean_sum, dz3_hat[d])
                # F17 was: z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                # (dz3_dev) dz3_dev[n,b,t] = -dz3_dev_sum[n,b,t]/z3_dev[n,b,t]
                dz3_dev = -dz3_dev_sum / z3_dev[n, b, t_]
                # F17 was: z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                # F16 was: z3_dev[n,b,t] = sqrt((1/D * sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2) + 1e-05)
                # (dz3_mean) dz3_mean[n,b,t] = -dz3_mean_sum[n,b,t]/z3_dev[n,b,t]
                dz3_mean = -dz3_mean_sum / z3_dev[n, b, t_]
                # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
                # F17 was: z3_hat[n,b,t,d] = (z2[n,b,t,d] - z3_mean[n,b,t])/z3_dev[n,b,t]
                # F16 was: z3_dev[n,b,t] = sqrt((1/D * sum_d (z2[n,b,t,d] - z3_mean[n,b,t])**2) + 1e-05)
                # F15 was: z3_mean[n,b,t] = 1/D * sum_d z2[n,b,t,d]
                # (dz2) dz2[n,b,t,d] = dr[n,b,t,d] + dz3_hat[n,b,t,d]/z3_dev[n,b,t] + z3_hat[n,b,t,d]*dz3_dev[n,b,t]/D + dz3_mean[n,b,t]/D
                for d in range(D):
                    dz2[n, b, t_, d] = dr[n, b, t_, d] + dz3_hat[d] / z3_dev[n, b, t_] + z3_hat[n, b, t_, d] * dz3_dev / real(D) + dz3_mean / real(D)
        # F14 was: z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
        # (dmix) dmix[n,b,t,k,e] = sum_d M[n,d,k,e]*dz2[n,b,t,d]
        product(
            ((stop - start)*T, K*E, D), (address(dz2, n, start), D, AS_IS), (address(M, n), K*E, AS_IS),
            1.0, 0.0, (address(dmix, start), K*E),
        )
        # F13 was: mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
        # (dp) dp[n,b,k,t,s] = sum_e dmix[n,b,t,k,e]*val_turned[n,b,k,e,s]
        for b in range(start, stop):
            for k in range(K):
                product(
                    (T, T, E), (address(dmix, b, 0, k), K*E, AS_IS), (address(val_turned, n, b, k), T, AS_IS),
                    1.0, 0.0, (address(dp), T),
                )
                # dmasked_sum[n,b,k,t] = sum_s3 p[n,b,k,t,s3]*dp[n,b,k,t,s3]
                for t_ in range(T):
                    dmasked_sum = real(0)
                    for s3 in range(T):
                        dmasked_sum = plus(dmasked_sum, p[n, b, k, t_, s3] * dp[t_, s3])
                    # F11 was: masked[n,b,k,t,s] = score[n,b,k,t,s] if [s <= t] else -1000000000.0
                    # (dscore) dscore[n,b,k,t,s] = p[n,b,k,t,s]*(dp[n,b,k,t,s] - dmasked_sum[n,b,k,t]) if [s <= t] else 0
                    for s in range(T):
                        dscore[t_, s] = (p[n, b, k, t_, s] * (dp[t_, s] - dmasked_sum) if s <= t_ else real(0.0))
                # F13 was: mix[n,b,t,k,e] = sum_s val[n,b,s,k,e]*p[n,b,k,t,s]
                # (dval) dval[n,b,t,k,e] = sum_t2 dmix[n,b,t2,k,e]*p[n,b,k,t2,t]
                product(
                    (T, E, T), (address(p, n, b, k), T, TRANSPOSED), (address(dmix, b, 0, k), K*E, AS_IS),
                    1.0, 0.0, (address(dval, n, b, 0, k), K*E),
                )
                # F10 was: score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
                # (dkey) dkey[n,b,t,k,e] = 1/sqrt(E) * sum_t2 q[n,b,t2,k,e]*dscore[n,b,k,t2,t]
                product(
                    (T, E, T), (address(dscore), T, TRANSPOSED), (address(q, n, b, 0, k), K*E, AS_IS),
                    1.0 / sqrt(E), 0.0, (address(dkey, n, b, 0, k), K*E),
                )
                # F10 was: score[n,b,k,t,s] = 1/sqrt(E) * sum_e q[n,b,t,k,e]*key[n,b,s,k,e]
                # (dq) dq[n,b,t,k,e] = 1/sqrt(E) * sum_s dscore[n,b,k,t,s]*key[n,b,s,k,e]
                product(
                    (T, E, T), (address(dscore), T, AS_IS), (address(key, n, b, 0, k), K*E, AS_IS),
                    1.0 / sqrt(E), 0.0, (address(dq, n, b, 0, k), K*E),
                )
        # F9 was: val[n,b,t,k,e] = sum_d A[n,k,e,d]*z1[n,b,t,d]
        # F8 was: key[n,b,t,k,e] = sum_d G[n,k,e,d]*z1[n,b,t,d]
        # F7 was: q[n,b,t,k,e] = sum_d Q[n,k,e,d]*z1[n,b,t,d]
        # (dz1) dz1[n,b,t,d] = (sum_k,e A[n,k,e,d]*dval[n,b,t,k,e]) + (sum_k,e G[n,k,e,d]*dkey[n,b,t,k,e]) + sum_k,e Q[n,k,e,d]*dq[n,b,t,k,e]
        product(
            ((stop - start)*T, D, K*E), (address(dval, n, start), K*E, AS_IS), (address(A, n), D, AS_IS),
            1.0, 0.0, (address(dz1, n, start), D),
        )
        product(
            ((stop - start)*T, D, K*E), (address(dkey, n, start), K*E, AS_IS), (address(G, n), D, AS_IS),
            1.0, 1.0, (address(dz1, n, start), D),
        )
        product(
            ((stop - start)*T, D, K*E), (address(dq, n, start), K*E, AS_IS), (address(Q, n), D, AS_IS),
            1.0, 1.0, (address(dz1, n, start), D),
        )
        # F6 was: z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
        # (dz1_hat) dz1_hat[n,b,t,d] = g1[n,d]*dz1[n,b,t,d]
        for b in range(start, stop):
            for t_ in range(T):
                dz1_dev_sum = real(0)
                dz1_mean_sum = real(0)
                for d in range(D):
                    dz1_hat[d] = g1[n, d] * dz1[n, b, t_, d]
                    # dz1_dev_sum[n,b,t] = sum_d z1_hat[n,b,t,d]*dz1_hat[n,b,t,d]
                    dz1_dev_sum = plus(dz1_dev_sum, z1_hat[n, b, t_, d] * dz1_hat[d])
                    # dz1_mean_sum[n,b,t] = sum_d dz1_hat[n,b,t,d]
                    dz1_mean_sum = plus(dz1_mean_sum, dz1_hat[d])
                # F5 was: z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                # (dz1_dev) dz1_dev[n,b,t] = -dz1_dev_sum[n,b,t]/z1_dev[n,b,t]
                dz1_dev = -dz1_dev_sum / z1_dev[n, b, t_]
                # F5 was: z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                # F4 was: z1_dev[n,b,t] = sqrt((1/D * sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2) + 1e-05)
                # (dz1_mean) dz1_mean[n,b,t] = -dz1_mean_sum[n,b,t]/z1_dev[n,b,t]
                dz1_mean = -dz1_mean_sum / z1_dev[n, b, t_]
                # F14 was: z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
                # F5 was: z1_hat[n,b,t,d] = (z[n,b,t,d] - z1_mean[n,b,t])/z1_dev[n,b,t]
                # F4 was: z1_dev[n,b,t] = sqrt((1/D * sum_d (z[n,b,t,d] - z1_mean[n,b,t])**2) + 1e-05)
                # F3 was: z1_mean[n,b,t] = 1/D * sum_d z[n,b,t,d]
                # (dz) dz[n,b,t,d] = dz2[n,b,t,d] + dz1_hat[n,b,t,d]/z1_dev[n,b,t] + z1_hat[n,b,t,d]*dz1_dev[n,b,t]/D + dz1_mean[n,b,t]/D
                for d in range(D):
                    dz[n, b, t_, d] = dz2[n, b, t_, d] + dz1_hat[d] / z1_dev[n, b, t_] + z1_hat[n, b, t_, d] * dz1_dev / real(D) + dz1_mean / real(D)
    # F2 was: z[n,b,t,d] = r[n - 1,b,t,d] if [0 <= n - 1] else emb[b,t,d]
    # (demb) demb[b,t,d] = dz[0,b,t,d]
    for b in range(start, stop):
        for t_ in range(T):
            for d in range(D):
                demb[b, t_, d] = dz[0, b, t_, d]
                # F1 was: emb[b,t,d] = P[t,d] + C[x[b,t],d]
                # (dP) dP[t,d] = sum_b demb[b,t,d]
                dP[t_, d] += demb[b, t_, d]
    # F7 was: q[n,b,t,k,e] = sum_d Q[n,k,e,d]*z1[n,b,t,d]
    # (dQ) dQ[n,k,e,d] = sum_b,t dq[n,b,t,k,e]*z1[n,b,t,d]
    for n in range(N):
        product(
            (K*E, D, (stop - start)*T), (address(dq, n, start), K*E, TRANSPOSED), (address(z1, n, start), D, AS_IS),
            1.0, 1.0, (address(dQ, n), D),
        )
        # F8 was: key[n,b,t,k,e] = sum_d G[n,k,e,d]*z1[n,b,t,d]
        # (dG) dG[n,k,e,d] = sum_b,t dkey[n,b,t,k,e]*z1[n,b,t,d]
        product(
            (K*E, D, (stop - start)*T), (address(dkey, n, start), K*E, TRANSPOSED), (address(z1, n, start), D, AS_IS),
            1.0, 1.0, (address(dG, n), D),
        )
        # F9 was: val[n,b,t,k,e] = sum_d A[n,k,e,d]*z1[n,b,t,d]
        # (dA) dA[n,k,e,d] = sum_b,t dval[n,b,t,k,e]*z1[n,b,t,d]
        product(
            (K*E, D, (stop - start)*T), (address(dval, n, start), K*E, TRANSPOSED), (address(z1, n, start), D, AS_IS),
            1.0, 1.0, (address(dA, n), D),
        )
    # F14 was: z2[n,b,t,d] = z[n,b,t,d] + sum_k,e M[n,d,k,e]*mix[n,b,t,k,e]
    # (dM) dM[n,d,k,e] = sum_b,t dz2[n,b,t,d]*mix[n,b,t,k,e]
    for n in range(N):
        product(
            (D, K*E, (stop - start)*T), (address(dz2, n, start), D, TRANSPOSED), (address(mix, n, start), K*E, AS_IS),
            1.0, 1.0, (address(dM, n), K*E),
        )
    # F6 was: z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
    # (dg1) dg1[n,d] = sum_b,t dz1[n,b,t,d]*z1_hat[n,b,t,d]
    for n in range(N):
        for b in range(start, stop):
            for t_ in range(T):
                for d in range(D):
                    dg1[n, d] += dz1[n, b, t_, d] * z1_hat[n, b, t_, d]
                    # F6 was: z1[n,b,t,d] = b1[n,d] + g1[n,d]*z1_hat[n,b,t,d]
                    # (db1) db1[n,d] = sum_b,t dz1[n,b,t,d]
                    db1[n, d] += dz1[n, b, t_, d]
    # F18 was: z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
    # (dg2) dg2[n,d] = sum_b,t dz3[n,b,t,d]*z3_hat[n,b,t,d]
    for n in range(N):
        for b in range(start, stop):
            for t_ in range(T):
                for d in range(D):
                    dg2[n, d] += dz3[n, b, t_, d] * z3_hat[n, b, t_, d]
                    # F18 was: z3[n,b,t,d] = b2[n,d] + g2[n,d]*z3_hat[n,b,t,d]
                    # (db2) db2[n,d] = sum_b,t dz3[n,b,t,d]
                    db2[n, d] += dz3[n, b, t_, d]
    # F19 was: a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
    # (dW) dW[n,f,d] = sum_b,t da[n,b,t,f]*z3[n,b,t,d]
    for n in range(N):
        product(
            (F, D, (stop - start)*T), (address(da, n, start), F, TRANSPOSED), (address(z3, n, start), D, AS_IS),
            1.0, 1.0, (address(dW, n), D),
        )
        # F19 was: a[n,b,t,f] = w[n,f] + sum_d W[n,f,d]*z3[n,b,t,d]
        # (dw) dw[n,f] = sum_b,t da[n,b,t,f]
        for b in range(start, stop):
            for t_ in range(T):
                for f in range(F):
                    dw[n, f] += da[n, b, t_, f]
    # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
    # (dU) dU[n,d,f] = sum_b,t dr[n,b,t,d]*gelu[n,b,t,f]
    for n in range(N):
        product(
            (D, F, (stop - start)*T), (address(dr, n, start), D, TRANSPOSED), (address(gelu, n, start), F, AS_IS),
            1.0, 1.0, (address(dU, n), F),
        )
        # F21 was: r[n,b,t,d] = u[n,d] + z2[n,b,t,d] + sum_f U[n,d,f]*gelu[n,b,t,f]
        # (du) du[n,d] = sum_b,t dr[n,b,t,d]
        for b in range(start, stop):
            for t_ in range(T):
                for d in range(D):
                    du[n, d] += dr[n, b, t_, d]
    # F22 was: o[b,t,v] = h[v] + sum_d H[v,d]*r[N - 1,b,t,d]
    # (dH) dH[v,d] = sum_b,t do[b,t,v]*r_turned[b,t,d]
    product(
        (V, D, (stop - start)*T), (address(do, start), V, TRANSPOSED), (address(r_turned, start), D, AS_IS),
        1.0, 1.0, (address(dH), D),
    )


@njit(cache=True, parallel=True)
def run_step_sweep_1(parts, V, D, T, N, K, E, F, B, at):
    if parts == 1:
        step_sweep_1(parts - 1, parts, V, D, T, N, K, E, F, B, at)
        return
    for part in prange(parts):
        step_sweep_1(np.int64(part), parts, V, D, T, N, K, E, F, B, at)


@for_c(types.float64(*[types.intp] * 9, *[types.float64] * 5, *[ADDRESSES] * 1))
def step(V, D, T, N, K, E, F, B, threads, lr, beta1, beta2, eps, t, at):
    """One step in place; the loss before it.  A loss that is not finite leaves everything untouched.

    Arrays: x (B,T), C (V,D), P (T,D), Q (N,K,E,D), G (N,K,E,D), A (N,K,E,D), M (N,D,K,E), g1 (N,D), b1 (N,D), g2
    (N,D), b2 (N,D), W (N,F,D), w (N,F), U (N,D,F), u (N,D), H (V,D), h (V), m_C (V,D), v_C (V,D), m_P (T,D), v_P
    (T,D), m_Q (N,K,E,D), v_Q (N,K,E,D), m_G (N,K,E,D), v_G (N,K,E,D), m_A (N,K,E,D), v_A (N,K,E,D), m_M (N,D,K,E),
    v_M (N,D,K,E), m_g1 (N,D), v_g1 (N,D), m_b1 (N,D), v_b1 (N,D), m_g2 (N,D), v_g2 (N,D), m_b2 (N,D), v_b2 (N,D),
    m_W (N,F,D), v_W (N,F,D), m_w (N,F), v_w (N,F), m_U (N,D,F), v_U (N,D,F), m_u (N,D), v_u (N,D), m_H (V,D), v_H
    (V,D), m_h (V), v_h (V), Q_turned (N,D,K,E), G_turned (N,D,K,E), A_turned (N,D,K,E), M_turned (N,K,E,D),
    W_turned (N,D,F), U_turned (N,F,D), z (B,T,D), L_rows (B), dC (V,D), dP (T,D), dQ (N,K,E,D), dG (N,K,E,D), dA
    (N,K,E,D), dM (N,D,K,E), dg1 (N,D), db1 (N,D), dg2 (N,D), db2 (N,D), dW (N,F,D), dw (N,F), dU (N,D,F), du (N,D),
    dH (V,D), dh (V)
    """
    x = carray(pointer(at[0]), (B, T), np.int32)
    C = at[1]
    P = at[2]
    g1 = at[3]
    b1 = at[4]
    g2 = at[5]
    b2 = at[6]
    w = at[7]
    u = at[8]
    H = at[9]
    h = at[10]
    dP = at[11]
    dQ = at[12]
    dG = at[13]
    dA = at[14]
    dM = at[15]
    dg1 = at[16]
    db1 = at[17]
    dg2 = at[18]
    db2 = at[19]
    dW = at[20]
    dw = at[21]
    dU = at[22]
    du = at[23]
    dH = at[24]
    dh = at[25]
    m_C = at[26]
    v_C = at[27]
    m_P = at[28]
    v_P = at[29]
    m_Q = at[30]
    v_Q = at[31]
    m_G = at[32]
    v_G = at[33]
    m_A = at[34]
    v_A = at[35]
    m_M = at[36]
    v_M = at[37]
    m_g1 = at[38]
    v_g1 = at[39]
    m_b1 = at[40]
    v_b1 = at[41]
    m_g2 = at[42]
    v_g2 = at[43]
    m_b2 = at[44]
    v_b2 = at[45]
    m_W = at[46]
    v_W = at[47]
    m_w = at[48]
    v_w = at[49]
    m_U = at[50]
    v_U = at[51]
    m_u = at[52]
    v_u = at[53]
    m_H = at[54]
    v_H = at[55]
    m_h = at[56]
    v_h = at[57]
    dP_parts = at[58]
    dQ_parts = at[59]
    dG_parts = at[60]
    dA_parts = at[61]
    dM_parts = at[62]
    dg1_parts = at[63]
    db1_parts = at[64]
    dg2_parts = at[65]
    db2_parts = at[66]
    dW_parts = at[67]
    dw_parts = at[68]
    dU_parts = at[69]
    du_parts = at[70]
    dH_parts = at[71]
    dh_parts = at[72]
    Q = carray(pointer(at[73]), (N, K, E, D), real)
    G = carray(pointer(at[74]), (N, K, E, D), real)
    A = carray(pointer(at[75]), (N, K, E, D), real)
    M = carray(pointer(at[76]), (N, D, K, E), real)
    W = carray(pointer(at[77]), (N, F, D), real)
    U = carray(pointer(at[78]), (N, D, F), real)
    z = carray(pointer(at[79]), (B, T, D), real)
    dC = carray(pointer(at[80]), (V, D), real)
    Q_turned = carray(pointer(at[81]), (N, D, K, E), real)
    G_turned = carray(pointer(at[82]), (N, D, K, E), real)
    A_turned = carray(pointer(at[83]), (N, D, K, E), real)
    M_turned = carray(pointer(at[84]), (N, K, E, D), real)
    W_turned = carray(pointer(at[85]), (N, D, F), real)
    U_turned = carray(pointer(at[86]), (N, F, D), real)
    L_rows = carray(pointer(at[87]), (B,), real)
    at_1 = at[88]
    demb = z  # in the same array
    # Q_turned[n,d,k,e] = Q[n,k,e,d]
    for n in range(N):
        for d in range(D):
            for k in range(K):
                for e in range(E):
                    Q_turned[n, d, k, e] = Q[n, k, e, d]
    # G_turned[n,d,k,e] = G[n,k,e,d]
    for n in range(N):
        for d in range(D):
            for k in range(K):
                for e in range(E):
                    G_turned[n, d, k, e] = G[n, k, e, d]
    # A_turned[n,d,k,e] = A[n,k,e,d]
    for n in range(N):
        for d in range(D):
            for k in range(K):
                for e in range(E):
                    A_turned[n, d, k, e] = A[n, k, e, d]
    # M_turned[n,k,e,d] = M[n,d,k,e]
    for n in range(N):
        for k in range(K):
            for e in range(E):
                for d in range(D):
                    M_turned[n, k, e, d] = M[n, d, k, e]
    # W_turned[n,d,f] = W[n,f,d]
    for n in range(N):
        for d in range(D):
            for f in range(F):
                W_turned[n, d, f] = W[n, f, d]
    # U_turned[n,f,d] = U[n,d,f]
    for n in range(N):
        for f in range(F):
            for d in range(D):
                U_turned[n, f, d] = U[n, d, f]
    zero(V * D, address(dC))
    zero(T * D, dP)
    zero(N * K * E * D, dQ)
    zero(N * K * E * D, dG)
    zero(N * K * E * D, dA)
    zero(N * D * K * E, dM)
    zero(N * D, dg1)
    zero(N * D, db1)
    zero(N * D, dg2)
    zero(N * D, db2)
    zero(N * F * D, dW)
    zero(N * F, dw)
    zero(N * D * F, dU)
    zero(N * D, du)
    zero(V * D, dH)
    zero(V, dh)
    # C_new_factor = 1/(1 - beta1**t)
    C_new_factor = 1.0 / (1.0 - beta1 ** t)
    # C_new_factor2 = 1/(1 - beta2**t)
    C_new_factor2 = 1.0 / (1.0 - beta2 ** t)
    parts = parts_for(max(N * B * K * T ** 2 * E, N * B * T * K * E * D, N * B * T * F * D, B * T * V * D), threads)
    run_step_sweep_1(parts, V, D, T, N, K, E, F, B, at_1)
    add_parts(parts, T * D, dP, dP_parts)
    add_parts(parts, N * K * E * D, dQ, dQ_parts)
    add_parts(parts, N * K * E * D, dG, dG_parts)
    add_parts(parts, N * K * E * D, dA, dA_parts)
    add_parts(parts, N * D * K * E, dM, dM_parts)
    add_parts(parts, N * D, dg1, dg1_parts)
    add_parts(parts, N * D, db1, db1_parts)
    add_parts(parts, N * D, dg2, dg2_parts)
    add_parts(parts, N * D, db2, db2_parts)
    add_parts(parts, N * F * D, dW, dW_parts)
    add_parts(parts, N * F, dw, dw_parts)
    add_parts(parts, N * D * F, dU, dU_parts)
    add_parts(parts, N * D, du, du_parts)
    add_parts(parts, V * D, dH, dH_parts)
    add_parts(parts, V, dh, dh_parts)
    # (F24) L = -1/(B*T) * sum_b L_rows[b]
    L_total = 0.0
    for b in range(B):
        L_total = plus(L_total, L_rows[b])
    L = -L_total / (B * T)
    # F1 was: emb[b,t,d] = P[t,d] + C[x[b,t],d]
    # (dC) dC[v,d] = sum_b,t demb[b,t,d]*[v == x[b,t]]
    for b in range(B):
        for t_ in range(T):
            x_b_t_ = x[b, t_]
            for d in range(D):
                dC[x_b_t_, d] += demb[b, t_, d]
    # grad_norm_sum = sum_v,d dC[v,d]**2
    grad_norm_sum = each_1(V * D, address(dC))
    # grad_norm_sum2 = sum_t,d dP[t,d]**2
    grad_norm_sum2 = each_1(T * D, dP)
    # grad_norm_sum3 = sum_n,k,e,d dQ[n,k,e,d]**2
    grad_norm_sum3 = each_1(N * K * E * D, dQ)
    # grad_norm_sum4 = sum_n,k,e,d dG[n,k,e,d]**2
    grad_norm_sum4 = each_1(N * K * E * D, dG)
    # grad_norm_sum5 = sum_n,k,e,d dA[n,k,e,d]**2
    grad_norm_sum5 = each_1(N * K * E * D, dA)
    # grad_norm_sum6 = sum_n,d,k,e dM[n,d,k,e]**2
    grad_norm_sum6 = each_1(N * D * K * E, dM)
    # grad_norm_sum7 = sum_n,d dg1[n,d]**2
    grad_norm_sum7 = each_1(N * D, dg1)
    # grad_norm_sum8 = sum_n,d db1[n,d]**2
    grad_norm_sum8 = each_1(N * D, db1)
    # grad_norm_sum9 = sum_n,d dg2[n,d]**2
    grad_norm_sum9 = each_1(N * D, dg2)
    # grad_norm_sum10 = sum_n,d db2[n,d]**2
    grad_norm_sum10 = each_1(N * D, db2)
    # grad_norm_sum11 = sum_n,f,d dW[n,f,d]**2
    grad_norm_sum11 = each_1(N * F * D, dW)
    # grad_norm_sum12 = sum_n,f dw[n,f]**2
    grad_norm_sum12 = each_1(N * F, dw)
    # grad_norm_sum13 = sum_n,d,f dU[n,d,f]**2
    grad_norm_sum13 = each_1(N * D * F, dU)
    # grad_norm_sum14 = sum_n,d du[n,d]**2
    grad_norm_sum14 = each_1(N * D, du)
    # grad_norm_sum15 = sum_v,d dH[v,d]**2
    grad_norm_sum15 = each_1(V * D, dH)
    # grad_norm_sum16 = sum_v dh[v]**2
    grad_norm_sum16 = each_1(V, dh)
    # (U2) clip_scale = 1/max(1.0, sqrt(grad_norm_sum + grad_norm_sum2 + grad_norm_sum3 + grad_norm_sum4 + grad_norm_sum5 + grad_norm_sum6 + grad_norm_sum7 + grad_norm_sum8 + grad_norm_sum9 + grad_norm_sum10 + grad_norm_sum11 + grad_norm_sum12 + grad_norm_sum13 + grad_norm_sum14 + grad_norm_sum15 + grad_norm_sum16))
    clip_scale = 1.0 / max(1.0, sqrt(grad_norm_sum + grad_norm_sum2 + grad_norm_sum3 + grad_norm_sum4 + grad_norm_sum5 + grad_norm_sum6 + grad_norm_sum7 + grad_norm_sum8 + grad_norm_sum9 + grad_norm_sum10 + grad_norm_sum11 + grad_norm_sum12 + grad_norm_sum13 + grad_norm_sum14 + grad_norm_sum15 + grad_norm_sum16))
    # (U5) g_C[v,d] = dC[v,d]*clip_scale
    each_2(V * D, clip_scale, address(dC))
    # (U9) g_P[t,d] = dP[t,d]*clip_scale
    each_2(T * D, clip_scale, dP)
    # (U13) g_Q[n,k,e,d] = dQ[n,k,e,d]*clip_scale
    each_2(N * K * E * D, clip_scale, dQ)
    # (U17) g_G[n,k,e,d] = dG[n,k,e,d]*clip_scale
    each_2(N * K * E * D, clip_scale, dG)
    # (U21) g_A[n,k,e,d] = dA[n,k,e,d]*clip_scale
    each_2(N * K * E * D, clip_scale, dA)
    # (U25) g_M[n,d,k,e] = dM[n,d,k,e]*clip_scale
    each_2(N * D * K * E, clip_scale, dM)
    # (U29) g_g1[n,d] = dg1[n,d]*clip_scale
    each_2(N * D, clip_scale, dg1)
    # (U33) g_b1[n,d] = db1[n,d]*clip_scale
    each_2(N * D, clip_scale, db1)
    # (U37) g_g2[n,d] = dg2[n,d]*clip_scale
    each_2(N * D, clip_scale, dg2)
    # (U41) g_b2[n,d] = db2[n,d]*clip_scale
    each_2(N * D, clip_scale, db2)
    # (U45) g_W[n,f,d] = dW[n,f,d]*clip_scale
    each_2(N * F * D, clip_scale, dW)
    # (U49) g_w[n,f] = dw[n,f]*clip_scale
    each_2(N * F, clip_scale, dw)
    # (U53) g_U[n,d,f] = dU[n,d,f]*clip_scale
    each_2(N * D * F, clip_scale, dU)
    # (U57) g_u[n,d] = du[n,d]*clip_scale
    each_2(N * D, clip_scale, du)
    # (U61) g_H[v,d] = dH[v,d]*clip_scale
    each_2(V * D, clip_scale, dH)
    # (U65) g_h[v] = dh[v]*clip_scale
    each_2(V, clip_scale, dh)
    if not isfinite(L):
        return L
    # (U6) m_C_new[v,d] = beta1*m_C[v,d] + g_C[v,d]*(1 - beta1)
    # (U7) v_C_new[v,d] = g_C[v,d]**2*(1 - beta2) + beta2*v_C[v,d]
    # (U8) C_new[v,d] = C[v,d] - lr*C_new_factor*m_C_new[v,d]/(eps + sqrt(C_new_factor2*v_C_new[v,d]))
    each_3(V * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_C, address(dC), v_C, C)
    # (U10) m_P_new[t,d] = beta1*m_P[t,d] + g_P[t,d]*(1 - beta1)
    # (U11) v_P_new[t,d] = g_P[t,d]**2*(1 - beta2) + beta2*v_P[t,d]
    # (U12) P_new[t,d] = P[t,d] - lr*C_new_factor*m_P_new[t,d]/(eps + sqrt(C_new_factor2*v_P_new[t,d]))
    each_3(T * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_P, dP, v_P, P)
    # (U14) m_Q_new[n,k,e,d] = beta1*m_Q[n,k,e,d] + g_Q[n,k,e,d]*(1 - beta1)
    # (U15) v_Q_new[n,k,e,d] = g_Q[n,k,e,d]**2*(1 - beta2) + beta2*v_Q[n,k,e,d]
    # (U16) Q_new[n,k,e,d] = Q[n,k,e,d] - lr*C_new_factor*m_Q_new[n,k,e,d]/(eps + sqrt(C_new_factor2*v_Q_new[n,k,e,d]))
    each_3(N * K * E * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_Q, dQ, v_Q, address(Q))
    # (U18) m_G_new[n,k,e,d] = beta1*m_G[n,k,e,d] + g_G[n,k,e,d]*(1 - beta1)
    # (U19) v_G_new[n,k,e,d] = g_G[n,k,e,d]**2*(1 - beta2) + beta2*v_G[n,k,e,d]
    # (U20) G_new[n,k,e,d] = G[n,k,e,d] - lr*C_new_factor*m_G_new[n,k,e,d]/(eps + sqrt(C_new_factor2*v_G_new[n,k,e,d]))
    each_3(N * K * E * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_G, dG, v_G, address(G))
    # (U22) m_A_new[n,k,e,d] = beta1*m_A[n,k,e,d] + g_A[n,k,e,d]*(1 - beta1)
    # (U23) v_A_new[n,k,e,d] = g_A[n,k,e,d]**2*(1 - beta2) + beta2*v_A[n,k,e,d]
    # (U24) A_new[n,k,e,d] = A[n,k,e,d] - lr*C_new_factor*m_A_new[n,k,e,d]/(eps + sqrt(C_new_factor2*v_A_new[n,k,e,d]))
    each_3(N * K * E * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_A, dA, v_A, address(A))
    # (U26) m_M_new[n,d,k,e] = beta1*m_M[n,d,k,e] + g_M[n,d,k,e]*(1 - beta1)
    # (U27) v_M_new[n,d,k,e] = g_M[n,d,k,e]**2*(1 - beta2) + beta2*v_M[n,d,k,e]
    # (U28) M_new[n,d,k,e] = M[n,d,k,e] - lr*C_new_factor*m_M_new[n,d,k,e]/(eps + sqrt(C_new_factor2*v_M_new[n,d,k,e]))
    each_3(N * D * K * E, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_M, dM, v_M, address(M))
    # (U30) m_g1_new[n,d] = beta1*m_g1[n,d] + g_g1[n,d]*(1 - beta1)
    # (U31) v_g1_new[n,d] = g_g1[n,d]**2*(1 - beta2) + beta2*v_g1[n,d]
    # (U32) g1_new[n,d] = g1[n,d] - lr*C_new_factor*m_g1_new[n,d]/(eps + sqrt(C_new_factor2*v_g1_new[n,d]))
    each_3(N * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_g1, dg1, v_g1, g1)
    # (U34) m_b1_new[n,d] = beta1*m_b1[n,d] + g_b1[n,d]*(1 - beta1)
    # (U35) v_b1_new[n,d] = g_b1[n,d]**2*(1 - beta2) + beta2*v_b1[n,d]
    # (U36) b1_new[n,d] = b1[n,d] - lr*C_new_factor*m_b1_new[n,d]/(eps + sqrt(C_new_factor2*v_b1_new[n,d]))
    each_3(N * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_b1, db1, v_b1, b1)
    # (U38) m_g2_new[n,d] = beta1*m_g2[n,d] + g_g2[n,d]*(1 - beta1)
    # (U39) v_g2_new[n,d] = g_g2[n,d]**2*(1 - beta2) + beta2*v_g2[n,d]
    # (U40) g2_new[n,d] = g2[n,d] - lr*C_new_factor*m_g2_new[n,d]/(eps + sqrt(C_new_factor2*v_g2_new[n,d]))
    each_3(N * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_g2, dg2, v_g2, g2)
    # (U42) m_b2_new[n,d] = beta1*m_b2[n,d] + g_b2[n,d]*(1 - beta1)
    # (U43) v_b2_new[n,d] = g_b2[n,d]**2*(1 - beta2) + beta2*v_b2[n,d]
    # (U44) b2_new[n,d] = b2[n,d] - lr*C_new_factor*m_b2_new[n,d]/(eps + sqrt(C_new_factor2*v_b2_new[n,d]))
    each_3(N * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_b2, db2, v_b2, b2)
    # (U46) m_W_new[n,f,d] = beta1*m_W[n,f,d] + g_W[n,f,d]*(1 - beta1)
    # (U47) v_W_new[n,f,d] = g_W[n,f,d]**2*(1 - beta2) + beta2*v_W[n,f,d]
    # (U48) W_new[n,f,d] = W[n,f,d] - lr*C_new_factor*m_W_new[n,f,d]/(eps + sqrt(C_new_factor2*v_W_new[n,f,d]))
    each_3(N * F * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_W, dW, v_W, address(W))
    # (U50) m_w_new[n,f] = beta1*m_w[n,f] + g_w[n,f]*(1 - beta1)
    # (U51) v_w_new[n,f] = g_w[n,f]**2*(1 - beta2) + beta2*v_w[n,f]
    # (U52) w_new[n,f] = w[n,f] - lr*C_new_factor*m_w_new[n,f]/(eps + sqrt(C_new_factor2*v_w_new[n,f]))
    each_3(N * F, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_w, dw, v_w, w)
    # (U54) m_U_new[n,d,f] = beta1*m_U[n,d,f] + g_U[n,d,f]*(1 - beta1)
    # (U55) v_U_new[n,d,f] = g_U[n,d,f]**2*(1 - beta2) + beta2*v_U[n,d,f]
    # (U56) U_new[n,d,f] = U[n,d,f] - lr*C_new_factor*m_U_new[n,d,f]/(eps + sqrt(C_new_factor2*v_U_new[n,d,f]))
    each_3(N * D * F, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_U, dU, v_U, address(U))
    # (U58) m_u_new[n,d] = beta1*m_u[n,d] + g_u[n,d]*(1 - beta1)
    # (U59) v_u_new[n,d] = g_u[n,d]**2*(1 - beta2) + beta2*v_u[n,d]
    # (U60) u_new[n,d] = u[n,d] - lr*C_new_factor*m_u_new[n,d]/(eps + sqrt(C_new_factor2*v_u_new[n,d]))
    each_3(N * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_u, du, v_u, u)
    # (U62) m_H_new[v,d] = beta1*m_H[v,d] + g_H[v,d]*(1 - beta1)
    # (U63) v_H_new[v,d] = g_H[v,d]**2*(1 - beta2) + beta2*v_H[v,d]
    # (U64) H_new[v,d] = H[v,d] - lr*C_new_factor*m_H_new[v,d]/(eps + sqrt(C_new_factor2*v_H_new[v,d]))
    each_3(V * D, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_H, dH, v_H, H)
    # (U66) m_h_new[v] = beta1*m_h[v] + g_h[v]*(1 - beta1)
    # (U67) v_h_new[v] = g_h[v]**2*(1 - beta2) + beta2*v_h[v]
    # (U68) h_new[v] = h[v] - lr*C_new_factor*m_h_new[v]/(eps + sqrt(C_new_factor2*v_h_new[v]))
    each_3(V, lr, beta1, beta2, eps, C_new_factor, C_new_factor2, m_h, dh, v_h, h)
    return L


@njit(cache=True, fastmath=FAST, error_model="numpy")
def train_steps(
    order, lr, beta1, beta2, eps, t, x, y, losses, threads, B, T, V, D, N, K, E, F, x_batch, y_batch,
    at,
):
    """The steps of `train_chunk`, when all is made."""
    for turn in range(order.shape[0]):
        for row in range(B):
            for axis1 in range(x.shape[1]):
                x_batch[row, axis1] = x[order[turn, row], axis1]
            for axis1 in range(y.shape[1]):
                y_batch[row, axis1] = y[order[turn, row], axis1]
        losses[turn] = step(
            V, D, T, N, K, E, F, B, threads, lr[turn], beta1[turn], beta2[turn], eps[turn], t[turn],
            address(at),
        )
        if not math.isfinite(losses[turn]):
            return turn
    return order.shape[0]


def train_chunk(
    order, lr, beta1, beta2, eps, t, x, y, C, P, Q, G, A, M, g1, b1, g2, b2, W, w, U, u, H, h, m_C, v_C,
    m_P, v_P, m_Q, v_Q, m_G, v_G, m_A, v_A, m_M, v_M, m_g1, v_g1, m_b1, v_b1, m_g2, v_g2, m_b2, v_b2,
    m_W, v_W, m_w, v_w, m_U, v_U, m_u, v_u, m_H, v_H, m_h, v_h, losses, threads,
):
    """len(order) steps in place, step k on rows order[k] of the data; losses[k] is the loss before step k.

    Returns how many steps were done: all, or those before the first loss that is not finite.
    Sweeps run on at most `threads` threads.
    """
    B = order.shape[1]
    T = x.shape[1]
    V = C.shape[0]
    D = C.shape[1]
    N = Q.shape[0]
    K = Q.shape[1]
    E = Q.shape[2]
    F = W.shape[1]
    x_batch = workspace((B, x.shape[1]), np.int32)
    y_batch = workspace((B, y.shape[1]), np.int32)
    emb = workspace((B, T, D))
    Q_turned = workspace((N, D, K, E))
    G_turned = workspace((N, D, K, E))
    A_turned = workspace((N, D, K, E))
    M_turned = workspace((N, K, E, D))
    W_turned = workspace((N, D, F))
    U_turned = workspace((N, F, D))
    z = workspace((B, T, D))
    z1_dev = workspace((N, B, T))
    z1_hat = workspace((N, B, T, D))
    z1 = workspace((N, B, T, D))
    q = workspace((N, B, T, K, E))
    key = workspace((N, B, T, K, E))
    val = workspace((N, B, T, K, E))
    p = workspace((N, B, K, T, T))
    mix = workspace((N, B, T, K, E))
    z2 = workspace((B, T, D))
    z3_dev = workspace((N, B, T))
    z3_hat = workspace((N, B, T, D))
    z3 = workspace((N, B, T, D))
    a = workspace((N, B, T, F))
    gelu_tanh = workspace((N, B, T, F))
    gelu = workspace((N, B, T, F))
    r = workspace((N, B, T, D))
    o = workspace((B, T, V))
    L_rows = workspace((B,))
    val_turned = workspace((N, B, K, E, T))
    dgelu = workspace((B, T, F))
    da = workspace((N, B, T, F))
    dz3 = workspace((N, B, T, D))
    dz2 = workspace((N, B, T, D))
    dmix = workspace((B, T, K, E))
    dkey = workspace((N, B, T, K, E))
    dq = workspace((N, B, T, K, E))
    dz1 = workspace((N, B, T, D))
    dz = workspace((N, B, T, D))
    dC = workspace((V, D))
    dP = workspace((T, D))
    dQ = workspace((N, K, E, D))
    dG = workspace((N, K, E, D))
    dA = workspace((N, K, E, D))
    dM = workspace((N, D, K, E))
    dg1 = workspace((N, D))
    db1 = workspace((N, D))
    dg2 = workspace((N, D))
    db2 = workspace((N, D))
    dW = workspace((N, F, D))
    dw = workspace((N, F))
    dU = workspace((N, D, F))
    du = workspace((N, D))
    dH = workspace((V, D))
    dh = workspace((V,))
    score_parts = workspace((threads, T, T))
    masked_parts = workspace((threads, T))
    p_sum_exp_parts = workspace((threads, T))
    dz3_hat_parts = workspace((threads, D))
    dp_parts = workspace((threads, T, T))
    dscore_parts = workspace((threads, T, T))
    dz1_hat_parts = workspace((threads, D))
    dP_parts = workspace((threads, T, D))
    dQ_parts = workspace((threads, N, K, E, D))
    dG_parts = workspace((threads, N, K, E, D))
    dA_parts = workspace((threads, N, K, E, D))
    dM_parts = workspace((threads, N, D, K, E))
    dg1_parts = workspace((threads, N, D))
    db1_parts = workspace((threads, N, D))
    dg2_parts = workspace((threads, N, D))
    db2_parts = workspace((threads, N, D))
    dW_parts = workspace((threads, N, F, D))
    dw_parts = workspace((threads, N, F))
    dU_parts = workspace((threads, N, D, F))
    du_parts = workspace((threads, N, D))
    dH_parts = workspace((threads, V, D))
    dh_parts = workspace((threads, V))
    at_1 = addresses(np.int32, x_batch, y_batch)
    at_1 += addresses(
        real, C, P, Q, G, A, M, g1, b1, g2, b2, W, w, U, u, H, h, emb, r, z, z1_dev, z1_hat, z1, q, key,
        val, p, mix, z2, z3_dev, z3_hat, z3, a, gelu, o, dgelu, da, dz3, dz2, dmix, dkey, dq, dz1, dz,
        gelu_tanh, Q_turned, G_turned, A_turned, M_turned, W_turned, U_turned, val_turned, L_rows,
        score_parts, masked_parts, p_sum_exp_parts, dz3_hat_parts, dp_parts, dscore_parts, dz1_hat_parts,
        dP_parts, dQ_parts, dG_parts, dA_parts, dM_parts, dg1_parts, db1_parts, dg2_parts, db2_parts,
        dW_parts, dw_parts, dU_parts, du_parts, dH_parts, dh_parts,
    )
    at_1 = np.array(at_1, np.uintp)
    at = addresses(np.int32, x_batch)
    at += addresses(
        real, C, P, g1, b1, g2, b2, w, u, H, h, dP, dQ, dG, dA, dM, dg1, db1, dg2, db2, dW, dw, dU, du, dH,
        dh, m_C, v_C, m_P, v_P, m_Q, v_Q, m_G, v_G, m_A, v_A, m_M, v_M, m_g1, v_g1, m_b1, v_b1, m_g2, v_g2,
        m_b2, v_b2, m_W, v_W, m_w, v_w, m_U, v_U, m_u, v_u, m_H, v_H, m_h, v_h, dP_parts, dQ_parts,
        dG_parts, dA_parts, dM_parts, dg1_parts, db1_parts, dg2_parts, db2_parts, dW_parts, dw_parts,
        dU_parts, du_parts, dH_parts, dh_parts,
    )
    at += addresses(
        real, Q, G, A, M, W, U, z, dC, Q_turned, G_turned, A_turned, M_turned, W_turned, U_turned, L_rows,
    )
    at += addresses(np.uintp, at_1)
    at = np.array(at, np.uintp)
    link()
    steps = train_steps(
        order, lr, beta1, beta2, eps, t, x, y, losses, threads, B, T, V, D, N, K, E, F, x_batch, y_batch,
        at,
    )
    spare(
        x_batch, y_batch, emb, Q_turned, G_turned, A_turned, M_turned, W_turned, U_turned, z, z1_dev,
        z1_hat, z1, q, key, val, p, mix, z2, z3_dev, z3_hat, z3, a, gelu_tanh, gelu, r, o, L_rows,
        val_turned, dgelu, da, dz3, dz2, dmix, dkey, dq, dz1, dz, dC, dP, dQ, dG, dA, dM, dg1, db1, dg2,
        db2, dW, dw, dU, du, dH, dh, score_parts, masked_parts, p_sum_exp_parts, dz3_hat_parts, dp_parts,
        dscore_parts, dz1_hat_parts, dP_parts, dQ_parts, dG_parts, dA_parts, dM_parts, dg1_parts, db1_parts,
        dg2_parts, db2_parts, dW_parts, dw_parts, dU_parts, du_parts, dH_parts, dh_parts,
    )
    return steps


@njit(cache=True, nogil=True, fastmath=FAST, error_model="numpy")
def mean_loss(x, y, C, P, Q, G, A, M, g1, b1, g2, b2, W, w, U, u, H, h, batch):
    """The loss over all rows of the data, `batch` rows at a time, each row weighing the same."""
    rows = x.shape[0]
    total = 0.0
    for start in range(0, rows, batch):
        stop = min(start + batch, rows)
        total += (stop - start) * loss(x[start:stop], y[start:stop], C, P, Q, G, A, M, g1, b1, g2, b2, W, w, U, u, H, h)
    return total / rows
