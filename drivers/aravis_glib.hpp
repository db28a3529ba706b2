#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/result.hpp"

// Aravis' own headers stay in the .cpp files that call it.
extern "C" {
typedef struct _GError GError;
typedef struct _ArvBuffer ArvBuffer;
typedef struct _ArvCamera ArvCamera;
typedef struct _ArvChunkParser ArvChunkParser;
typedef struct _ArvDevice ArvDevice;
typedef struct _ArvStream ArvStream;
}

namespace framelog {

struct ObjectUnref {
  void operator()(void* object) const noexcept;  ///< g_object_unref().
};
template <class T>
using ObjectPtr = std::unique_ptr<T, ObjectUnref>;

/// Where a function of GLib puts its error: f(..., failure.out()).
class Failure {
 public:
  Failure() noexcept = default;
  Failure(const Failure&) = delete;
  Failure& operator=(const Failure&) = delete;
  ~Failure();

  /// Forgets an earlier error.
  [[nodiscard]] GError** out() noexcept;
  explicit operator bool() const noexcept { return error_ != nullptr; }
  /// The library's own words; empty without an error.
  [[nodiscard]] std::string_view message() const noexcept;
  /// `what` is static text; the context is `where` and the library's own words. kDenied where
  /// another program controls the camera, kDisconnected where it does not answer, else kIo.
  [[nodiscard]] std::unexpected<Error> error(const char* what, std::string_view where = {}) const;

 private:
  GError* error_{};
};

/// Before the first call of Aravis: what GLib and Aravis have to say must not go to the terminal or
/// the journal, where nobody knows it from the recorder's own words. ARV_DEBUG is left alone.
/// Threads: any.
void quiet_aravis() noexcept;

}  // namespace framelog
