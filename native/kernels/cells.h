// The one place that goes from a cell's name to its pointwise maths.
#pragma once

#include "gru.h"
#include "lstm.h"
#include "rnn.h"

GATEWISE_BEGIN

/// The row of the cell whose pointwise maths C is.
template <class C>
constexpr CellTraits traits = [] {
  static_assert(has_row(C::cell), "the cell has no row in gatewise/cells.h");
  return traits_of(C::cell);
}();

/// Call f.template operator()<C>() with the maths C of a cell.
template <class F>
GATEWISE_INLINE void with_cell(Cell cell, const F& f) {
  switch (cell) {
    case Cell::lstm: return f.template operator()<Lstm>();
    case Cell::gru: return f.template operator()<Gru>();
    case Cell::rnn_tanh: return f.template operator()<Rnn<false>>();
    case Cell::rnn_relu: return f.template operator()<Rnn<true>>();
  }
}

GATEWISE_END
