// How a layer is cut into vectors: blocks of hidden units, the order of the weights in memory, and the
// carving of scratch memory. Nothing here is in an inner loop.
//
// A block is some neighbouring units, `width` of them to a vector. In a gated cell each gate of a block is
// one vector; else (RNN) a block has up to four vectors of one gate. Weights are packed, per block, as
// [k][vectors][width]: a tile reads them in a straight line.
#pragma once

#include "gatewise/cells.h"
#include "gatewise/core.h"
#include "vec.h"

GATEWISE_BEGIN

GATEWISE_INLINE int64_t round_up(int64_t n, int64_t unit) { return (n + unit - 1) / unit * unit; }
GATEWISE_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
GATEWISE_INLINE int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

/// The row of the cell whose pointwise maths C is.
template <class C>
constexpr CellTraits traits = [] {
  static_assert(has_row(C::cell), "the cell has no row in gatewise/cells.h");
  return traits_of(C::cell);
}();

/// `count` neighbouring columns from `first` in `vectors` vectors of `width`; those past `count` are zero.
struct Columns {
  int64_t first, count;
  int width, vectors;
  int64_t head = 0;  // of units: the first unit of their head, where what they see of h begins
  int64_t lanes() const { return (int64_t)width * vectors; }
};

/// The next columns of `total`, from `first`: four full vectors, and at the end no more lanes than are needed.
template <class M>
static Columns next_columns(int64_t first, int64_t total) {
  constexpr int full = lanes<M>, half = full / 2;
  const int64_t left = total - first;
  if (left >= 4 * full) return {first, 4 * full, full, 4};
  const int halves = (int)((left + half - 1) / half);
  const bool narrow = halves % 2 == 1 && halves <= 3 && half * sizeof(typename M::Real) >= 16;
  if (narrow) return {first, left, half, halves};
  return {first, left, full, (int)((left + full - 1) / full)};
}

/// The block of units that begins at unit `first` of a head of `units`; `vectors` counts those of the packed weights.
template <class M>
static Columns next_block(const CellTraits& cell, int64_t first, int64_t units) {
  if (!cell.gated) return next_columns<M>(first, units);
  constexpr int full = lanes<M>, half = full / 2;
  const int64_t left = smaller(units - first, full);
  const bool narrow = left <= half && half * sizeof(typename M::Real) >= 16;
  return {first, left, narrow ? half : full, cell.gates};
}

/// Vectors of gate gradients of a block: the GRU's candidate has one for x and one for h.
GATEWISE_INLINE int slots_of(const CellTraits& cell, const Columns& block) {
  return cell.gated ? cell.slots() : block.vectors;
}

/// Row of W_ih and W_hh that feeds lane `lane` of vector `vector` of a block, or -1 for a lane of padding.
GATEWISE_INLINE int64_t weight_row(const Layer& layer, const Columns& block, int vector, int lane) {
  const bool gated = traits_of(layer.cell).gated;
  const int64_t unit = gated ? lane : (int64_t)vector * block.width + lane;
  if (unit >= block.count) return -1;
  return (gated ? vector * layer.hidden : 0) + block.first + unit;
}

/// Take memory from one block in lines of 64 bytes; without a base, count only.
struct Carver {
  char* base;
  size_t used;
  template <class T>
  T* take(int64_t count) {
    T* part = (T*)(base + used);
    used += (size_t)round_up(count * (int64_t)sizeof(T), 64);
    return base == nullptr ? nullptr : part;
  }
};

/// Length of a row of `elements` in memory: no multiple of 4 KiB, where rows would share cache sets.
template <class T>
GATEWISE_INLINE int64_t pitch_of(int64_t elements) {
  const int64_t line = 64 / (int64_t)sizeof(T);
  const int64_t pitch = round_up(elements, line);
  return pitch * (int64_t)sizeof(T) % 1024 == 0 ? pitch + line : pitch;
}

