// Memory that a call needs while it works.
#pragma once

#include <cstddef>

namespace gatewise {

/// One zeroed block, aligned to 64 bytes, given back at the end of its scope. Throws std::bad_alloc.
class Scratch {
 public:
  explicit Scratch(size_t bytes);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  char* data() const { return data_; }

 private:
  char* data_;
  size_t size_;
};

/// Ask the system for large pages under memory that is about to be written for the first time.
void advise_large(void* data, size_t bytes);

}  // namespace gatewise
