// Vectors in GCC/Clang's extension: loads, stores, and the types in which each kernel computes.
// Included by the kernels only, which are compiled once per instruction set: everything here lives in
// that set's own namespace, and nothing of the standard library is used, so that no inline function of
// one set can be linked into another.
#pragma once

#include <cstdint>
#include <cstring>

#ifdef __x86_64__
#include <immintrin.h>
#endif

#define GATEWISE_BEGIN     \
  namespace gatewise {     \
  namespace GATEWISE_ISA_NAME {
#define GATEWISE_END \
  }                  \
  }
#define GATEWISE_INLINE static inline __attribute__((always_inline))

GATEWISE_BEGIN

#if defined(__AVX512F__)
constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
constexpr int vector_bytes = 32;
#else
constexpr int vector_bytes = 16;
#endif

/// Rows of the batch that a tile holds in registers at once: with four vectors a row, what the register
/// file of each instruction set (32, 16, 32 or 16 registers) can hold.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int tile_rows = 6;
#else
constexpr int tile_rows = 3;
#endif

template <class T, int W>
struct VecOf {
  typedef T type __attribute__((vector_size(sizeof(T) * W)));
};
/// W lanes of T.
template <class T, int W>
using Vec = typename VecOf<T, W>::type;

template <class T>
struct BitsOf;
template <>
struct BitsOf<float> {
  using type = int32_t;
};
template <>
struct BitsOf<double> {
  using type = int64_t;
};
/// The integer of T's size.
template <class T>
using Bits = typename BitsOf<T>::type;

template <class T, int W>
GATEWISE_INLINE Vec<T, W> splat(T value) {
  return value - Vec<T, W>{};
}

template <class T, int W>
GATEWISE_INLINE Vec<T, W> load(const T* from) {
  Vec<T, W> v;
  memcpy(&v, from, sizeof(v));
  return v;
}

template <class T, int W>
GATEWISE_INLINE void store(T* to, Vec<T, W> v) {
  memcpy(to, &v, sizeof(v));
}

#ifdef __AVX2__
/// All bits of the first n of W lanes, 0 < n < W.
template <class T, int W>
GATEWISE_INLINE Vec<Bits<T>, W> first_lanes(int n) {
  static constexpr Bits<T> edge[2 * W] = {-1, -1, -1, -1, W > 4 ? -1 : 0, W > 4 ? -1 : 0, W > 4 ? -1 : 0, W > 4 ? -1 : 0};
  return load<Bits<T>, W>(edge + W - n);
}
#endif

/// The first n lanes; the others are 0. Nothing past them is read.
template <class T, int W>
GATEWISE_INLINE Vec<T, W> load_first(const T* from, int n) {
  if (n == W) return load<T, W>(from);
  Vec<T, W> v = {};
  if (n <= 0) return v;
#ifdef __AVX512VL__
  const unsigned mask = (1u << n) - 1u;
  if constexpr (sizeof(T) == 4 && W == 16) return (Vec<T, W>)_mm512_maskz_loadu_ps((__mmask16)mask, from);
  if constexpr (sizeof(T) == 4 && W == 8) return (Vec<T, W>)_mm256_maskz_loadu_ps((__mmask8)mask, from);
  if constexpr (sizeof(T) == 8 && W == 8) return (Vec<T, W>)_mm512_maskz_loadu_pd((__mmask8)mask, from);
  if constexpr (sizeof(T) == 8 && W == 4) return (Vec<T, W>)_mm256_maskz_loadu_pd((__mmask8)mask, from);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4 && W == 8) return (Vec<T, W>)_mm256_maskload_ps(from, (__m256i)first_lanes<T, W>(n));
  if constexpr (sizeof(T) == 4 && W == 4) return (Vec<T, W>)_mm_maskload_ps(from, (__m128i)first_lanes<T, W>(n));
  if constexpr (sizeof(T) == 8 && W == 4) return (Vec<T, W>)_mm256_maskload_pd(from, (__m256i)first_lanes<T, W>(n));
#endif
  memcpy(&v, from, sizeof(T) * (size_t)n);
  return v;
}

