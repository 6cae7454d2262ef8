// Weights from torch's layout to the tiles' and gradients back.
#pragma once

#include "tile.h"

GATEWISE_BEGIN

template <class M>
GATEWISE_INLINE void store_reals(typename M::Stored* to, const typename M::Real* from, int64_t count) {
  for (int64_t i = 0; i < count; i += lanes<M>)
    write<M, lanes<M>>(to + i, load_first<typename M::Real, lanes<M>>(from + i, (int)smaller(lanes<M>, count - i)),
                       (int)smaller(lanes<M>, count - i));
}

template <class M>
GATEWISE_INLINE void load_reals(typename M::Real* to, const typename M::Stored* from, int64_t count) {
  for (int64_t i = 0; i < count; i += lanes<M>)
    store_first<typename M::Real, lanes<M>>(to + i, read<M, lanes<M>>(from + i, (int)smaller(lanes<M>, count - i)),
                                            (int)smaller(lanes<M>, count - i));
}

/// Padded columns of `total` outputs.
template <class M>
static int64_t column_lanes(int64_t total) {
  int64_t sum = 0;
  for (int64_t first = 0; first < total;) {
    const Columns columns = next_columns<M>(first, total);
    sum += columns.lanes();
    first += columns.count;
  }
  return sum;
}

/// `rows` weights' rows of `count` k, `pitch` apart, into neighbouring lanes of a panel of `stride` lanes, from its
/// lane `lane` and its k `begin`, a multiple of `depth`, on. They fill a vector of W lanes, those past `rows` with zeros.
template <class M, int W>
static void pack_vector(typename M::Stored* panel, int64_t stride, int64_t lane, int64_t begin,
                        const typename M::Stored* from, int64_t pitch, int64_t rows, int64_t count) {
  using Real = typename M::Real;  // `depth` stored values take the place of one: only bits are moved
  typename M::Stored* to = panel + (begin * stride + lane * M::depth);
  const int64_t whole = count / M::depth;
  for (int64_t k = 0; k < whole; k += W) {
    const int n = (int)smaller(W, whole - k);
    Vec<Real, W> values[W];
#pragma GCC unroll 16
    for (int m = 0; m < W; ++m)
      values[m] = m < rows ? load_first<Real, W>((const Real*)(from + m * pitch + k * M::depth), n) : Vec<Real, W>{};
    transpose<Real, W>(values);
#pragma GCC unroll 16
    for (int j = 0; j < W; ++j)
      if (j < n) store<Real, W>((Real*)(to + (k + j) * stride * M::depth), values[j]);
  }
  for (int64_t k = whole * M::depth; k < count; ++k)
    for (int64_t m = 0; m < rows; ++m) to[(whole * stride + m) * M::depth + k % M::depth] = from[m * pitch + k];
}

/// The same for vectors of `width` lanes, a full vector or half of one.
template <class M>
static void pack_lanes(typename M::Stored* panel, int64_t stride, int64_t lane, int64_t begin, int width,
                       const typename M::Stored* from, int64_t pitch, int64_t rows, int64_t count) {
  if (rows <= 0 || count <= 0) return;
  constexpr int full = lanes<M>, half = full / 2;
  if (width == full) {
    pack_vector<M, full>(panel, stride, lane, begin, from, pitch, rows, count);
  } else if constexpr (half * sizeof(typename M::Real) >= 16) {
    pack_vector<M, half>(panel, stride, lane, begin, from, pitch, rows, count);
  }
}

/// Lanes of vector `vector` of a block that have a unit.
GATEWISE_INLINE int64_t used_lanes(const Layer& layer, const Columns& block, int vector) {
  return smaller(block.width, block.count - (traits_of(layer.cell).gated ? 0 : (int64_t)vector * block.width));
}

