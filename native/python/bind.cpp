// The Python module gatewise._native, and the only file of native/ that knows Python. Arrays arrive as
// addresses (integers; 0: absent): whoever calls has checked shapes and types and keeps the arrays alive
// until the call returns. Streams take arrays themselves. Nothing is converted or copied. What can be told
// without knowing how long an array is, is refused here: see "What is checked where" in README.md.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/string_view.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "gatewise/core.h"
#include "gatewise/memory.h"

namespace nb = nanobind;
using namespace gatewise;

namespace {

using Address = uintptr_t;

template <class T = void>
T* pointer(Address address) {
  return reinterpret_cast<T*>(address);
}

[[noreturn]] void refuse(const std::string& message) { throw nb::value_error(message.c_str()); }

/// The value of an enumeration whose values have these names, in order.
template <class Enum>
Enum named(std::string_view what, std::string_view name, std::span<const std::string_view> names) {
  int value = 0;
  std::string choices;
  for (const std::string_view known : names) {
    if (known == name) return static_cast<Enum>(value);
    choices += (value++ ? ", '" : "'") + std::string(known) + "'";
  }
  refuse(std::string(what) + " is '" + std::string(name) + "'; it is one of " + choices + ".");
}

// Below these no product of sizes, padding included, comes near the end of 64 bits; `most_bytes` is more than a
// processor can address.
constexpr int64_t most_units = INT32_MAX, most_rows = int64_t(1) << 40;
constexpr double most_bytes = 0x1p47;

void require_size(const char* what, int64_t value, int64_t least, int64_t most = INT64_MAX) {
  if (value < least) {
    refuse(std::string(what) + " is " + std::to_string(value) + "; it is at least " + std::to_string(least) + ".");
  }
  if (value > most) {
    refuse(std::string(what) + " is " + std::to_string(value) + "; it is at most " + std::to_string(most) + ".");
  }
}

/// As many threads as are asked for, but no more than can help: results do not depend on it.
int threads_of(int asked) {
  static const int most = std::max(64, 4 * static_cast<int>(std::thread::hardware_concurrency()));
  require_size("threads", asked, 1);
  return std::min(asked, most);
}

// ---- descriptors ------------------------------------------------------------------------------------

constexpr std::string_view cell_names[] = {"lstm", "gru", "rnn_tanh", "rnn_relu"};
constexpr std::string_view type_names[] = {"f32", "f64", "bf16"};

void make_layer(Layer* self, std::string_view cell, std::string_view type, int64_t input, int64_t hidden,
                int64_t projection) {
  const auto cell_ = named<Cell>("cell", cell, cell_names);
  const auto type_ = named<Type>("type", type, type_names);
  require_size("input", input, 1, most_units);
  require_size("hidden", hidden, 1, most_units);
  require_size("projection", projection, 0, most_units);
  if (projection && cell_ != Cell::lstm) refuse("projection is for cell 'lstm' only; leave it out.");
  const Layer made{cell_, type_, input, hidden, projection};
  if (32.0 * double(hidden) * double(input + made.outputs()) > most_bytes) {
    refuse("a layer of " + std::to_string(input) + " inputs, " + std::to_string(hidden) + " hidden units and " +
           std::to_string(made.outputs()) + " outputs has more weights than memory can hold.");
  }
  new (self) Layer(made);
}

/// Bytes that some rows of a layer take while it runs, at least.
double bytes_of_rows(const Layer& layer, int64_t batch) {
  return 8.0 * double(batch) * double(layer.input + layer.outputs() + 8 * layer.hidden);
}

void require_rows(const Layer& layer, int64_t batch) {
  if (bytes_of_rows(layer, batch) > most_bytes) {
    refuse("batch is " + std::to_string(batch) + "; so many rows of this layer are more than memory can hold.");
  }
}

/// What kernels rely on when they go from step to step and from row to row. Reads every number once.
void check_rows(const Rows& rows) {
  const auto at = [](const char* what, int64_t i) { return std::string(what) + "[" + std::to_string(i) + "] of the rows is "; };
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
  std::vector<bool> taken(static_cast<size_t>(rows.order ? rows.batch : 0));
  for (int64_t r = 0; rows.order && r < rows.batch; ++r) {
    const int64_t place = rows.order[r];
    if (place < 0 || place >= rows.batch || taken[static_cast<size_t>(place)]) {
      refuse(at("order", r) + std::to_string(place) + "; it holds each of 0 to " + std::to_string(rows.batch - 1) + " once.");
    }
    taken[static_cast<size_t>(place)] = true;
  }
}

void make_rows(Rows* self, int64_t steps, int64_t batch, Address count, Address order, Address first) {
  require_size("steps", steps, 0, most_rows);
  require_size("batch", batch, 0, most_rows);
  const Rows made{steps, batch, pointer<int64_t>(count), pointer<int64_t>(order), pointer<int64_t>(first)};
  check_rows(made);
  new (self) Rows(made);
}

int64_t begin_of(const Rows& rows) { return rows.first && rows.steps ? rows.first[0] : 0; }

int64_t end_of(const Rows& rows) {
  if (!rows.first || !rows.steps) return 0;
  return rows.first[rows.steps - 1] + (rows.count ? rows.count[rows.steps - 1] : rows.batch);
}

void make_view(View* self, Address address, int64_t step, int64_t row, bool packed) {
  require_size("step", step, 0);
  require_size("row", row, 0);
  new (self) View{pointer(address), step, row, packed};
}

void make_weights(Weights* self, Address W_ih, Address W_hh, Address b_ih, Address b_hh, Address W_hr) {
  if (!W_ih || !W_hh) refuse("W_ih and W_hh are required; their address is not 0.");
  if (!b_ih != !b_hh) refuse("b_ih and b_hh go together; give both or neither.");
  new (self) Weights{pointer(W_ih), pointer(W_hh), pointer(b_ih), pointer(b_hh), pointer(W_hr)};
}

/// A reference to the T that `object` is, or a TypeError that says what it should have been.
template <class T>
const T& expect(nb::handle object, const char* what) {
  const T* found = nullptr;
  if (!nb::try_cast(object, found, false) || !found) {
    const std::string type = nb::cast<std::string>(nb::type<T>().attr("__name__"));
    throw nb::type_error((std::string(what) + " holds something that is not a " + type + ".").c_str());
  }
  return *found;
}

void fill_saved(View (&saved)[max_saved], const nb::sequence& given, const char* what) {
  const size_t count = nb::len(given);
  if (count > max_saved) refuse(std::string(what) + " has more than 5 views.");
  for (size_t i = 0; i < count; ++i) saved[i] = expect<View>(given[i], what);
}

void make_forward(Forward* self, bool reverse, const Weights& weights, const View& x, const View& out,
                  Address h0, Address c0, Address h_n, Address c_n, const nb::sequence& saved) {
  Forward made{reverse, weights, x, out, pointer(h0), pointer(c0), pointer(h_n), pointer(c_n), {}};
  fill_saved(made.saved, saved, "saved");
  new (self) Forward(made);
}

void make_backward(Backward* self, bool reverse, const Weights& weights, const View& x, const View& out,
                   Address h0, Address c0, const nb::sequence& saved, const View& d_out,
                   const nb::sequence& d_saved, Address d_h_n, Address d_c_n, const View& d_x, Address d_h0,
                   Address d_c0, Address d_W_ih, Address d_W_hh, Address d_b_ih, Address d_b_hh,
                   Address d_W_hr, Address sums, bool begin, bool finish) {
  Backward made{};
  made.reverse = reverse;
  made.weights = weights;
  made.x = x;
  made.out = out;
  made.h0 = pointer(h0);
  made.c0 = pointer(c0);
  fill_saved(made.saved, saved, "saved");
  made.d_out = d_out;
  fill_saved(made.d_saved, d_saved, "d_saved");
  made.d_h_n = pointer(d_h_n);
  made.d_c_n = pointer(d_c_n);
  made.d_x = d_x;
  made.d_h0 = pointer(d_h0);
  made.d_c0 = pointer(d_c0);
  made.d_W_ih = pointer(d_W_ih);
  made.d_W_hh = pointer(d_W_hh);
  made.d_b_ih = pointer(d_b_ih);
  made.d_b_hh = pointer(d_b_hh);
  made.d_W_hr = pointer(d_W_hr);
  made.sums = pointer(sums);
  made.begin = begin;
  made.finish = finish;
  if (!sums && !(begin && finish)) refuse("a segment (begin or finish False) needs sums.");
  new (self) Backward(made);
}

// ---- calls ------------------------------------------------------------------------------------------

int saved_count(Cell cell) { return cell == Cell::lstm ? 5 : cell == Cell::gru ? 4 : 0; }

void check_view(const char* what, const Rows& rows, const View& view) {
  if (!view.data) return;
  if (view.packed && !rows.first) refuse(std::string("packed views need first= of the rows; ") + what + " is one.");
  const double reach = view.packed ? double(end_of(rows)) * double(view.row)
                                   : double(rows.steps) * double(view.step) + double(rows.batch) * double(view.row);
  if (reach > most_bytes) refuse(std::string(what) + " reaches further than memory does.");
}

/// Views that are read at one place: all are laid out as the first is.
void check_alike(const View (&views)[max_saved], int count) {
  for (int i = 1; i < count; ++i) {
    if (views[i].step != views[0].step || views[i].row != views[0].row || views[i].packed != views[0].packed) {
      refuse("the views of saved are of one layout.");
    }
  }
}

void check_more(const Rows&, const Forward&, int) {}

void check_more(const Rows& rows, const Backward& direction, int saved) {
  check_view("d_out", rows, direction.d_out);
  check_view("d_x", rows, direction.d_x);
  for (int i = 0; i < max_saved; ++i) {
    if (i >= saved && direction.d_saved[i].data) refuse("d_saved has more views than this cell saves arrays.");
    check_view("d_saved", rows, direction.d_saved[i]);
  }
}

/// What a call can tell from addresses alone.
template <class Direction>
void check_direction(const Layer& layer, const Rows& rows, const Direction& direction, bool needs_saved) {
  if ((layer.projection != 0) != (direction.weights.W_hr != nullptr)) {
    refuse("W_hr is given where the layer has a projection, and only there.");
  }
  if (rows.steps == 0 || rows.batch == 0) return;
  if (!direction.x.data || !direction.out.data) refuse("x and out are required; their address is not 0.");
  check_view("x", rows, direction.x);
  check_view("out", rows, direction.out);
  int given = 0;
  while (given < max_saved && direction.saved[given].data) ++given;
  const int all = saved_count(layer.cell);
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

void call_forward(const Layer& layer, const Rows& rows, const nb::sequence& given, int threads) {
  threads = threads_of(threads);
  const auto directions = check_call<Forward>(layer, rows, given, false);
  const nb::gil_scoped_release released;
  forward(layer, rows, directions.data(), static_cast<int>(directions.size()), threads);
}

void call_backward(const Layer& layer, const Rows& rows, const nb::sequence& given, int threads) {
  threads = threads_of(threads);
  const auto directions = check_call<Backward>(layer, rows, given, true);
  const nb::gil_scoped_release released;
  backward(layer, rows, directions.data(), static_cast<int>(directions.size()), threads);
}

std::vector<std::string> isas() {
  std::vector<std::string> names;
  for (int i = 0; i < isa_count(); ++i) names.emplace_back(isa_name(i));
  return names;
}

int64_t checked_chunk_steps(const Layer& layer, int64_t batch) {
  require_size("batch", batch, 1, most_rows);
  return chunk_steps(layer, batch);
}

double peak_gflops(std::string_view type, int threads) {
  const auto type_ = named<Type>("type", type, type_names);
  threads = threads_of(threads);
  const nb::gil_scoped_release released;
  return peak_flops(type_, threads) / 1e9;
}

// ---- streams ----------------------------------------------------------------------------------------

/// A C-contiguous array of [rows, columns] whose memory is held while this lives.
class Matrix {
 public:
  Matrix(const char* what, nb::handle array, Type type, int64_t rows, int64_t columns, bool writable) {
    const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(array.ptr(), &buffer_, flags)) refuse_array(what, array);
    const char wanted = type == Type::f64 ? 'd' : 'f';
    if (!buffer_.format || buffer_.format[0] != wanted || buffer_.format[1] != '\0') {
      release();
      throw nb::type_error((std::string(what) + " is not of type float" + (wanted == 'd' ? "64" : "32") +
                            ", the stream's; nothing is converted.").c_str());
    }
    if (buffer_.ndim != 2 || buffer_.shape[0] != rows || buffer_.shape[1] != columns) {
      std::string shape;
      for (int i = 0; i < buffer_.ndim; ++i) shape += (i ? ", " : "") + std::to_string(buffer_.shape[i]);
      release();
      refuse(std::string(what) + " has shape [" + shape + "]; this stream's is [" + std::to_string(rows) + ", " +
             std::to_string(columns) + "].");
    }
  }
  ~Matrix() { release(); }
  Matrix(const Matrix&) = delete;
  Matrix& operator=(const Matrix&) = delete;
  void* data() const { return buffer_.buf; }

 private:
  [[noreturn]] static void refuse_array(const char* what, nb::handle array) {
    const nb::python_error reason;  // takes Python's own error
    if (PyObject_CheckBuffer(array.ptr())) {
      refuse(std::string(what) + ": " + nb::str(reason.value()).c_str() + "; nothing is copied.");
    }
    const std::string type = nb::str(nb::type_name(array.type())).c_str();
    throw nb::type_error((std::string(what) + " is of type '" + type + "'; give a NumPy array.").c_str());
  }
  void release() { PyBuffer_Release(&buffer_); }
  Py_buffer buffer_;
};

/// A Stream, and what its arrays have to look like.
class BoundStream {
 public:
  BoundStream(std::vector<Layer> layers, const std::vector<Weights>& weights, int64_t batch)
      : layers_(checked(std::move(layers), weights, batch)),
        batch_(batch),
        is_long_(double(batch) * weights_of(layers_) >= long_step),
        stream_(layers_.data(), weights.data(), static_cast<int>(layers_.size()), batch) {}

