// exp, sigmoid and tanh on vectors, to one or two units in the last place. NaN comes out as NaN.
#pragma once

#include "vec.h"

GATEWISE_BEGIN

/// Constants of exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= ln 2 / 2. Adding `magic` leaves n plus the
/// exponent's bias in the low bits. From -low on 2^n is a normal number; at `high` it is infinite.
template <class T>
struct Exp;

template <>
struct Exp<float> {
  static constexpr float magic = 12582912.0f + 127.0f, log2e = 1.44269504088896341f;
  static constexpr float ln2 = 0.693147180559945286f;
  static constexpr float low = 87.0f, high = 89.0f, tanh_limit = 10.0f;
  static constexpr float least = 1.7e-38f;  // a little more than exp(-low)
  static constexpr int mantissa = 23;
  // (exp(r) - 1 - r) / r^2, least maximum relative error of exp(r) - 1, with each coefficient rounded before the next
  // was fitted: 4.3e-10. An error of one sign adds up in long sums, so it is kept far below a rounding.
  static constexpr int terms = 6;
  static constexpr float c[terms] = {5.000000000e-01f, 1.666666567e-01f, 4.166649282e-02f,
                                     8.333544247e-03f, 1.393233077e-03f, 1.976334752e-04f};
};

template <>
struct Exp<double> {
  static constexpr double magic = 6755399441055744.0 + 1023.0, log2e = 1.4426950408889634074;
  static constexpr double ln2 = 0.693147180559945286;
  static constexpr double low = 708.0, high = 710.0, tanh_limit = 22.0;
  static constexpr double least = 3.4e-308;
  static constexpr int mantissa = 52;
  // Taylor's series: the term left out is 3e-17 of the sum.
  static constexpr int terms = 12;
  static constexpr double c[terms] = {1.0 / 2,         1.0 / 6,          1.0 / 24,
                                      1.0 / 120,       1.0 / 720,        1.0 / 5040,
                                      1.0 / 40320,     1.0 / 362880,     1.0 / 3628800,
                                      1.0 / 39916800,  1.0 / 479001600,  1.0 / 6227020800};
};

/// (artanh(s) / s - 1) / s^2 as a polynomial in s^2 <= 1/9, least maximum relative error of artanh(s): 1e-10, 4e-20.
template <class T>
struct Artanh;

template <>
struct Artanh<float> {
  static constexpr int terms = 5;
  static constexpr float c[terms] = {0.333333378113f, 0.19999438851f, 0.143084428505f, 0.1071382468f, 0.121504818315f};
};

template <>
struct Artanh<double> {
  static constexpr int terms = 11;
  static constexpr double c[terms] = {
      0.33333333333333339161,  0.1999999999999698814,   0.14285714286255110474, 0.11111111062728877418,
      0.090909116016991435679, 0.076922259606442102567, 0.06668402987987384983, 0.058579746141175809687,
      0.054862874464707232832, 0.034971109829046429567, 0.082338335955599911764};
};

// The larger and the smaller of two values; the second where one is NaN. That is one instruction on x86, where compilers
// find a comparison and a choice. (On AVX-512 the masked form: GCC 12 warns of the other's undefined source.)
template <class T, int W>
GATEWISE_INLINE Vec<T, W> larger_of(Vec<T, W> a, Vec<T, W> b) {
#ifdef __x86_64__
  if constexpr (sizeof(T) == 4 && W == 4) return (Vec<T, W>)_mm_max_ps((__m128)a, (__m128)b);
  if constexpr (sizeof(T) == 8 && W == 2) return (Vec<T, W>)_mm_max_pd((__m128d)a, (__m128d)b);
#endif
#ifdef __AVX2__
  if constexpr (sizeof(T) == 4 && W == 8) return (Vec<T, W>)_mm256_max_ps((__m256)a, (__m256)b);
  if constexpr (sizeof(T) == 8 && W == 4) return (Vec<T, W>)_mm256_max_pd((__m256d)a, (__m256d)b);
#endif
#ifdef __AVX512F__
  if constexpr (sizeof(T) == 4 && W == 16) return (Vec<T, W>)_mm512_mask_max_ps((__m512)a, 0xffff, (__m512)a, (__m512)b);
#endif
  return a > b ? a : b;
}
template <class T, int W>
GATEWISE_INLINE Vec<T, W> smaller_of(Vec<T, W> a, Vec<T, W> b) {
#ifdef __x86_64__
  if constexpr (sizeof(T) == 4 && W == 4) return (Vec<T, W>)_mm_min_ps((__m128)a, (__m128)b);
  if constexpr (sizeof(T) == 8 && W == 2) return (Vec<T, W>)_mm_min_pd((__m128d)a, (__m128d)b);
#endif
#ifdef __AVX2__
  if constexpr (sizeof(T) == 4 && W == 8) return (Vec<T, W>)_mm256_min_ps((__m256)a, (__m256)b);
  if constexpr (sizeof(T) == 8 && W == 4) return (Vec<T, W>)_mm256_min_pd((__m256d)a, (__m256d)b);
#endif
#ifdef __AVX512F__
  if constexpr (sizeof(T) == 4 && W == 16) return (Vec<T, W>)_mm512_mask_min_ps((__m512)a, 0xffff, (__m512)a, (__m512)b);
#endif
  return a < b ? a : b;
}