/// Store the first n lanes. Nothing past them is written.
template <class T, int W>
GATEWISE_INLINE void store_first(T* to, Vec<T, W> v, int n) {
  if (n == W) return store<T, W>(to, v);
  if (n <= 0) return;
#ifdef __AVX512VL__
  const unsigned mask = (1u << n) - 1u;
  if constexpr (sizeof(T) == 4 && W == 16) return _mm512_mask_storeu_ps(to, (__mmask16)mask, (__m512)v);
  if constexpr (sizeof(T) == 4 && W == 8) return _mm256_mask_storeu_ps(to, (__mmask8)mask, (__m256)v);
  if constexpr (sizeof(T) == 8 && W == 8) return _mm512_mask_storeu_pd(to, (__mmask8)mask, (__m512d)v);
  if constexpr (sizeof(T) == 8 && W == 4) return _mm256_mask_storeu_pd(to, (__mmask8)mask, (__m256d)v);
#elif defined(__AVX2__)
  if constexpr (sizeof(T) == 4 && W == 8) return _mm256_maskstore_ps(to, (__m256i)first_lanes<T, W>(n), (__m256)v);
  if constexpr (sizeof(T) == 4 && W == 4) return _mm_maskstore_ps(to, (__m128i)first_lanes<T, W>(n), (__m128)v);
  if constexpr (sizeof(T) == 8 && W == 4) return _mm256_maskstore_pd(to, (__m256i)first_lanes<T, W>(n), (__m256d)v);
#endif
  memcpy(to, &v, sizeof(T) * (size_t)n);
}

/// Copy n values. Most rows are so short that calling memcpy takes longer than the copy.
template <class T>
GATEWISE_INLINE void copy(T* to, const T* from, int64_t n) {
  constexpr int W = vector_bytes / (int)sizeof(T);
  int64_t i = 0;
  for (; i + W <= n; i += W) store<T, W>(to + i, load<T, W>(from + i));
  if (i < n) store_first<T, W>(to + i, load_first<T, W>(from + i, (int)(n - i)), (int)(n - i));
}

/// The lower or the upper halves of two vectors, lane by lane in turn.
template <bool upper, class T, int W>
GATEWISE_INLINE Vec<T, W> zip(Vec<T, W> a, Vec<T, W> b) {
  constexpr int o = upper ? W / 2 : 0, p = o + W;
  if constexpr (W == 2) return __builtin_shufflevector(a, b, o, p);
  if constexpr (W == 4) return __builtin_shufflevector(a, b, o, p, o + 1, p + 1);
  if constexpr (W == 8) return __builtin_shufflevector(a, b, o, p, o + 1, p + 1, o + 2, p + 2, o + 3, p + 3);
  if constexpr (W == 16)
    return __builtin_shufflevector(a, b, o, p, o + 1, p + 1, o + 2, p + 2, o + 3, p + 3, o + 4, p + 4, o + 5, p + 5,
                                   o + 6, p + 6, o + 7, p + 7);
}

/// W rows of W values to columns. Each round rotates the bits of an element's row and column by one.
template <class T, int W>
GATEWISE_INLINE void transpose(Vec<T, W> (&rows)[W]) {
#pragma GCC unroll 4
  for (int round = 1; round < W; round *= 2) {
    Vec<T, W> zipped[W];
#pragma GCC unroll 8
    for (int i = 0; i < W / 2; ++i) {
      zipped[2 * i] = zip<false, T, W>(rows[i], rows[i + W / 2]);
      zipped[2 * i + 1] = zip<true, T, W>(rows[i], rows[i + W / 2]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < W; ++i) rows[i] = zipped[i];
  }
}

/// A product that is rounded before it is added to anything. Compilers may join a product and a sum into one rounding,
/// and choose by what stands around them: where there is a choice, results would differ from tile to tile.
template <class V>
GATEWISE_INLINE V rounded(V v) {
#if defined(__x86_64__)
  __asm__("" : "+v"(v));
#elif defined(__aarch64__)
  __asm__("" : "+w"(v));
#endif
  return v;
}

// The types of one computation: Real for sums and states, Stored for sequences and weights. A product
// takes `depth` neighbouring k at a time: one, or two bfloat16 that share 32 bits.

struct F32 {
  using Real = float;
  using Stored = float;
  using Pair = float;
  static constexpr int depth = 1;
};
struct F64 {
  using Real = double;
  using Stored = double;
  using Pair = double;
  static constexpr int depth = 1;
};
struct BF16 {
  using Real = float;
  using Stored = uint16_t;
  using Pair = uint32_t;
  static constexpr int depth = 2;
};

/// Lanes of a full vector of Real.
template <class M>
constexpr int lanes = vector_bytes / (int)sizeof(typename M::Real);

GATEWISE_INLINE float widen(uint16_t half) {
  const uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, sizeof(value));
  return value;
}
GATEWISE_INLINE float widen(float value) { return value; }
GATEWISE_INLINE double widen(double value) { return value; }