  void step(nb::handle x, nb::handle out) {
    const Use use(*this);
    const Matrix from("x", x, type(), batch_, layers_.front().input, false);
    const Matrix to("out", out, type(), batch_, layers_.back().outputs(), true);
    std::optional<nb::gil_scoped_release> released;
    if (is_long_) released.emplace();
    stream_.step(from.data(), to.data());
  }

  void reset() {
    const Use use(*this);
    stream_.reset();
  }

  void get_state(int layer, nb::handle h, nb::handle c) { exchange(layer, h, c, true); }
  void set_state(int layer, nb::handle h, nb::handle c) { exchange(layer, h, c, false); }

 private:
  /// Marks the stream as in use: a step runs without the interpreter's lock.
  struct Use {
    explicit Use(BoundStream& stream) : stream(stream) {
      if (stream.busy_) {
        throw std::runtime_error("this stream is in another thread's step; give each thread a stream of its own.");
      }
      stream.busy_ = true;
    }
    ~Use() { stream.busy_ = false; }
    BoundStream& stream;
  };

  static std::vector<Layer> checked(std::vector<Layer> layers, const std::vector<Weights>& weights, int64_t batch) {
    require_size("batch", batch, 1, most_rows);
    if (layers.empty() || layers.size() != weights.size()) refuse("a stream takes as many weights as layers, at least one.");
    for (size_t i = 0; i < layers.size(); ++i) {
      require_rows(layers[i], batch);
      if ((layers[i].projection != 0) != (weights[i].W_hr != nullptr)) {
        refuse("W_hr is given where the layer has a projection, and only there.");
      }
      if (layers[i].type == Type::bf16) refuse("streams are of type 'f32' or 'f64', not 'bf16'.");
      if (layers[i].type != layers[0].type) refuse("the layers of a stream are of one type.");
      if (i && layers[i].input != layers[i - 1].outputs()) {
        refuse("layer " + std::to_string(i) + " has " + std::to_string(layers[i].input) + " inputs; the layer before gives " +
               std::to_string(layers[i - 1].outputs()) + ".");
      }
    }
    return layers;
  }

