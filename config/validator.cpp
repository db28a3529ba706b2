#include "config/validator.hpp"

#include <boost/any.hpp>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/options_description.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/value_semantic.hpp>
#include <boost/program_options/variables_map.hpp>
#include <vector>

namespace framelog {
namespace {

namespace po = boost::program_options;

/// One row of the table as Boost sees it: exactly one token, read by parse_value().
class RowSemantic final : public po::value_semantic {
 public:
  explicit RowSemantic(const OptionSpec& row) : row_(row) {}
  [[nodiscard]] std::string name() const override { return allowed_text(row_); }
  [[nodiscard]] unsigned min_tokens() const override { return 1; }
  [[nodiscard]] unsigned max_tokens() const override { return 1; }
  [[nodiscard]] bool is_composing() const override { return false; }
  [[nodiscard]] bool is_required() const override { return false; }
  void parse(boost::any& value_store, const std::vector<std::string>& new_tokens,
             bool /*utf8*/) const override {
    auto value = parse_value(row_, new_tokens.at(0));
    if (!value) throw po::error(value.error());
    value_store = *std::move(value);
  }
  // The defaults depend on the driver and on the sections that were written.
  bool apply_default(boost::any& /*value_store*/) const override { return false; }
  void notify(const boost::any& /*value_store*/) const override {}

 private:
  const OptionSpec& row_;
};

// A "*" would make Boost match prefixes, and two drivers may have the same key.
std::string id_of(const OptionSpec& row) {
  std::string id(row.section);
  if (id.ends_with('*')) id.back() = '_';
  id.append(".").append(row.key);
  if (id.ends_with('*')) id.back() = '_';
  if (!row.driver.empty()) id.append("@").append(row.driver);
  return id;
}

}  // namespace

struct Validator::Descriptions {
  po::options_description options;
};

Validator::Validator(std::span<const OptionSpec> rows)
    : descriptions_(std::make_unique<Descriptions>()) {
  for (const OptionSpec& row : rows) {
    // Boost takes ownership of both.
    const boost::shared_ptr<po::option_description> description(new po::option_description(
        id_of(row).c_str(), new RowSemantic(row), std::string(row.help).c_str()));
    descriptions_->options.add(description);
  }
}

Validator::~Validator() = default;

std::expected<OptionValue, std::string> Validator::check(const OptionSpec& row,
                                                         const std::string& text) const {
  const std::string id = id_of(row);
  po::parsed_options entry(&descriptions_->options);
  entry.options.emplace_back(id, std::vector<std::string>{text});
  po::variables_map values;
  try {
    po::store(entry, values);
  } catch (const po::error& error) {
    return std::unexpected(error.what());
  }
  return values[id].as<OptionValue>();
}

}  // namespace framelog
