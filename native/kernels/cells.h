// The one place that goes from a cell's name to its pointwise maths.
#pragma once

#include "gru.h"
#include "lstm.h"
#include "rnn.h"
#include "slstm.h"

GATEWISE_BEGIN

/// Call f.template operator()<C>() with the maths C of a cell.
template <class F>
GATEWISE_INLINE void with_cell(Cell cell, const F& f) {
  switch (cell) {
    case Cell::lstm: return f.template operator()<Lstm>();
    case Cell::gru: return f.template operator()<Gru>();
    case Cell::rnn_tanh: return f.template operator()<Rnn<false>>();
    case Cell::rnn_relu: return f.template operator()<Rnn<true>>();
    case Cell::slstm:
    case Cell::slstm_clamped:
    case Cell::slstm_exponential: return f.template operator()<Slstm>();
  }
}

GATEWISE_END