  void exchange(int index, nb::handle h, nb::handle c, bool get) {
    const Use use(*this);
    if (index < 0 || index >= static_cast<int>(layers_.size())) {
      throw nb::index_error(("there is no layer " + std::to_string(index) + " in this stream.").c_str());
    }
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const bool has_cell = layer.cell == Cell::lstm;
    if (has_cell == c.is_none()) refuse(has_cell ? "an LSTM's state has a c." : "only an LSTM's state has a c; write None.");
    const Matrix hidden("h", h, layer.type, batch_, layer.outputs(), get);
    std::unique_ptr<Matrix> cell;
    if (has_cell) cell = std::make_unique<Matrix>("c", c, layer.type, batch_, layer.hidden, get);
    void* cell_data = cell ? cell->data() : nullptr;
    if (get) {
      stream_.get_state(index, hidden.data(), cell_data);
    } else {
      stream_.set_state(index, hidden.data(), cell_data);
    }
  }

  // Multiply-adds of some 40 microseconds. Giving the interpreter's lock away for less is no kindness: with
  // one other busy Python thread a step of 1 microsecond then takes 700, until the lock comes back.
  static constexpr double long_step = 1 << 20;

  static double weights_of(const std::vector<Layer>& layers) {
    double sum = 0;
    for (const Layer& layer : layers) sum += 4.0 * double(layer.hidden) * double(layer.input + layer.outputs());
    return sum;
  }