template <int W>
GATEWISE_INLINE Vec<float, W> widen(Vec<uint16_t, W> halves) {
  return (Vec<float, W>)(__builtin_convertvector(halves, Vec<uint32_t, W>) << 16);
}

/// Round to bfloat16, ties to even; NaN stays NaN. (The instruction takes numbers below 2^-126 for 0.)
template <int W>
GATEWISE_INLINE Vec<uint16_t, W> narrow(Vec<float, W> v) {
#ifdef __AVX512BF16__
  if constexpr (W == 16) return (Vec<uint16_t, W>)_mm512_cvtneps_pbh((__m512)v);
#endif
  const Vec<uint32_t, W> bits = (Vec<uint32_t, W>)v;
  const Vec<uint32_t, W> rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  const Vec<uint32_t, W> quiet = (bits >> 16) | 0x40;
  return __builtin_convertvector(v == v ? rounded : quiet, Vec<uint16_t, W>);
}

/// Read W stored values (the first n) as Real.
template <class M, int W>
GATEWISE_INLINE Vec<typename M::Real, W> read(const typename M::Stored* from, int n) {
  if constexpr (M::depth == 1) {
    return load_first<typename M::Real, W>(from, n);
  } else {
    Vec<uint16_t, W> halves = {};
    if (n == W) {
      memcpy(&halves, from, sizeof(halves));
    } else if (n > 0) {
#ifdef __AVX512BW__
      if constexpr (W == 16)
        return widen<W>((Vec<uint16_t, W>)_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1u), from));
#endif
      memcpy(&halves, from, sizeof(uint16_t) * (size_t)n);
    }
    return widen<W>(halves);
  }
}

/// Write W Real values (the first n) as Stored.
template <class M, int W>
GATEWISE_INLINE void write(typename M::Stored* to, Vec<typename M::Real, W> v, int n) {
  if constexpr (M::depth == 1) {
    store_first<typename M::Real, W>(to, v, n);
  } else {
    const Vec<uint16_t, W> halves = narrow<W>(v);
    if (n == W) {
      memcpy(to, &halves, sizeof(halves));
    } else if (n > 0) {
#ifdef __AVX512BW__
      if constexpr (W == 16)
        return _mm256_mask_storeu_epi16(to, (__mmask16)((1u << n) - 1u), (__m256i)halves);
#endif
      memcpy(to, &halves, sizeof(uint16_t) * (size_t)n);
    }
  }
}

/// acc + a * b, where b holds `depth` k of each lane and a the same k of one row, for every lane alike.
template <class M, int W>
struct Product {
  using V = Vec<typename M::Real, W>;
  using Operand = Vec<typename M::Pair, W>;

  GATEWISE_INLINE Operand broadcast(const typename M::Stored* a) {
    typename M::Pair pair;
    memcpy(&pair, a, sizeof(pair));
    if constexpr (M::depth == 1) {
      return splat<typename M::Pair, W>(pair);
    } else {
      return pair + Operand{};
    }
  }
  GATEWISE_INLINE Operand operand(const typename M::Stored* b) {
    Operand v;
    memcpy(&v, b, sizeof(v));
    return v;
  }
  GATEWISE_INLINE V add(V acc, Operand a, Operand b) {
    if constexpr (M::depth == 1) {
      return acc + a * b;
    } else {
#ifdef __AVX512BF16__
      if constexpr (W == 16) return (V)_mm512_dpbf16_ps((__m512)acc, (__m512bh)a, (__m512bh)b);
      if constexpr (W == 8) return (V)_mm256_dpbf16_ps((__m256)acc, (__m256bh)a, (__m256bh)b);
#endif
      acc += (V)(a << 16) * (V)(b << 16);
      return acc + (V)(a & 0xffff0000u) * (V)(b & 0xffff0000u);
    }
  }
};

GATEWISE_END
