#include "core/name_template.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv is POSIX.

#include <ctime>
#include <random>

namespace framelog {
namespace {

constexpr std::int64_t kTime = 1'795'190'405'012'345'678;  // 2026-11-20T16:00:05.012345678Z

NameFields fields() {
  return {{"instrument", "microscope"},
          {"product", "frames"},
          {"segment", 7},
          {"start", NameTime{kTime}},
          {"utc", NameTime{kTime}},
          {"local", NameTime{kTime, true}},
          {"run", 3},
          {"roi", "y128-384_x128-384"},
          {"sample", "Au / C"}};
}

std::string rendered(std::string_view text, const NameFields& values) {
  const auto name = NameTemplate::parse(text);
  EXPECT_TRUE(name) << (name ? "" : name.error().context);
  return name ? name->render(values).string() : "";
}

std::string error_of(std::string_view text) {
  const auto name = NameTemplate::parse(text);
  EXPECT_FALSE(name) << text;
  if (name) return "";
  EXPECT_EQ(name.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(name.error().context.find('\n'), std::string::npos);
  return name.error().context;
}

TEST(NameTemplate, RendersTheDefaultScheme) {
  EXPECT_EQ(rendered("{start:%Y}/{start:%Y%m%d}/{instrument}_{product}_{start:%Y%m%d_%H_%M_%S}_"
                     "{segment:04}",
                     fields()),
            "2026/20261120/microscope_frames_20261120_16_00_05_0007");
}

TEST(NameTemplate, KeepsItsText) {
  EXPECT_EQ(NameTemplate::parse("a{segment}")->text(), "a{segment}");
}

TEST(NameTemplate, TimesWithoutAFormatShowTheSecond) {
  EXPECT_EQ(rendered("{utc}", fields()), "20261120_160005");
}

TEST(NameTemplate, LocalTimesAreOfTheMachinesZoneAndOthersUtc) {
  // The test has one thread.
  ASSERT_EQ(::setenv("TZ", "XYZ-05:30", 1), 0);  // NOLINT(concurrency-mt-unsafe)
  ::tzset();
  EXPECT_EQ(rendered("{start:%H%M} {utc:%H%M%z} {local:%Y%m%d_%H%M%S%z}", fields()),
            "1600 1600+0000 20261120_213005+0530");
  ASSERT_EQ(::unsetenv("TZ"), 0);  // NOLINT(concurrency-mt-unsafe)
  ::tzset();
}

TEST(NameTemplate, NumbersArePaddedWithZeros) {
  const NameFields values{{"segment", 42}, {"run", -3}};
  EXPECT_EQ(
      rendered("{segment}-{segment:d}-{segment:04}-{segment:04d}-{segment:01}-{run:04}", values),
      "42-42-0042-0042-42--003");
}

TEST(NameTemplate, TextsAreFilledToTheirWidthInCharacters) {
  const NameFields values{{"segment", 1}, {"host", "\u00b5\u00b5"}};
  EXPECT_EQ(rendered("{host:5}.{host:>5}.{host:^5}.{host:x<3}.{host:1}.{segment}", values),
            "\u00b5\u00b5___.___\u00b5\u00b5._\u00b5\u00b5__.\u00b5\u00b5x.\u00b5\u00b5.1");
}

TEST(NameTemplate, DoubledBracesAreBraces) {
  EXPECT_EQ(rendered("{{{segment}}}", fields()), "{7}");
}

TEST(NameTemplate, ValuesAreMadeSafeForFileSystems) {
  for (const auto& [value, safe] : {std::pair{"..", "__"},
                                    {".", "_"},
                                    {"", "unknown"},
                                    {"../../etc", "_._.._etc"},
                                    {"/etc", "_etc"},
                                    {R"(a/b\c:d*e?f"g<h>i|j)", "a_b_c_d_e_f_g_h_i_j"},
                                    {"a\nb\x7f", "a_b_"},
                                    {"\xff\xc0z", "__z"},
                                    {" a ", "_a_"},
                                    {".hidden", "_hidden"},
                                    {"run.2026", "run.2026"},
                                    {"{segment}", "{segment}"}}) {
    EXPECT_EQ(rendered("{sample}/{segment}", {{"segment", 1}, {"sample", value}}),
              std::string(safe) + "/1");
  }
}

TEST(NameTemplate, TimesAreMadeSafeToo) {
  EXPECT_EQ(rendered("{utc:%F %H:%M:%S}", fields()), "2026-11-20 16_00_05");
}

TEST(NameTemplate, AMissingFieldIsUnknown) {
  EXPECT_EQ(rendered("{operator}_{frame:04}_{utc}", {}), "unknown_unknown_unknown");
}

TEST(NameTemplate, AValueOfAnotherKindIsShownAllTheSame) {
  EXPECT_EQ(
      rendered("{segment:04}_{host:>3}_{utc}", {{"segment", "a/b"}, {"host", 5}, {"utc", "x"}}),
      "a_b__005_x");
}

TEST(NameTemplate, NothingParsedIsStillAName) {
  EXPECT_EQ(NameTemplate().render({}).string(), "unknown");
}

TEST(NameTemplate, LongTextsGiveWayToNumbersAndTimes) {
  std::string sample;
  for (int i = 0; i < 200; ++i) sample += "\u20ac";
  const std::string name = rendered(
      "{instrument}_{sample}_{utc}_{segment:04}",
      {{"instrument", "m"}, {"sample", sample}, {"utc", NameTime{kTime}}, {"segment", 12}});
  EXPECT_LE(name.size(), 200U);
  EXPECT_GT(name.size(), 195U);
  EXPECT_TRUE(name.starts_with("m_\u20ac"));
  EXPECT_TRUE(name.ends_with("\u20ac_20261120_160005_0012"));
}

TEST(NameTemplate, NoValueEscapesItsComponent) {
  constexpr std::string_view kAlphabet = "./\\ ~a\0\n:\xc2\xb5\xff";
  const auto name = NameTemplate::parse("{sample}{host}/{operator}/{sample}_{segment}");
  ASSERT_TRUE(name);
  std::mt19937 random(3);
  for (int i = 0; i < 5000; ++i) {
    const auto text = [&] {
      std::string value;
      for (auto left = random() % 8; left > 0; --left)
        value += kAlphabet[random() % kAlphabet.size()];
      if (random() % 8 == 0) value.append(300, value.empty() ? 'x' : value[0]);
      return value;
    };
    const std::filesystem::path path =
        name->render({{"sample", text()}, {"host", text()}, {"operator", text()}, {"segment", 5}});
    EXPECT_TRUE(path.is_relative());
    EXPECT_EQ(path, path.lexically_normal());
    ASSERT_EQ(std::distance(path.begin(), path.end()), 3) << path;
    for (const std::filesystem::path& part : path) {
      EXPECT_LE(part.string().size(), 200U);
      EXPECT_NE(part.string().front(), '.');
      EXPECT_NE(part.string().back(), '.');
    }
    EXPECT_TRUE(path.string().ends_with("_5"));
  }
}

TEST(NameTemplate, NamesTheColumnOfAnUnknownFieldAndTheNearest) {
  const std::string error = error_of("{instrument}_{segmnt}");
  EXPECT_TRUE(error.starts_with(
      "column 15: unknown field \"segmnt\" (did you mean \"segment\"? fields: instrument product "))
      << error;
  EXPECT_TRUE(error.ends_with(" inner outer)")) << error;
}

TEST(NameTemplate, CountsColumnsInCharacters) {
  EXPECT_TRUE(error_of("\u00b5\u00b5{nonsense}{segment}").starts_with("column 4: "));
}

TEST(NameTemplate, RefusesWhatIsNoTemplateAndSaysWhere) {
  for (const auto& [text, column] : {std::pair{"", 1},
                                     {"{segment", 1},
                                     {"{segment}}", 10},
                                     {"{segment}{", 10},
                                     {"a}{segment}", 2},
                                     {"{segment{utc}}", 1},
                                     {"{}{segment}", 2},
                                     {"{ segment}", 2},
                                     {"{segment:}", 10},
                                     {"{segment:4}", 10},
                                     {"{segment:0}", 10},
                                     {"{segment:00}", 10},
                                     {"{segment:021}", 10},
                                     {"{segment:x}", 10},
                                     {"{segment:%Y}", 10},
                                     {"{segment:04x}", 10},
                                     {"{host:04}{segment}", 7},
                                     {"{host:>}{segment}", 7},
                                     {"{host:/>4}{segment}", 7},
                                     {"{host:65}{segment}", 7},
                                     {"{host:d}{segment}", 7},
                                     {"{utc:%Y%D}{segment}", 8},
                                     {"{utc:%Y/%m}{segment}", 8},
                                     {"{utc:%}{segment}", 6},
                                     {"{utc:04}{utc:%c}{segment}", 14},
                                     {"{segment!r}", 2}}) {
    EXPECT_TRUE(error_of(text).starts_with("column " + std::to_string(column) + ": "))
        << text << ": " << error_of(text);
  }
}

TEST(NameTemplate, RefusesLiteralsThatAreNotSafe) {
  for (const auto& [text, column] : {std::pair{"/{segment}", 1},
                                     {"{segment}/", 11},
                                     {"a//{segment}", 3},
                                     {"../{segment}", 1},
                                     {"a/../{segment}", 3},
                                     {"./{segment}", 1},
                                     {".a{segment}", 1},
                                     {" a{segment}", 1},
                                     {"a./{segment}", 2},
                                     {"{segment}.", 10},
                                     {"a:{segment}", 2},
                                     {"a\\{segment}", 2},
                                     {"a\n{segment}", 2},
                                     {"a*{segment}", 2},
                                     {"a/a/a/a/a/a/a/a/{segment}", 17}}) {
    EXPECT_TRUE(error_of(text).starts_with("column " + std::to_string(column) + ": "))
        << text << ": " << error_of(text);
  }
  EXPECT_TRUE(error_of("\xff{segment}").starts_with("column 1: "));
}

TEST(NameTemplate, RefusesAComponentThatCanBeTooLong) {
  EXPECT_TRUE(NameTemplate::parse(fmt::format("{:a<180}{{segment}}", "")));
  EXPECT_TRUE(error_of(fmt::format("b/{:a<181}{{segment}}", "")).starts_with("column 3: "));
  const std::string long_time = fmt::format("{{utc:{:a<190}%F}}", "");
  EXPECT_TRUE(NameTemplate::parse(long_time + "/{segment}"));
  EXPECT_TRUE(error_of(long_time + "{host}/{segment}").starts_with("column 1: "));
}

TEST(NameTemplate, RefusesATemplateThatCannotBeUnique) {
  for (const char* text :
       {"a", "{start}", "{run}_{start:%s}", "{utc:%Y%m%d}", "{utc:%H%M%S}", "{utc:%F}{local:%T}",
        "{utc:%%Y%%m%%d%%H%%M%%S}", "{{segment}}", "{utc:%Y%m%d%I%M%S}", "{slice_index}"}) {
    EXPECT_NE(error_of(text).find("unique"), std::string::npos) << text;
  }
}

TEST(NameTemplate, AcceptsEachWayOfBeingUnique) {
  for (const char* text : {"{segment}", "{frame:06}", "{utc}", "{local}", "{utc:%s}",
                           "{utc:%Y%m%d}/{utc:%H%M%S}", "{utc:%F}/{utc:%I%p}/{utc:%M}/{utc:%S}"}) {
    EXPECT_TRUE(NameTemplate::parse(text)) << text;
  }
}

TEST(NameTemplate, ExportsHaveFieldsOfTheirOwn) {
  const auto name = NameTemplate::parse("{nickname}_{t_start}-{t_stop}", NamePurpose::kExport);
  ASSERT_TRUE(name) << name.error().context;
  EXPECT_TRUE(name->has_field("t_stop"));
  EXPECT_FALSE(name->has_field("slice_index"));
  EXPECT_EQ(name->render({{"nickname", "a/b"}, {"t_start", 3}, {"t_stop", 9}}), "a_b_3-9");
  EXPECT_NE(error_of("{nickname}_{segment}").find("unknown field"), std::string::npos);
  const auto segment = NameTemplate::parse("{segment}", NamePurpose::kExport);
  ASSERT_FALSE(segment);
  EXPECT_NE(segment.error().context.find("nickname"), std::string::npos);
}

}  // namespace
}  // namespace framelog
