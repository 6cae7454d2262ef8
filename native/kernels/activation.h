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
  static constexpr int mantissa = 52;
  // Taylor's series: the term left out is 3e-17 of the sum.
  static constexpr int terms = 12;
  static constexpr double c[terms] = {1.0 / 2,         1.0 / 6,          1.0 / 24,
                                      1.0 / 120,       1.0 / 720,        1.0 / 5040,
                                      1.0 / 40320,     1.0 / 362880,     1.0 / 3628800,
                                      1.0 / 39916800,  1.0 / 479001600,  1.0 / 6227020800};
};

/// exp(x) = scale + scale * rest, -low <= x <= high: kept apart so that exp(x) - 1 is exact near 0.
template <class T, int W>
struct Power {
  Vec<T, W> scale, rest;
};

template <class T, int W>
GATEWISE_INLINE Power<T, W> power(Vec<T, W> x) {
  using E = Exp<T>;
  const Vec<T, W> shifted = x * E::log2e + E::magic;
  const Vec<T, W> n = shifted - E::magic;
  const Vec<T, W> r = x - n * E::ln2;  // ln 2 in one number: the error, n * 2^-29, is felt where exp is far from 1
  Vec<T, W> q = splat<T, W>(E::c[E::terms - 1]);
#pragma GCC unroll 16
  for (int i = E::terms - 2; i >= 0; --i) q = q * r + E::c[i];
  const Vec<T, W> square = r * r;
  Power<T, W> p;
  p.rest = square * q + r;
  p.scale = (Vec<T, W>)((Vec<Bits<T>, W>)shifted << E::mantissa);
  return p;
}

/// The larger and the smaller of two values; the second where one is NaN.
template <class T, int W>
GATEWISE_INLINE Vec<T, W> larger_of(Vec<T, W> a, Vec<T, W> b) {
#ifdef __AVX512VL__  // one instruction; the compiler finds two for the general form
  if constexpr (sizeof(T) == 4 && W == 16) return (Vec<T, W>)_mm512_mask_max_ps((__m512)a, 0xffff, (__m512)a, (__m512)b);
  if constexpr (sizeof(T) == 4 && W == 8) return (Vec<T, W>)_mm256_max_ps((__m256)a, (__m256)b);
#endif
  return a > b ? a : b;
}
template <class T, int W>
GATEWISE_INLINE Vec<T, W> smaller_of(Vec<T, W> a, Vec<T, W> b) {
#ifdef __AVX512VL__
  if constexpr (sizeof(T) == 4 && W == 16) return (Vec<T, W>)_mm512_mask_min_ps((__m512)a, 0xffff, (__m512)a, (__m512)b);
  if constexpr (sizeof(T) == 4 && W == 8) return (Vec<T, W>)_mm256_min_ps((__m256)a, (__m256)b);
#endif
  return a < b ? a : b;
}

/// x between two limits; NaN stays.
template <class T, int W>
GATEWISE_INLINE Vec<T, W> clamp(Vec<T, W> x, T low, T high) {
  return smaller_of<T, W>(splat<T, W>(high), larger_of<T, W>(splat<T, W>(low), x));
}

/// 1 / (1 + exp(-x))
template <class T, int W>
GATEWISE_INLINE Vec<T, W> sigmoid(Vec<T, W> x) {
  const Power<T, W> p = power<T, W>(clamp<T, W>(-x, -Exp<T>::low, Exp<T>::high));
  const Vec<T, W> one = splat<T, W>(T(1));
  return one / (p.scale * (p.rest + one) + one);  // 0 where the scale is infinite
}

/// (exp(2x) - 1) / (exp(2x) + 1), accurate for small x
template <class T, int W>
GATEWISE_INLINE Vec<T, W> tanh_of(Vec<T, W> x) {
  const Power<T, W> p = power<T, W>(clamp<T, W>(x, -Exp<T>::tanh_limit, Exp<T>::tanh_limit) * T(2));
  const Vec<T, W> less_one = p.scale * p.rest + (p.scale - T(1));
  return less_one / (less_one + T(2));
}

GATEWISE_END
