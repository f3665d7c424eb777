/// Owning pointers to OpenSSL's objects.
#pragma once

#include <memory>

namespace pssst::bench {

template <class T, void (*kFree)(T*)>
struct OpensslDeleter {
  void operator()(T* object) const noexcept { kFree(object); }
};
template <class T, void (*kFree)(T*)>
using OpensslPointer = std::unique_ptr<T, OpensslDeleter<T, kFree>>;

}  // namespace pssst::bench
