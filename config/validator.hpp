#pragma once

#include <expected>
#include <memory>
#include <span>
#include <string>

#include "core/option.hpp"

namespace framelog {

/// Boost.Program_options with one description per row of a table. Its own parsers and its storage
/// are of no use for a configuration (they stop at the first error, and the first value wins), so
/// the values are given to it one by one. Threads: one at a time.
class Validator {
 public:
  /// `rows` is borrowed for the validator's life.
  explicit Validator(std::span<const OptionSpec> rows);
  ~Validator();
  Validator(const Validator&) = delete;
  Validator& operator=(const Validator&) = delete;

  /// `row` is one of the rows. The error is that of parse_value().
  [[nodiscard]] std::expected<OptionValue, std::string> check(const OptionSpec& row,
                                                              const std::string& text) const;

 private:
  struct Descriptions;
  std::unique_ptr<Descriptions> descriptions_;
};

}  // namespace framelog
