// Memory that is used again: a page that the process has already costs no fault, and faults cost more than the
// kernels that fill the page.
#pragma once

#include <cstddef>

namespace gatewise {

/// A block aligned to 64 bytes, unfilled, given back when this ends. Throws std::bad_alloc.
///
/// Blocks that are given back are kept, up to an eighth of the machine's memory and 1 GiB at most, the last used
/// first; the system may take the pages of large ones back whenever it needs memory.
class Memory {
 public:
  explicit Memory(size_t bytes);
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  char* data() const { return data_; }

 private:
  char* data_;
  size_t size_;
};

/// Give the kept blocks back to the system.
void release_memory();

}  // namespace gatewise