  Type type() const { return layers_.front().type; }

  std::vector<Layer> layers_;
  int64_t batch_;
  bool is_long_;
  Stream stream_;
  bool busy_ = false;  // read and written under the interpreter's lock
};

// ---- memory -----------------------------------------------------------------------------------------

/// A block as Python's buffer protocol shows it: torch and NumPy make arrays of it, which hold it.
class BoundMemory {
 public:
  explicit BoundMemory(int64_t bytes) : size_((require_size("bytes", bytes, 1), bytes)), memory_(static_cast<size_t>(bytes)) {}

  static int fill(PyObject* self, Py_buffer* view, int flags) {
    auto* own = nb::inst_ptr<BoundMemory>(nb::handle(self));
    return PyBuffer_FillInfo(view, self, own->memory_.data(), own->size_, 0, flags);
  }

 private:
  int64_t size_;
  Memory memory_;
};

PyType_Slot memory_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(BoundMemory::fill)}, {0, nullptr}};

// ---- the module -------------------------------------------------------------------------------------

constexpr auto arg(const char* name) { return nb::arg(name).noconvert(); }

void bind_descriptors(nb::module_& m) {
  const View absent{};
  nb::class_<Layer>(m, "Layer")
      .def("__init__", make_layer, arg("cell"), arg("type"), arg("input"), arg("hidden"), arg("projection") = 0);
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
           arg("h0") = 0, arg("c0") = 0, arg("h_n") = 0, arg("c_n") = 0, arg("saved") = nb::tuple());
  nb::class_<Backward>(m, "Backward")
      .def("__init__", make_backward, nb::kw_only(), arg("reverse"), arg("weights"), arg("x"), arg("out"),
           arg("h0") = 0, arg("c0") = 0, arg("saved") = nb::tuple(), arg("d_out").sig("View()") = absent,
           arg("d_saved") = nb::tuple(), arg("d_h_n") = 0, arg("d_c_n") = 0, arg("d_x").sig("View()") = absent, arg("d_h0") = 0,
           arg("d_c0") = 0, arg("d_W_ih") = 0, arg("d_W_hh") = 0, arg("d_b_ih") = 0, arg("d_b_hh") = 0,
           arg("d_W_hr") = 0, arg("sums") = 0, arg("begin") = true, arg("finish") = true);
}

}  // namespace

