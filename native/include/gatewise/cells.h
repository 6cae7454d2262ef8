// What the core has to know of each cell: one row of one table. A cell without a row does not compile, and nothing
// else compares cells but the one switch that picks the pointwise maths (kernels/cells.h).
#pragma once

#include <cstddef>
#include <string_view>

#include "gatewise/core.h"

namespace gatewise {

struct CellTraits {
  Cell cell;
  std::string_view name;  // as src/gatewise/cells calls it
  int gates;              // G: blocks of W_ih, W_hh and the biases, H rows each
  int saved;              // arrays that a forward pass leaves for the backward pass; the state c, if there is one, is the last
  bool gated;             // each gate of a block of units is one vector; else up to four vectors hold the only gate
  bool apart;             // the last gate's product with h stays apart from that with x, and has its own bias and gradient
  bool has_c;             // there is a second state, c
  bool carries_h;         // a part of h passes a step unchanged, and so does its gradient
  bool projects;          // h may be projected by W_hr

  /// Vectors of a block's sums and gate gradients, where the cell is gated.
  constexpr int slots() const { return gates + (apart ? 1 : 0); }
};

inline constexpr CellTraits cell_table[] = {
    // cell, name, gates, saved, gated, apart, has_c, carries_h, projects
    {Cell::lstm, "lstm", 4, 5, true, false, true, false, true},
    {Cell::gru, "gru", 3, 4, true, true, false, true, false},
    {Cell::rnn_tanh, "rnn_tanh", 1, 0, false, false, false, false, false},
    {Cell::rnn_relu, "rnn_relu", 1, 0, false, false, false, false, false},
};
inline constexpr int cell_count = static_cast<int>(sizeof(cell_table) / sizeof(cell_table[0]));

constexpr bool has_row(Cell cell) {
  const int place = static_cast<int>(cell);
  return place >= 0 && place < cell_count && cell_table[place].cell == cell;
}

constexpr bool rows_are_sound() {
  for (int i = 0; i < cell_count; ++i) {
    const CellTraits& row = cell_table[i];
    if (!has_row(static_cast<Cell>(i)) || row.saved > max_saved || (row.projects && !row.has_c)) return false;
  }
  return true;
}
static_assert(rows_are_sound(), "the rows of cell_table stand in Cell's order, and fit what the interface holds");

constexpr const CellTraits& traits_of(Cell cell) { return cell_table[static_cast<int>(cell)]; }

/// Whether `holds(row)` for every cell whose gates are vectors of their own.
template <class F>
constexpr bool every_gated_cell(const F& holds) {
  for (const CellTraits& row : cell_table)
    if (row.gated && !holds(row)) return false;
  return true;
}

}  // namespace gatewise
