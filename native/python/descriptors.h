// The core's descriptors as Python makes them: layers, rows, views, weights and directions.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string_view.h>

#include <vector>

#include "refuse.h"

namespace gatewise::python {

inline void make_layer(Layer* self, std::string_view cell, std::string_view type, int64_t input, int64_t hidden,
                int64_t projection, int64_t heads, bool split) {
  const Cell cell_ = cell_named(cell);
  const Type type_ = type_named(type);
  require_size("input", input, 0, most_units);
  require_size("hidden", hidden, 1, most_units);
  require_size("projection", projection, 0, most_units);
  if (projection && !traits_of(cell_).projects) {
    std::string able;
    for (const CellTraits& row : cell_table)
      if (row.projects) able += (able.empty() ? "'" : " and '") + std::string(row.name) + "'";
    refuse("projection is for cell " + able + " only; leave it out.");
  }
  require_size("heads", heads, 1, most_units);
  if (hidden % heads != 0 || (projection && heads > 1)) {
    refuse(std::to_string(heads) + " heads are for a layer without projection whose hidden units they divide; it has " +
           std::to_string(hidden) + ".");
  }
  if (split && input == 0) refuse("split is for a layer with inputs, which its heads share out; leave it out.");
  const Layer made{cell_, type_, input, hidden, projection, heads, split};
  if (32.0 * double(hidden) * double(input + made.outputs()) > most_bytes) {
    refuse("a layer of " + std::to_string(input) + " inputs, " + std::to_string(hidden) + " hidden units and " +
           std::to_string(made.outputs()) + " outputs has more weights than memory can hold.");
  }
  new (self) Layer(made);
}

/// Bytes that some rows of a layer take while it runs, at least.
inline double bytes_of_rows(const Layer& layer, int64_t batch) {
  return 8.0 * double(batch) * double(layer.width() + layer.outputs() + 12 * layer.hidden);
}

inline void require_rows(const Layer& layer, int64_t batch) {
  if (bytes_of_rows(layer, batch) > most_bytes) {
    refuse("batch is " + std::to_string(batch) + "; so many rows of this layer are more than memory can hold.");
  }
}

/// What kernels rely on when they go from step to step and from row to row. Reads every number once.
inline void check_rows(const Rows& rows) {
  const auto at = [](const char* what, int64_t i) { return std::string(what) + "[" + std::to_string(i) + "] of the rows is "; };
  // Kernels take sorted rows [0, count[t]) at step t: a count that rises would bring back rows that have ended.
  int64_t before = rows.batch;
  for (int64_t t = 0; rows.count && t < rows.steps; before = rows.count[t++]) {
    if (rows.count[t] < 0 || rows.count[t] > before) {
      refuse(at("count", t) + std::to_string(rows.count[t]) + "; it is between 0 and " + std::to_string(before) +
             ", and never increases.");
    }
  }
  for (int64_t t = 0; rows.first && t < rows.steps; ++t) {
    const int64_t previous = rows.first[t ? t - 1 : 0], count = rows.count ? rows.count[t ? t - 1 : 0] : rows.batch;
    const int64_t wanted = t ? previous + count : rows.first[0];
    if (rows.first[t] < 0 || rows.first[t] > INT64_MAX / 2 || rows.first[t] != wanted) {
      refuse(at("first", t) + std::to_string(rows.first[t]) + "; a step begins where the rows of the one before end.");
    }
  }
  // Two threads that write the same row would race.
  std::vector<bool> taken(static_cast<size_t>(rows.order ? rows.batch : 0));
  for (int64_t r = 0; rows.order && r < rows.batch; ++r) {
    const int64_t place = rows.order[r];
    if (place < 0 || place >= rows.batch || taken[static_cast<size_t>(place)]) {
      refuse(at("order", r) + std::to_string(place) + "; it holds each of 0 to " + std::to_string(rows.batch - 1) + " once.");
    }
    taken[static_cast<size_t>(place)] = true;
  }
}

inline void make_rows(Rows* self, int64_t steps, int64_t batch, Address count, Address order, Address first) {
  require_size("steps", steps, 0, most_rows);
  require_size("batch", batch, 0, most_rows);
  const Rows made{steps, batch, pointer<int64_t>(count), pointer<int64_t>(order), pointer<int64_t>(first)};
  check_rows(made);
  new (self) Rows(made);
}

inline int64_t begin_of(const Rows& rows) { return rows.first && rows.steps ? rows.first[0] : 0; }

inline int64_t end_of(const Rows& rows) {
  if (!rows.first || !rows.steps) return 0;
  return rows.first[rows.steps - 1] + (rows.count ? rows.count[rows.steps - 1] : rows.batch);
}

inline void make_view(View* self, Address address, int64_t step, int64_t row, bool packed) {
  require_size("step", step, 0);
  require_size("row", row, 0);
  new (self) View{pointer(address), step, row, packed};
}

inline void make_weights(Weights* self, Address W_ih, Address W_hh, Address b_ih, Address b_hh, Address W_hr) {
  if (!W_hh) refuse("W_hh is required; its address is not 0.");
  if (!b_ih != !b_hh) refuse("b_ih and b_hh go together; give both or neither.");
  new (self) Weights{pointer(W_ih), pointer(W_hh), pointer(b_ih), pointer(b_hh), pointer(W_hr)};
}

inline void fill_saved(View (&saved)[max_saved], const nb::sequence& given, const char* what) {
  const size_t count = nb::len(given);
  if (count > max_saved) refuse(std::string(what) + " has more than " + std::to_string(max_saved) + " views.");
  for (size_t i = 0; i < count; ++i) saved[i] = expect<View>(given[i], what);
}

inline void make_forward(Forward* self, bool reverse, const Weights& weights, const View& x, const View& out,
                  Address h0, Address c0, Address l0, Address h_n, Address c_n, Address l_n, const nb::sequence& saved) {
  Forward made{reverse, weights, x, out, pointer(h0), {pointer(c0), pointer(l0)}, pointer(h_n), {pointer(c_n), pointer(l_n)}, {}};
  fill_saved(made.saved, saved, "saved");
  new (self) Forward(made);
}

inline void make_backward(Backward* self, bool reverse, const Weights& weights, const View& x, const View& out,
                   Address h0, Address c0, Address l0, const nb::sequence& saved, const View& d_out,
                   const nb::sequence& d_saved, Address d_h_n, Address d_c_n, Address d_l_n, const View& d_x, Address d_h0,
                   Address d_c0, Address d_l0, Address d_W_ih, Address d_W_hh, Address d_b_ih, Address d_b_hh,
                   Address d_W_hr, Address sums, bool begin, bool finish) {
  Backward made{};
  made.reverse = reverse;
  made.weights = weights;
  made.x = x;
  made.out = out;
  made.h0 = pointer(h0);
  made.c0[0] = pointer(c0);
  made.c0[1] = pointer(l0);
  fill_saved(made.saved, saved, "saved");
  made.d_out = d_out;
  fill_saved(made.d_saved, d_saved, "d_saved");
  made.d_h_n = pointer(d_h_n);
  made.d_c_n[0] = pointer(d_c_n);
  made.d_c_n[1] = pointer(d_l_n);
  made.d_x = d_x;
  made.d_h0 = pointer(d_h0);
  made.d_c0[0] = pointer(d_c0);
  made.d_c0[1] = pointer(d_l0);
  made.d_W_ih = pointer(d_W_ih);
  made.d_W_hh = pointer(d_W_hh);
  made.d_b_ih = pointer(d_b_ih);
  made.d_b_hh = pointer(d_b_hh);
  made.d_W_hr = pointer(d_W_hr);
  made.sums = pointer(sums);
  made.begin = begin;
  made.finish = finish;
  // Without sums the call keeps them in scratch memory, which ends with the call.
  if (!sums && !(begin && finish)) refuse("a segment (begin or finish False) needs sums.");
  new (self) Backward(made);
}

constexpr auto arg(const char* name) { return nb::arg(name).noconvert(); }

inline void bind_descriptors(nb::module_& m) {
  const View absent{};
  nb::class_<Layer>(m, "Layer")
      .def("__init__", make_layer, arg("cell"), arg("type"), arg("input"), arg("hidden"), arg("projection") = 0,
           arg("heads") = 1, arg("split") = false);
  nb::class_<Rows>(m, "Rows")
      .def("__init__", make_rows, arg("steps"), arg("batch"), arg("count") = 0, arg("order") = 0, arg("first") = 0)
      .def_prop_ro("begin", begin_of)
      .def_prop_ro("end", end_of);
  nb::class_<View>(m, "View")
      .def("__init__", make_view, arg("address") = 0, arg("step") = 0, arg("row") = 0, arg("packed") = false);
  nb::class_<Weights>(m, "Weights")
      .def("__init__", make_weights, arg("W_ih"), arg("W_hh"), arg("b_ih") = 0, arg("b_hh") = 0, arg("W_hr") = 0);
  nb::class_<Forward>(m, "Forward")
      .def("__init__", make_forward, nb::kw_only(), arg("reverse"), arg("weights"), arg("x"), arg("out"),
           arg("h0") = 0, arg("c0") = 0, arg("l0") = 0, arg("h_n") = 0, arg("c_n") = 0, arg("l_n") = 0,
           arg("saved") = nb::tuple());
  nb::class_<Backward>(m, "Backward")
      .def("__init__", make_backward, nb::kw_only(), arg("reverse"), arg("weights"), arg("x"), arg("out"),
           arg("h0") = 0, arg("c0") = 0, arg("l0") = 0, arg("saved") = nb::tuple(), arg("d_out").sig("View()") = absent,
           arg("d_saved") = nb::tuple(), arg("d_h_n") = 0, arg("d_c_n") = 0, arg("d_l_n") = 0,
           arg("d_x").sig("View()") = absent, arg("d_h0") = 0, arg("d_c0") = 0, arg("d_l0") = 0, arg("d_W_ih") = 0, arg("d_W_hh") = 0, arg("d_b_ih") = 0, arg("d_b_hh") = 0,
           arg("d_W_hr") = 0, arg("sums") = 0, arg("begin") = true, arg("finish") = true);
}

}  // namespace gatewise::python
