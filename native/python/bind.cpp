// The Python module gatewise._native; only this folder knows Python. Arrays arrive as addresses (integers; 0:
// absent): whoever calls has checked shapes and types and keeps the arrays alive until the call returns. Streams
// take arrays themselves. Nothing is converted or copied. What can be told without knowing how long an array is, is
// refused: see "What is checked where" in README.md.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "calls.h"
#include "descriptors.h"
#include "gatewise/memory.h"
#include "streams.h"

namespace nb = nanobind;
using namespace gatewise;
using namespace gatewise::python;

namespace {

/// A block as Python's buffer protocol shows it: torch and NumPy make arrays of it, which hold it.
class BoundMemory {
 public:
  explicit BoundMemory(int64_t bytes) : size_((require_size("bytes", bytes, 1), bytes)), memory_(static_cast<size_t>(bytes)) {}

  static int fill(PyObject* self, Py_buffer* view, int flags) {
    auto* block = nb::inst_ptr<BoundMemory>(nb::handle(self));
    return PyBuffer_FillInfo(view, self, block->memory_.data(), block->size_, 0, flags);
  }

 private:
  int64_t size_;
  Memory memory_;
};

PyType_Slot memory_slots[] = {{Py_bf_getbuffer, reinterpret_cast<void*>(BoundMemory::fill)}, {0, nullptr}};

/// What the core knows of its cells, in its own order: (name, gates, saved arrays, states, may be projected).
nb::list cells() {
  nb::list rows;
  for (const CellTraits& row : cell_table) {
    rows.append(nb::make_tuple(std::string(row.name), row.gates, row.saved, 1 + row.cells, row.projects));
  }
  return rows;
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
  m.def("cells", cells);
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
      .def("get_state", &BoundStream::get_state, arg("layer"), arg("h"), arg("c").none(), arg("l") = nb::none())
      .def("set_state", &BoundStream::set_state, arg("layer"), arg("h"), arg("c").none(), arg("l") = nb::none());
}
