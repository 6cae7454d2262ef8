// Streams, and the arrays that they take.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "descriptors.h"

namespace gatewise::python {

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

  void get_state(int layer, nb::handle h, nb::handle c, nb::handle l) { exchange(layer, h, {c, l}, true); }
  void set_state(int layer, nb::handle h, nb::handle c, nb::handle l) { exchange(layer, h, {c, l}, false); }

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
      if (layers[i].input == 0 || !weights[i].W_ih) refuse("the layers of a stream have inputs, and W_ih.");
      if (layers[i].split) refuse("the layers of a stream are not split.");
      if (layers[i].type == Type::bf16) refuse("streams are of type 'f32' or 'f64', not 'bf16'.");
      if (layers[i].type != layers[0].type) refuse("the layers of a stream are of one type.");
      if (i && layers[i].input != layers[i - 1].outputs()) {
        refuse("layer " + std::to_string(i) + " has " + std::to_string(layers[i].input) + " inputs; the layer before gives " +
               std::to_string(layers[i - 1].outputs()) + ".");
      }
    }
    return layers;
  }

  void exchange(int index, nb::handle h, std::array<nb::handle, max_cells> cells, bool get) {
    const Use use(*this);
    if (index < 0 || index >= static_cast<int>(layers_.size())) {
      throw nb::index_error(("there is no layer " + std::to_string(index) + " in this stream.").c_str());
    }
    const Layer& layer = layers_[static_cast<size_t>(index)];
    const CellTraits& traits = traits_of(layer.cell);
    static constexpr const char* names[max_cells] = {"c", "l"};
    const Matrix hidden("h", h, layer.type, batch_, layer.outputs(), get);
    std::unique_ptr<Matrix> held[max_cells];
    void* addresses[max_cells] = {};
    for (size_t i = 0; i < max_cells; ++i) {
      const bool has = static_cast<int>(i) < traits.cells;
      if (has == cells[i].is_none()) {
        const std::string state = "the state of cell '" + std::string(traits.name) + "' has ";
        refuse(state + (has ? "a " : "no ") + names[i] + (has ? "." : "; write None."));
      }
      if (!has) continue;
      held[i] = std::make_unique<Matrix>(names[i], cells[i], layer.type, batch_, layer.hidden, get);
      addresses[i] = held[i]->data();
    }
    if (get) {
      stream_.get_state(index, hidden.data(), addresses);
    } else {
      stream_.set_state(index, hidden.data(), addresses);
    }
  }

  // Multiply-adds of some 40 microseconds. Giving the interpreter's lock away for less is no kindness: with
  // one other busy Python thread a step of 1 microsecond then takes 700, until the lock comes back.
  static constexpr double long_step = 1 << 20;

  static double weights_of(const std::vector<Layer>& layers) {
    double sum = 0;
    for (const Layer& layer : layers) sum += 4.0 * double(layer.hidden) * double(layer.input + layer.seen());
    return sum;
  }

  Type type() const { return layers_.front().type; }

  std::vector<Layer> layers_;
  int64_t batch_;
  bool is_long_;
  Stream stream_;
  bool busy_ = false;  // read and written under the interpreter's lock
};

}  // namespace gatewise::python
