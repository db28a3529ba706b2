#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "export/write_hdf5.hpp"

/// Private to the write_*.cpp files of this folder: the nodes of a file of PyMoDAQ's, whose
/// attributes are JSON texts of Python values, but for the four of PyTables.
namespace framelog {

/// A Python value as an attribute: {"module": "builtins", "type": "str", "data": "'...'"}.
[[nodiscard]] std::string python_text(std::string_view text);
[[nodiscard]] std::string python_integer(std::int64_t value);
[[nodiscard]] std::string python_number(double value);
[[nodiscard]] std::string python_tuple(std::span<const std::uint64_t> values);

/// "/RawData/Detector000", or that of the request's run where there are several.
[[nodiscard]] std::string pymodaq_detector(const WriteRequest& request);
/// `<All_settings type="group">` with what is known of the instrument and the export.
[[nodiscard]] std::string pymodaq_settings(const WritePlan& plan);

struct PymodaqAxis {
  std::string label, units;
  std::uint64_t index{};
  std::uint64_t size{};
  double offset{};
  double scaling{1};
  bool uniform{true};
};
struct PymodaqData {
  std::string dimension;  ///< "Data2D"
  std::string label, units;
  double timestamp{};
};

/// Makes nodes with what PyTables and PyMoDAQ ask of each. Failures are the file's.
class PymodaqNodes {
 public:
  /// `file` is borrowed.
  explicit PymodaqNodes(Hdf5ArrayFile& file) : file_(file) {}
  void describe_root(const std::string& file_name, std::int64_t utc_ns);
  void group(const std::string& path, const std::string& title);
  void typed_group(const std::string& path, const std::string& title, std::string_view type,
                   const std::string& settings);
  /// An EARRAY of which the first dimension is the slices.
  [[nodiscard]] std::size_t growing(const std::string& path, const std::string& title,
                                    PixelType type, const std::vector<std::uint64_t>& shape,
                                    const WriteRequest& request);
  /// A CARRAY of numbers.
  void fixed(const std::string& path, const std::string& title, const std::vector<double>& values);
  void text(const std::string& path, const std::string& value);
  void log(const std::string& path, std::span<const std::string> lines);
  void describe_axis(const std::string& path, const PymodaqAxis& axis);
  void describe_data(const std::string& path, const PymodaqData& data);
  void attribute(const std::string& path, const std::string& name, const std::string& json);

 private:
  void describe_node(const std::string& path, const std::string& title, std::string_view kind,
                     std::string_view version);
  void log_rows(const std::string& path, const std::string& title,
                std::span<const std::string> rows);
  void describe_array(const std::string& path, std::span<const std::uint64_t> shape,
                      std::string_view type, std::string_view subtype);

  Hdf5ArrayFile& file_;
};

}  // namespace framelog