/// x between two limits; NaN stays.
template <class T, int W>
GATEWISE_INLINE Vec<T, W> clamp(Vec<T, W> x, T low, T high) {
  return smaller_of<T, W>(splat<T, W>(high), larger_of<T, W>(splat<T, W>(low), x));
}

/// Activate N vectors: those whose bit in `tanhs` is set by tanh, in `decays` by exp(-|x|), the others by the sigmoid.
///   sigmoid(x) = 1 / (1 + exp(-x)),  tanh(x) = (exp(2x) - 1) / (exp(2x) + 1)
/// with exp(y) = scale + scale * rest kept apart, so that exp(y) - 1 is exact near 0. All vectors take each step together: a
/// processor finds work that need not wait only a few dozen instructions ahead.
template <class T, int W, unsigned tanhs, unsigned decays = 0, int N>
GATEWISE_INLINE void activate(Vec<T, W> (&x)[N]) {
  using E = Exp<T>;
  using V = Vec<T, W>;
  const auto is_tanh = [](int i) { return (tanhs >> i & 1) != 0; };
  const auto is_decay = [](int i) { return (decays >> i & 1) != 0; };
  V scale[N], rest[N], q[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i)
    if (is_decay(i)) {
      x[i] = clamp<T, W>(x[i] < T(0) ? x[i] : -x[i], -E::low, T(0));
    } else {
      x[i] = is_tanh(i) ? clamp<T, W>(x[i], -E::tanh_limit, E::tanh_limit) * T(2) : clamp<T, W>(-x[i], -E::low, E::high);
    }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) scale[i] = x[i] * E::log2e + E::magic;
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) rest[i] = scale[i] - E::magic;
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i)  // ln 2 in one number: the error, n * 2^-29, is felt where exp is far from 1
    x[i] = x[i] - rest[i] * E::ln2;
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) q[i] = splat<T, W>(E::c[E::terms - 1]);
#pragma GCC unroll 16
  for (int term = E::terms - 2; term >= 0; --term)
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) q[i] = q[i] * x[i] + E::c[term];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) rest[i] = rounded(x[i] * x[i]) * q[i] + x[i];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) scale[i] = (V)((Vec<Bits<T>, W>)scale[i] << E::mantissa);
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i)
    if (is_decay(i)) {
      rest[i] = scale[i] * rest[i] + scale[i];
    } else {
      rest[i] = is_tanh(i) ? scale[i] * rest[i] + (scale[i] - T(1)) : scale[i] * (rest[i] + T(1)) + T(1);
    }
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
    if (is_decay(i)) {
      x[i] = rest[i] < E::least ? V{} : rest[i];  // exactly 0 from minus infinity to about -low
    } else {
      x[i] = is_tanh(i) ? rest[i] / (rest[i] + T(2)) : splat<T, W>(T(1)) / rest[i];  // 0 where the scale is infinite
    }
  }
}

/// log(1 + y) of N vectors, 0 <= y <= 1, which is 2 artanh(y / (2 + y)): exact to a rounding for any small y.
template <class T, int W, int N>
GATEWISE_INLINE void log_of_one_more(Vec<T, W> (&y)[N]) {
  using A = Artanh<T>;
  Vec<T, W> square[N], q[N];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) y[i] = y[i] / (y[i] + T(2));
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) square[i] = rounded(y[i] * y[i]);
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) q[i] = splat<T, W>(A::c[A::terms - 1]);
#pragma GCC unroll 16
  for (int term = A::terms - 2; term >= 0; --term)
#pragma GCC unroll 16
    for (int i = 0; i < N; ++i) q[i] = q[i] * square[i] + A::c[term];
#pragma GCC unroll 16
  for (int i = 0; i < N; ++i) {
    y[i] += y[i];
    y[i] = rounded(y[i] * square[i]) * q[i] + y[i];
  }
}

/// `activate` for all vectors of an array by the same function, as many at a time as the registers hold.
template <class T, int W, bool tanh, bool decay = false, int N>
GATEWISE_INLINE void activate_all(Vec<T, W> (&x)[N]) {
  constexpr int some = tile_rows <= 3 ? 3 : 6;
  constexpr unsigned tanhs = tanh ? ~0u : 0u, decays = decay ? ~0u : 0u;
#pragma GCC unroll 16
  for (int begin = 0; begin < N; begin += some) {
    constexpr int rest = N % some;
    if (rest != 0 && begin + some > N) {
      activate<T, W, tanhs, decays>((Vec<T, W>(&)[rest == 0 ? 1 : rest])x[begin]);
    } else {
      activate<T, W, tanhs, decays>((Vec<T, W>(&)[some > N ? N : some])x[begin]);
    }
  }
}

GATEWISE_END