/// W_ih, W_hh and the biases, for the forward loop: blocks [begin, end).
template <class M>
static void pack_forward(const Shape<M>& shape, const Weights& from, typename M::Stored* weights,
                         typename M::Real* bias, int64_t begin, int64_t end) {
  using Stored = typename M::Stored;
  const int64_t I = shape.layer.input, seen = shape.layer.seen();
  constexpr int64_t tile = 64;  // so that the panel's lines stay in the first cache
  int64_t index = 0;
  for (int64_t unit = 0; unit < shape.layer.hidden; ++index) {
    const Columns block = shape.block_at(unit);
    const int slots = slots_of(shape.cell, block);
    if (index >= begin && index < end) {
      const int64_t units = shape.cell.gated ? block.width : block.lanes();
      if (block.count < units || I + seen < shape.depth_of_step)  // there are lanes or k without a weight
        memset(weights, 0, sizeof(Stored) * (size_t)(shape.depth_of_step * block.lanes()));
      memset(bias, 0, sizeof(typename M::Real) * (size_t)slots * (size_t)block.width);
      for (int64_t k = 0; k < larger(I, seen); k += tile) {
        for (int v = 0; v < block.vectors; ++v) {
          const int64_t rows = used_lanes(shape.layer, block, v), place = (int64_t)v * block.width;
          if (rows <= 0) continue;
          const int64_t row = weight_row(shape.layer, block, v, 0);
          if (k < I)
            pack_lanes<M>(weights, block.lanes(), place, k, block.width, (const Stored*)from.W_ih + row * I + k, I, rows,
                          smaller(tile, I - k));
          pack_lanes<M>(weights, block.lanes(), place, shape.inputs + k, block.width,
                        (const Stored*)from.W_hh + row * seen + k, seen, rows, smaller(tile, seen - k));
        }
      }
      if (from.b_ih != nullptr) {
        const Stored *b_ih = (const Stored*)from.b_ih, *b_hh = (const Stored*)from.b_hh;
        for (int v = 0; v < block.vectors; ++v) {
          for (int lane = 0; lane < block.width; ++lane) {
            const int64_t row = weight_row(shape.layer, block, v, lane);
            if (row < 0) continue;
            const typename M::Real one = widen(b_ih[row]), other = widen(b_hh[row]);
            const bool apart = shape.cell.apart && v == block.vectors - 1;
            bias[v * block.width + lane] = apart ? one : one + other;
            if (apart) bias[block.vectors * block.width + lane] = other;
          }
        }
      }
    }
    weights += shape.depth_of_step * block.lanes();
    bias += (int64_t)slots * block.width;
    unit += block.count;
  }
}

/// `from` [outputs, k] for a product with rows of k: groups of outputs `part` of `parts`.
template <class M>
static void pack_rows(const typename M::Stored* from, int64_t outputs, int64_t k, typename M::Stored* to, int part,
                      int parts) {
  const int64_t depth = round_up(k, M::depth);
  int64_t index = 0;
  for (int64_t first = 0; first < outputs; ++index) {
    const Columns columns = next_columns<M>(first, outputs);
    if (index % parts == part) {
      memset(to, 0, sizeof(typename M::Stored) * (size_t)(columns.lanes() * depth));
      for (int64_t c = 0; c < columns.count; c += columns.width)
        pack_lanes<M>(to, columns.lanes(), c, 0, columns.width, from + (first + c) * k, k,
                      smaller(columns.width, columns.count - c), k);
    }
    to += columns.lanes() * depth;
    first += columns.count;
  }
}

/// W_hr [P, H] for the forward loop.
template <class M>
static void pack_projection(const Shape<M>& shape, const Weights& from, typename M::Stored* to, int part,
                            int parts) {
  pack_rows<M>((const typename M::Stored*)from.W_hr, shape.layer.projection, shape.layer.hidden, to, part, parts);
}

/// `from` [k, outputs] for a product with rows of k: groups of outputs `part` of `parts`.
template <class M>
static void pack_columns(const typename M::Stored* from, int64_t k, int64_t outputs, typename M::Stored* to,
                         int part, int parts) {
  const int64_t depth = round_up(k, M::depth);
  int64_t index = 0;
  for (int64_t first = 0; first < outputs; ++index) {
    const Columns columns = next_columns<M>(first, outputs);
    for (int64_t row = 0; index % parts == part && row < k; ++row)
      for (int64_t c = 0; c < columns.count; ++c)
        to[(row / M::depth * columns.lanes() + c) * M::depth + row % M::depth] = from[row * outputs + first + c];
    to += columns.lanes() * depth;
    first += columns.count;
  }
}

/// The runs that make up the k of a product with gate gradients: all that feed h, or all that feed x. Returns how
/// many; `depth` takes their k. Four times the number of blocks is enough room.
template <class M>
static int64_t gradient_runs(const Shape<M>& shape, bool for_hidden, Run* runs, int64_t* depth) {
  int64_t count = 0, before = 0;
  *depth = 0;
  for (int64_t unit = 0; unit < shape.layer.hidden;) {
    const Columns block = shape.block_at(unit);
    const int slots = slots_of(shape.cell, block);
    const int64_t block_lanes = (int64_t)slots * block.width;
    const auto add = [&](int64_t offset, int64_t length) {
      runs[count++] = {before, block_lanes, offset, round_up(length, M::depth)};
      *depth += round_up(length, M::depth);
    };
    const bool apart = shape.cell.apart;
    const int gates = shape.cell.gates, other = for_hidden ? gates - 1 : gates;  // of two slots of one gate, the other's
    if (!shape.cell.gated) {
      add(0, block.count);
    } else if (block.count < block.width) {
      for (int slot = 0; slot < slots; ++slot)
        if (!apart || slot != other) add((int64_t)slot * block.width, block.count);
    } else if (!apart) {
      add(0, block_lanes);
    } else if (for_hidden) {
      add(0, (int64_t)(gates - 1) * block.width);
      add((int64_t)gates * block.width, block.width);
    } else {
      add(0, (int64_t)gates * block.width);
    }
    before += block_lanes;
    unit += block.count;
  }
  return count;
}

