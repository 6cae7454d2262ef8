// A random problem for the kernels: its sizes, its rows, every array that goes in, and every array that
// comes out. Values are exact in bfloat16, so that a problem is the same one in every type.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gatewise/cells.h"
#include "gatewise/core.h"

namespace gatewise::testing {

struct Case {
  Cell cell;
  int64_t input, hidden, projection, steps, batch;
  int directions;
  bool bias, states, lengths, packed;
  bool gate_gradients;  // gradients arrive at the saved arrays too
  uint32_t seed;
  int64_t heads = 1;
  bool split = false;  // x among the heads

  Layer layer(Type type) const { return {cell, type, input, hidden, projection, heads, split}; }
  int gates() const { return traits_of(cell).gates; }
  int saved() const { return traits_of(cell).saved; }
  int cells() const { return traits_of(cell).cells; }
  int64_t outputs() const { return projection ? projection : hidden; }
  int64_t seen() const { return layer(Type::f64).seen(); }
  std::string describe() const;
};

inline std::vector<Cell> every_cell() {
  std::vector<Cell> cells;
  for (const CellTraits& row : cell_table) cells.push_back(row.cell);
  return cells;
}

/// Numbers of one type. The first one is aligned to its own size only, and none may follow the last.
class Array {
 public:
  Array() = default;
  Array(Type element, int64_t size);  // filled with NaN
  bool present() const { return bytes_ != nullptr; }
  int64_t size() const { return size_; }
  double get(int64_t index) const;
  void set(int64_t index, double value);
  void* data(int64_t index = 0) const;
  std::vector<double> values() const;
  bool same_bytes(const Array& other) const;

 private:
  Type element_ = Type::f64;
  int64_t size_ = 0, width_ = 8;
  std::shared_ptr<unsigned char[]> bytes_;  // copies share memory: a problem's inputs are never written
};

/// States, sums and gradients of parameters are of this type.
inline Type real(Type type) { return type == Type::f64 ? Type::f64 : Type::f32; }

/// Lengths, and the core's description of them.
struct RowPlan {
  explicit RowPlan(const Case& c);
  std::vector<int64_t> lengths, count, order, first;  // of sorted rows; by step; by sorted row; by step
  Rows rows;
  bool has(int64_t t, int64_t r) const { return t < lengths[static_cast<size_t>(r)]; }
  int64_t batch_row(int64_t r) const { return rows.order ? order[static_cast<size_t>(r)] : r; }
};

/// A sequence of vectors with gaps between them; `parts` of them side by side in memory.
struct Sequence {
  Sequence() = default;
  Sequence(const Case& c, const RowPlan& plan, Type type, int64_t width, int parts = 1);
  View view(int part = 0) const;
  int64_t place(const RowPlan& plan, int64_t t, int64_t r, int part = 0) const;

  Array array;
  int64_t width = 0, row = 0, step = 0;
  bool packed = false;
};

struct Parameters {
  Array W_ih, W_hh, b_ih, b_hh, W_hr;
  Weights weights() const;
};

/// What goes into one direction.
struct DirectionIn {
  Parameters parameters;
  Array h0, c0[max_cells], d_h_n, d_c_n[max_cells];
  std::vector<Sequence> d_saved;
};

/// What comes out of one direction.
struct DirectionOut {
  Array h_n, c_n[max_cells], d_h0, d_c0[max_cells];
  std::vector<Sequence> saved;
  Sequence d_x;
  Parameters gradients;
};

struct Problem {
  Problem(const Case& c, Type type);
  Forward forward(int direction, const struct Result& result, bool save = true) const;
  Backward backward(int direction, const struct Result& result) const;

  Case c;
  Type type;
  RowPlan plan;
  Sequence x, d_out;
  DirectionIn in[2];
};

/// Every array that a forward and a backward call write, full of NaN at first.
struct Result {
  explicit Result(const Problem& problem);

  Sequence out;
  DirectionOut of[2];

  struct Named {
    std::string name;
    const Array* array;
  };
  std::vector<Named> arrays() const;
};

}  // namespace gatewise::testing
