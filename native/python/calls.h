// Calls of the core: what a call can tell from addresses alone is refused, then the interpreter's lock is released.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "descriptors.h"

namespace gatewise::python {

inline void check_view(const char* what, const Rows& rows, const View& view) {
  if (!view.data) return;
  if (view.packed && !rows.first) refuse(std::string("packed views need first= of the rows; ") + what + " is one.");
  const double reach = view.packed ? double(end_of(rows)) * double(view.row)
                                   : double(rows.steps) * double(view.step) + double(rows.batch) * double(view.row);
  if (reach > most_bytes) refuse(std::string(what) + " reaches further than memory does.");
}

/// Views that are read at one place: all are laid out as the first is.
inline void check_alike(const View (&views)[max_saved], int count) {
  for (int i = 1; i < count; ++i) {
    if (views[i].step != views[0].step || views[i].row != views[0].row || views[i].packed != views[0].packed) {
      refuse("the views of saved are of one layout.");
    }
  }
}

inline void check_more(const Rows&, const Forward&, int) {}

inline void check_more(const Rows& rows, const Backward& direction, int saved) {
  check_view("d_out", rows, direction.d_out);
  check_view("d_x", rows, direction.d_x);
  for (int i = 0; i < max_saved; ++i) {
    if (i >= saved && direction.d_saved[i].data) refuse("d_saved has more views than this cell saves arrays.");
    check_view("d_saved", rows, direction.d_saved[i]);
  }
}

inline void require_input(const Layer& layer, const Weights& weights) {
  if ((layer.input != 0) != (weights.W_ih != nullptr)) {
    refuse("W_ih is given where the layer has inputs, and only there; its address is not 0.");
  }
}

/// What a call can tell from addresses alone.
template <class Direction>
inline void check_direction(const Layer& layer, const Rows& rows, const Direction& direction, bool needs_saved) {
  if ((layer.projection != 0) != (direction.weights.W_hr != nullptr)) {
    refuse("W_hr is given where the layer has a projection, and only there.");
  }
  require_input(layer, direction.weights);
  if (rows.steps == 0 || rows.batch == 0) return;
  if (!direction.x.data || !direction.out.data) refuse("x and out are required; their address is not 0.");
  check_view("x", rows, direction.x);
  check_view("out", rows, direction.out);
  int given = 0;
  while (given < max_saved && direction.saved[given].data) ++given;
  const int all = traits_of(layer.cell).saved;
  if (given != all && (needs_saved || given != 0)) {
    refuse("saved has " + std::to_string(given) + " arrays; this cell has " + std::to_string(all) + ".");
  }
  check_alike(direction.saved, given);
  for (int i = 0; i < given; ++i) check_view("saved", rows, direction.saved[i]);
  check_more(rows, direction, all);
}

template <class Direction>
std::vector<Direction> check_call(const Layer& layer, const Rows& rows, const nb::sequence& given, bool needs_saved) {
  require_rows(layer, rows.batch);
  const size_t count = nb::len(given);
  if (count < 1 || count > 2) refuse("one or two directions are run; write [f] or [f, g].");
  std::vector<Direction> directions;
  for (size_t i = 0; i < count; ++i) {
    const nb::object direction = given[i];
    directions.push_back(expect<Direction>(direction, "directions"));
    check_direction(layer, rows, directions.back(), needs_saved);
  }
  return directions;
}

inline void call_forward(const Layer& layer, const Rows& rows, const nb::sequence& given, int threads) {
  threads = threads_of(threads);
  const auto directions = check_call<Forward>(layer, rows, given, false);
  const nb::gil_scoped_release released;
  forward(layer, rows, directions.data(), static_cast<int>(directions.size()), threads);
}

inline void call_backward(const Layer& layer, const Rows& rows, const nb::sequence& given, int threads) {
  threads = threads_of(threads);
  const auto directions = check_call<Backward>(layer, rows, given, true);
  const nb::gil_scoped_release released;
  backward(layer, rows, directions.data(), static_cast<int>(directions.size()), threads);
}

inline std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (int i = 0; i < isa_count(); ++i) names.emplace_back(isa_name(i));
  return names;
}

inline int64_t checked_chunk_steps(const Layer& layer, int64_t batch) {
  require_size("batch", batch, 1, most_rows);
  return chunk_steps(layer, batch);
}

inline double peak_gflops(std::string_view type, int threads) {
  const auto type_ = type_named(type);
  threads = threads_of(threads);
  const nb::gil_scoped_release released;
  return peak_flops(type_, threads) / 1e9;
}

}  // namespace gatewise::python