/// Sizes of a layer as the kernels see it.
template <class M>
struct Shape {
  Layer layer;
  CellTraits cell;
  int64_t inputs, outputs;    // I and P in multiples of `depth`
  int64_t across;             // numbers of x in a row: I, or of all heads where it is split; in multiples of `depth`
  int64_t heads, head;        // and the units of each: all H, where there is one
  int64_t seen;               // what a unit sees of h, in multiples of `depth`
  int64_t depth_of_step;      // inputs + seen: the k of one step's product
  int64_t blocks, head_blocks;  // blocks of units: of all heads, of one
  int64_t whole;              // units of the layer, also where this is the shape of one head of it
  int64_t slot_lanes, packed_lanes;  // of all blocks: gate gradients, weights

  explicit Shape(const Layer& layer_)
      : layer(layer_), cell(traits_of(layer_.cell)), heads(layer_.heads), head(layer_.hidden / layer_.heads),
        head_blocks(0), whole(layer_.hidden), slot_lanes(0), packed_lanes(0) {
    inputs = round_up(layer.input, M::depth);
    across = round_up(layer.split ? layer.heads * layer.input : layer.input, M::depth);
    outputs = round_up(layer.outputs(), M::depth);
    seen = round_up(layer.seen(), M::depth);
    depth_of_step = inputs + seen;
    for (int64_t unit = 0; unit < head; ++head_blocks) {  // a block lies in one head, so all heads look alike
      const Columns block = block_at(unit);
      packed_lanes += heads * block.lanes();
      slot_lanes += heads * slots_of(cell, block) * block.width;
      unit += block.count;
    }
    blocks = heads * head_blocks;
  }
  /// The shape of any one head, a layer of its own in all but where its arrays stand.
  Shape of_head() const {
    Layer one = layer;
    one.hidden = head;
    one.heads = 1;
    one.split = false;
    Shape shape(one);
    shape.whole = layer.hidden;
    return shape;
  }
  /// Numbers of a row of h, of all heads.
  int64_t state_row() const { return layer.projection ? layer.projection : whole; }
  Columns block_at(int64_t unit) const {
    const int64_t first = heads == 1 ? 0 : unit / head * head;
    Columns block = next_block<M>(cell, unit - first, head);
    block.first = unit;
    block.head = first;
    return block;
  }

  /// Elements of a [x | h] row: full vectors may be read from any unit.
  int64_t row_pitch() const {
    return pitch_of<typename M::Stored>(across + outputs + 4 * lanes<M>);
  }
  /// Where in a [x | h] row the k of a block's weights stands: what its head sees of x, and then of h.
  int64_t place_in_row(const Columns& block, int64_t k) const {
    if (k >= inputs) return across + block.head + (k - inputs);
    return (layer.split ? block.head / head * layer.input : 0) + k;
  }
  /// Elements of a row of units or outputs that full vectors are written to.
  int64_t unit_pitch(int64_t units) const { return pitch_of<typename M::Real>(units + 4 * lanes<M>); }
};

/// Where row r's vector of step t stands in a view.
GATEWISE_INLINE int64_t place(const View& view, const Rows& rows, int64_t t, int64_t r) {
  if (view.packed) return (rows.first[t] + r) * view.row;
  return t * view.step + (rows.order ? rows.order[r] : r) * view.row;
}
template <class T>
GATEWISE_INLINE T* at(const View& view, const Rows& rows, int64_t t, int64_t r) {
  return (T*)view.data + place(view, rows, t, r);
}
GATEWISE_INLINE int64_t batch_row(const Rows& rows, int64_t r) { return rows.order ? rows.order[r] : r; }
GATEWISE_INLINE int64_t active(const Rows& rows, int64_t t) {
  if (t < 0 || t >= rows.steps) return 0;
  return rows.count ? rows.count[t] : rows.batch;
}

/// Part `part` of `parts` equal parts of `total`.
GATEWISE_INLINE int64_t share(int64_t total, int64_t part, int64_t parts) { return total * part / parts; }

GATEWISE_END
