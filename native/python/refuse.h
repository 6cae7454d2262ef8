// What the Python module's files share: names, sizes and types, and the refusal of those that cannot be.
#pragma once

#include <nanobind/nanobind.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "gatewise/cells.h"
#include "gatewise/core.h"

namespace nb = nanobind;

namespace gatewise::python {

using Address = uintptr_t;

template <class T = void>
T* pointer(Address address) {
  return reinterpret_cast<T*>(address);
}

[[noreturn]] inline void refuse(const std::string& message) { throw nb::value_error(message.c_str()); }

/// The value of an enumeration that has this name; `names[i]` is that of value i.
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

inline Cell cell_named(std::string_view name) {
  std::array<std::string_view, cell_count> names;
  for (int i = 0; i < cell_count; ++i) names[static_cast<size_t>(i)] = cell_table[i].name;
  return named<Cell>("cell", name, names);
}

inline Type type_named(std::string_view name) {
  static constexpr std::string_view names[] = {"f32", "f64", "bf16"};
  return named<Type>("type", name, names);
}

// Below these no product of sizes, padding included, comes near the end of 64 bits; `most_bytes` is more than a
// processor can address.
constexpr int64_t most_units = INT32_MAX, most_rows = int64_t(1) << 40;
constexpr double most_bytes = 0x1p47;

inline void require_size(const char* what, int64_t value, int64_t least, int64_t most = INT64_MAX) {
  if (value < least) {
    refuse(std::string(what) + " is " + std::to_string(value) + "; it is at least " + std::to_string(least) + ".");
  }
  if (value > most) {
    refuse(std::string(what) + " is " + std::to_string(value) + "; it is at most " + std::to_string(most) + ".");
  }
}

/// As many threads as are asked for, but no more than can help: results do not depend on it.
inline int threads_of(int asked) {
  static const int most = std::max(64, 4 * static_cast<int>(std::thread::hardware_concurrency()));
  require_size("threads", asked, 1);
  return std::min(asked, most);
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

}  // namespace gatewise::python
