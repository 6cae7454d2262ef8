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
  int saved;              // arrays that a forward pass leaves for the backward pass; the states beside h are the last of them
  bool gated;             // each gate of a block of units is one vector; else up to four vectors hold the only gate
  bool apart;             // the last gate's product with h stays apart from that with x, and has its own bias and gradient
  int cells;              // states beside h
  bool carries_h;         // a part of h passes a step unchanged, and so does its gradient
  bool projects;          // h may be projected by W_hr
  int unseen;             // the saved array that no record shows, and at which no gradient arrives; -1: none
  float starts[max_cells];  // what the states beside h begin with where none are given

  /// Saved arrays that are no states: these are Stored.
  constexpr int stored() const { return saved - cells; }
  /// Vectors of a block's sums and gate gradients, where the cell is gated.
  constexpr int slots() const { return gates + (apart ? 1 : 0); }
};

/// The level of a unit that holds nothing.
inline constexpr float nothing_written = -__builtin_inff();

/// Saved arrays that are Stored, at most.
inline constexpr int max_stored = 5;

inline constexpr CellTraits cell_table[] = {
    // cell, name, gates, saved, gated, apart, cells, carries_h, projects, unseen, starts
    {Cell::lstm, "lstm", 4, 5, true, false, 1, false, true, -1, {}},
    {Cell::gru, "gru", 3, 4, true, true, 0, true, false, 3, {}},
    {Cell::rnn_tanh, "rnn_tanh", 1, 0, false, false, 0, false, false, -1, {}},
    {Cell::rnn_relu, "rnn_relu", 1, 0, false, false, 0, false, false, -1, {}},
    {Cell::slstm, "slstm", 4, 7, true, false, 2, false, false, 4, {0, nothing_written}},
    {Cell::slstm_clamped, "slstm_clamped", 4, 7, true, false, 2, false, false, 4, {0, nothing_written}},
    {Cell::slstm_exponential, "slstm_exponential", 4, 7, true, false, 2, false, false, 4, {0, nothing_written}},
};
inline constexpr int cell_count = static_cast<int>(sizeof(cell_table) / sizeof(cell_table[0]));

constexpr bool has_row(Cell cell) {
  const int place = static_cast<int>(cell);
  return place >= 0 && place < cell_count && cell_table[place].cell == cell;
}

constexpr bool rows_are_sound() {
  for (int i = 0; i < cell_count; ++i) {
    const CellTraits& row = cell_table[i];
    if (!has_row(static_cast<Cell>(i)) || row.saved > max_saved || row.stored() > max_stored ||
        row.cells > max_cells || (row.projects && row.cells == 0))
      return false;
  }
  return true;
}
static_assert(rows_are_sound(), "the rows of cell_table stand in Cell's order, and fit what the interface holds");

constexpr const CellTraits& traits_of(Cell cell) { return cell_table[static_cast<int>(cell)]; }

inline int64_t Layer::width() const {
  return input > 0 ? (split ? heads : 1) * input : traits_of(cell).gates * hidden;
}

/// Whether `holds(row)` for every cell whose gates are vectors of their own.
template <class F>
constexpr bool every_gated_cell(const F& holds) {
  for (const CellTraits& row : cell_table)
    if (row.gated && !holds(row)) return false;
  return true;
}

}  // namespace gatewise
