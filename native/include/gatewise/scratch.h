// Memory that a call needs while it works.
#pragma once

#include <cstring>

#include "gatewise/memory.h"

namespace gatewise {

/// One zeroed block, aligned to 64 bytes, given back at the end of its scope. Throws std::bad_alloc.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : memory_(bytes) { std::memset(memory_.data(), 0, bytes); }
  char* data() const { return memory_.data(); }

 private:
  Memory memory_;
};

}  // namespace gatewise
