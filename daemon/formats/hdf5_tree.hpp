#pragma once

#include <hdf5.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/frame.hpp"
#include "core/result.hpp"

/// Private to the hdf5_*.cpp files of this folder: the HDF5 C library with owned handles and
/// remembered errors.
namespace framelog::hdf5 {

/// Owns one HDF5 identifier of any kind.
class Handle {
 public:
  Handle() noexcept = default;
  explicit Handle(hid_t id) noexcept : id_(id) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)) {}
  Handle& operator=(Handle&& other) noexcept {
    if (this != &other) {
      close();
      id_ = std::exchange(other.id_, -1);
    }
    return *this;
  }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }
  [[nodiscard]] hid_t get() const noexcept { return id_; }
  [[nodiscard]] bool valid() const noexcept { return id_ >= 0; }
  void close() noexcept;

 private:
  hid_t id_{-1};
};

/// Little-endian memory and file type of pixels.
[[nodiscard]] hid_t type_of(PixelType type) noexcept;
/// The other way round; none for any other type.
[[nodiscard]] std::optional<PixelType> pixel_type(hid_t type) noexcept;
/// The last message on HDF5's error stack: "unable to open file (H5F_open)".
[[nodiscard]] std::string last_error();
/// What `text`, of last_error() or Tree::error(), says: with the errno that it names, where a call
/// of HDF5 to the system has failed.
[[nodiscard]] std::unexpected<Error> failure(const std::string& text);
/// Stops HDF5 from printing and locking; called by everything that opens a file. Threads: any.
void set_up_library() noexcept;

/// Builds groups, texts and numbers. The first failure is remembered and everything after it does
/// nothing, so that a layout reads as a list; failure() is asked once at the end.
class Tree {
 public:
  /// Takes over an open file.
  explicit Tree(Handle file) noexcept : file_(std::move(file)) {}

  void group(const std::string& path, std::string_view nexus_class);
  void text(const std::string& path, std::string_view value);
  void number(const std::string& path, double value, std::string_view units = {});
  void integer(const std::string& path, std::int64_t value, std::string_view units = {});
  /// A NeXus boolean.
  void flag(const std::string& path, bool value);
  void integers(const std::string& path, std::span<const std::int64_t> values);
  /// One-dimensional, contiguous, allocated at once.
  void column(const std::string& path, std::span<const double> values, std::string_view units = {});
  void column(const std::string& path, std::span<const std::int64_t> values,
              std::string_view units = {});
  /// An NXnote: type and data.
  void note(const std::string& path, std::string_view type, std::string_view data);
  /// Creates a dataset of any type and shape from `data` (null: not written).
  void dataset(const std::string& path, hid_t type, hid_t space, hid_t properties,
               const void* data);
  void hard_link(const std::string& from, const std::string& to);
  void remove(const std::string& path);
  /// Replaces an attribute of the same name.
  void attribute(const std::string& path, const std::string& name, std::string_view value);
  void attribute(const std::string& path, const std::string& name, std::int64_t value);
  void attribute(const std::string& path, const std::string& name,
                 std::span<const std::string> values);
  void attribute(const std::string& path, const std::string& name, std::span<const double> values);
  void attribute(const std::string& path, const std::string& name, hid_t type, hid_t space,
                 const void* data);

  void check(bool good, const char* what, const std::string& path);
  [[nodiscard]] bool good() const noexcept { return error_.empty(); }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }
  [[nodiscard]] hid_t file() const noexcept { return file_.get(); }
  /// Flushes and closes; failures are remembered as well.
  void close();

 private:
  void put(const std::string& path, hid_t type, hid_t space, const void* data,
           std::string_view units);

  Handle file_;
  std::string error_;
};

/// Reading side: absent objects and wrong types are errors that name the path.
[[nodiscard]] Result<Handle> open_file(const std::string& path, unsigned flags);
[[nodiscard]] Result<std::string> read_text(hid_t file, const std::string& path);
[[nodiscard]] Result<std::int64_t> read_integer(hid_t file, const std::string& path);
[[nodiscard]] Result<std::string> read_text_attribute(hid_t file, const std::string& path,
                                                      const std::string& name);
/// Of an attribute that is open; `path` for the error.
[[nodiscard]] Result<std::string> read_attribute_text(hid_t attribute, const std::string& path);
[[nodiscard]] Result<std::int64_t> read_integer_attribute(hid_t file, const std::string& path,
                                                          const std::string& name);
[[nodiscard]] bool has(hid_t file, const std::string& path);

}  // namespace framelog::hdf5
