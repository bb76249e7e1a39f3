#pragma once
// For handles of C libraries that are freed by a function of their own: std::unique_ptr<X509, FreeWith<&X509_free>>.

namespace oracxfs {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* handle) const noexcept {
        Free(handle);
    }
};

}  // namespace oracxfs
