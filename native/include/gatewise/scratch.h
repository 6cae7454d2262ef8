// Memory that a call needs while it works.
#pragma once

#include <cstddef>

namespace gatewise {

/// One zeroed block, aligned to 64 bytes, freed at the end of its scope. Large blocks ask the system for
/// large pages. Throws std::bad_alloc.
class Scratch {
 public:
  explicit Scratch(size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  char* data() const { return data_; }

 private:
  char* data_;
};

}  // namespace gatewise
