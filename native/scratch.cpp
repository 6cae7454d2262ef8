#include "gatewise/scratch.h"

#include <cstdlib>
#include <cstring>
#include <new>
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace gatewise {
namespace {
constexpr size_t line = 64, large_page = size_t(2) << 20;
}

Scratch::Scratch(size_t bytes) : data_(nullptr) {
  const bool large = bytes >= 2 * large_page;
  const size_t unit = large ? large_page : line;
  const size_t size = (bytes / unit + 1) * unit;
  data_ = static_cast<char*>(std::aligned_alloc(unit, size));
  if (data_ == nullptr) throw std::bad_alloc();
#ifdef __linux__
  if (large) madvise(data_, size, MADV_HUGEPAGE);  // only advice: a refusal changes nothing but speed
#endif
  std::memset(data_, 0, size);
}

Scratch::~Scratch() { std::free(data_); }

}  // namespace gatewise
