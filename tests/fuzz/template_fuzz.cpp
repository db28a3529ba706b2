// Feeds any text that is read as a name template. A template that is taken makes names below the
// base that file systems take.

#include <cstdlib>

#include "core/name_template.hpp"
#include "core/text.hpp"

namespace {

void expect_name(const std::filesystem::path& name) {
  constexpr std::size_t kMostBytes = 200;
  if (name.empty() || name.is_absolute()) std::abort();
  for (const auto& component : name) {
    const std::string& text = component.native();
    if (text.empty() || text.front() == '.' || text.size() > kMostBytes) std::abort();
    if (!framelog::is_utf8(text) || text.find_first_of("\\:*?\"<>|\n") != std::string::npos) {
      std::abort();
    }
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer calls it so.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace framelog;
  const auto parsed = NameTemplate::parse({reinterpret_cast<const char*>(data), size});
  if (!parsed) return 0;
  // The same bytes once more, as texts of the fields.
  const std::string text(reinterpret_cast<const char*>(data), size);
  NameFields fields;
  for (const char* name : {"instrument", "product", "host", "driver", "serial", "sample",
                           "operator", "detector", "dtype", "bin", "roi"}) {
    fields[name] = text;
  }
  for (const char* name : {"run", "segment", "width", "height", "frame", "slice_index"}) {
    fields[name] = static_cast<std::int64_t>(size) * 12345;
  }
  for (const char* name : {"start", "utc", "local"}) {
    fields[name] = NameTime{1'795'190'400'123'456'789, name[0] == 'l'};
  }
  expect_name(parsed->render(fields));
  expect_name(parsed->render({}));
  return 0;
}