NB_MODULE(_native, m) {
  if (isa_count() == 0)  // GATEWISE_ISAS left out what this machine has
    throw nb::import_error(
        "this build of gatewise's native core holds no instruction set of this machine's processor; "
        "compile it again here: make clean, then make native, or pip install . in the checkout");
  m.doc() = "gatewise's native core. gatewise.engines is what should be used: here, addresses are believed.";
  bind_descriptors(m);
  m.def("forward", call_forward, arg("layer"), arg("rows"), arg("directions"), arg("threads"));
  m.def("backward", call_backward, arg("layer"), arg("rows"), arg("directions"), arg("threads"));
  m.def("sums_bytes", sums_bytes, arg("layer"));
  m.def("chunk_steps", checked_chunk_steps, arg("layer"), arg("batch"));
  m.def("peak_gflops", peak_gflops, arg("type"), arg("threads"));
  m.def("isa", isa);
  m.def("isas", isas);
  nb::class_<BoundMemory>(m, "Memory", nb::type_slots(memory_slots)).def(nb::init<int64_t>(), arg("bytes"));
  m.def("release_memory", release_memory);
  nb::set_leak_warnings(false);  // arrays that live until the process ends are no mistake
  nb::class_<BoundStream>(m, "Stream")
      .def(nb::init<std::vector<Layer>, const std::vector<Weights>&, int64_t>(), arg("layers"), arg("weights"),
           arg("batch"))
      .def("step", &BoundStream::step, arg("x"), arg("out"))
      .def("reset", &BoundStream::reset)
      .def("get_state", &BoundStream::get_state, arg("layer"), arg("h"), arg("c").none())
      .def("set_state", &BoundStream::set_state, arg("layer"), arg("h"), arg("c").none());
}