/// `from` [G*H, outputs] for a product with the gate gradients of `runs`, those of the units [begin, end): groups of
/// outputs `part` of `parts`.
template <class M>
static void pack_gradient(const Shape<M>& shape, const Run* runs, int64_t count, int64_t depth, int64_t begin,
                          int64_t end, const typename M::Stored* from, int64_t outputs, typename M::Stored* to,
                          int part, int parts) {
  int64_t index = 0;
  for (int64_t first = 0; first < outputs; ++index) {
    const Columns columns = next_columns<M>(first, outputs);
    int64_t k = 0, unit = begin, before = runs[0].before, i = 0;
    while (index % parts == part && unit < end) {
      const Columns block = shape.block_at(unit);
      for (; i < count && runs[i].before == before; ++i) {
        for (int64_t e = runs[i].offset; e < runs[i].offset + runs[i].length; ++e, ++k) {
          const bool gated = shape.cell.gated;
          const int64_t lane = gated ? e % block.width : e, slot = gated ? e / block.width : 0;
          if (lane >= block.count) continue;
          const int64_t gate = smaller(slot, shape.cell.gates - 1);  // the slot after the last gate is that gate's too
          const typename M::Stored* row = from + (gate * shape.layer.hidden + unit + lane) * outputs + first;
          typename M::Stored* panel = to + (k / M::depth * columns.lanes()) * M::depth + k % M::depth;
          for (int64_t c = 0; c < columns.count; ++c) panel[c * M::depth] = row[c];
        }
      }
      before += (int64_t)slots_of(shape.cell, block) * block.width;
      unit += block.count;
    }
    to += columns.lanes() * depth;
    first += columns.count;
  }
}

/// `count` k of a panel's vector of W lanes, `stride` lanes a k, into as many neighbouring values of `rows` rows.
template <class T, int W>
static void unpack_vector(T* to, int64_t pitch, int64_t rows, const T* panel, int64_t stride, int64_t count) {
  for (int64_t k = 0; k < count; k += W) {
    const int n = (int)smaller(W, count - k);
    Vec<T, W> values[W];
#pragma GCC unroll 16
    for (int j = 0; j < W; ++j) values[j] = j < n ? load<T, W>(panel + (k + j) * stride) : Vec<T, W>{};
    transpose<T, W>(values);
#pragma GCC unroll 16
    for (int m = 0; m < W; ++m)
      if (m < rows) store_first<T, W>(to + m * pitch + k, values[m], n);
  }
}

/// The same for vectors of `width` lanes, a full vector or half of one.
template <class M>
static void unpack_lanes(typename M::Real* to, int64_t pitch, int64_t rows, const typename M::Real* panel,
                         int64_t stride, int width, int64_t count) {
  constexpr int full = lanes<M>, half = full / 2;
  if (width == full) {
    unpack_vector<typename M::Real, full>(to, pitch, rows, panel, stride, count);
  } else if constexpr (half * sizeof(typename M::Real) >= 16) {
    unpack_vector<typename M::Real, half>(to, pitch, rows, panel, stride, count);
  }
}

/// Sums in the layout of packed weights to torch's: blocks `part` of `parts`. Absent targets are skipped.
template <class M>
static void unpack_sums(const Shape<M>& shape, const typename M::Real* weights, const typename M::Real* bias,
                        const Backward& call, int part, int parts) {
  using Real = typename M::Real;
  const int64_t I = shape.layer.input, seen = shape.layer.seen();
  const int64_t begin = share(shape.blocks, part, parts), end = share(shape.blocks, part + 1, parts);
  int64_t index = 0;
  for (int64_t unit = 0; unit < shape.layer.hidden; ++index) {
    const Columns block = shape.block_at(unit);
    const int64_t block_lanes = block.lanes();
    for (int v = 0; index >= begin && index < end && v < block.vectors; ++v) {
      const int64_t rows = used_lanes(shape.layer, block, v);
      if (rows <= 0) continue;  // a vector of padding alone
      const int64_t top = weight_row(shape.layer, block, v, 0);
      const Real* vector = weights + (int64_t)v * block.width;
      if (call.d_W_ih != nullptr)
        unpack_lanes<M>((Real*)call.d_W_ih + top * I, I, rows, vector, block_lanes, block.width, I);
      if (call.d_W_hh != nullptr)
        unpack_lanes<M>((Real*)call.d_W_hh + top * seen, seen, rows, vector + shape.inputs * block_lanes, block_lanes,
                        block.width, seen);
      for (int64_t lane = 0; lane < rows; ++lane) {
        const int64_t row = top + lane, place = (int64_t)v * block.width + lane;
        // Both biases are added to one sum, so they share its gradient; where h's product stands apart, it has its own.
        const bool apart = shape.cell.apart && v == block.vectors - 1;
        if (call.d_b_ih != nullptr) ((Real*)call.d_b_ih)[row] = bias[place];
        if (call.d_b_hh != nullptr) ((Real*)call.d_b_hh)[row] = bias[place + (apart ? block.width : 0)];
      }
    }
    weights += shape.depth_of_step * block_lanes;
    bias += (int64_t)slots_of(shape.cell, block) * block.width;
    unit += block.count;
  }
}

GATEWISE_END
