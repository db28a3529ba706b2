#include "config/configuration.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <random>

#include "config/report.hpp"

namespace framelog {
namespace {

namespace fs = std::filesystem;

constexpr std::array kCommon{
    OptionSpec{.section = "source", .key = "driver", .type = OptionType::kChoice},
    OptionSpec{.section = "source",
               .key = "stall",
               .type = OptionType::kDuration,
               .default_text = "auto",
               .words = "auto off"},
    OptionSpec{.section = "product.*", .key = "roi", .type = OptionType::kRegion},
    OptionSpec{.section = "product.*",
               .key = "format",
               .type = OptionType::kChoice,
               .default_text = "hdf5",
               .allowed = "hdf5 raw"},
    OptionSpec{.section = "product.*", .key = "max_size", .type = OptionType::kSize},
    OptionSpec{.section = "roll",
               .key = "max_size",
               .type = OptionType::kSize,
               .default_text = "1 GiB",
               .least = 1024.0 * 1024.0},
    OptionSpec{.section = "files", .key = "template", .type = OptionType::kText},
};
constexpr std::array kDrivers{
    OptionSpec{.section = "source",
               .key = "width",
               .type = OptionType::kInteger,
               .default_text = "640",
               .least = 1,
               .driver = "simulator"},
    OptionSpec{.section = "source",
               .key = "rate",
               .type = OptionType::kRate,
               .default_text = "25 Hz",
               .words = "max",
               .driver = "simulator"},
    OptionSpec{.section = "source", .key = "path", .type = OptionType::kPath, .driver = "replay"},
    OptionSpec{.section = "source",
               .key = "control.*",
               .type = OptionType::kInteger,
               .driver = "simulator"},
    OptionSpec{.section = "source",
               .key = "rate",
               .type = OptionType::kRate,
               .default_text = "recorded",
               .words = "recorded",
               .driver = "replay"},
};

class ConfigurationTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "framelog-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    file_ = folder_ / "scope.conf";
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write(std::string_view text) { write_to(file_, text); }
  static void write_to(const fs::path& path, std::string_view text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  Configuration load(const std::vector<std::string>& overrides = {}) const {
    const std::array<std::span<const OptionSpec>, 2> tables{kCommon, kDrivers};
    return load_configuration(file_, overrides, tables);
  }
  Configuration load_text(std::string_view text, const std::vector<std::string>& overrides = {}) {
    write(text);
    return load(overrides);
  }
  /// The errors without the folder's name, one per line.
  std::string errors_of(std::string_view text, const std::vector<std::string>& overrides = {}) {
    return joined(load_text(text, overrides));
  }
  [[nodiscard]] std::string joined(const Configuration& configuration) const {
    std::string all;
    for (std::string line : configuration.errors) {
      EXPECT_EQ(line.find_first_of("\n\r"), std::string::npos) << line;
      const std::string prefix = folder_.string() + "/";
      if (line.starts_with(prefix)) line.erase(0, prefix.size());
      all += (all.empty() ? "" : "\n") + line;
    }
    return all;
  }

  fs::path folder_;
  fs::path file_;
};

TEST_F(ConfigurationTest, TheSmallestFileHasEveryDefault) {
  const Configuration configuration = load_text("[source]\ndriver = simulator\n");
  EXPECT_EQ(joined(configuration), "");
  EXPECT_EQ(configuration.instrument, "scope");
  const Settings& settings = configuration.settings;
  EXPECT_EQ(*settings.get<std::string>("source", "driver"), "simulator");
  EXPECT_EQ(*settings.get<std::int64_t>("source", "width"), 640);
  EXPECT_EQ(*settings.get<double>("source", "rate"), 25.0);
  EXPECT_TRUE(settings.is_word("source", "stall", "auto"));
  EXPECT_EQ(settings.find("source", "width")->origin.file, "default");
  EXPECT_EQ(settings.find("source", "driver")->origin.line, 2);
  EXPECT_EQ(settings.find("source", "path"), nullptr);
}

TEST_F(ConfigurationTest, WithoutAProductThereIsOneNamedFrames) {
  const Configuration configuration = load_text("[source]\ndriver = simulator\n");
  EXPECT_EQ(configuration.settings.names_of("product"), std::vector<std::string>{"frames"});
  EXPECT_EQ(*configuration.settings.get<std::string>("product.frames", "format"), "hdf5");
}

TEST_F(ConfigurationTest, EveryProductHasItsDefaultsAndInheritsTheRest) {
  const Configuration configuration = load_text(
      "[source]\ndriver = simulator\n[product.b]\n[product.a]\nformat = raw\nmax_size = 2 MiB\n");
  EXPECT_EQ(joined(configuration), "");
  const Settings& settings = configuration.settings;
  EXPECT_EQ(settings.names_of("product"), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(*settings.get<std::string>("product.a", "format"), "raw");
  EXPECT_EQ(*settings.get<std::string>("product.b", "format"), "hdf5");
  EXPECT_EQ(settings.find("product.b", "max_size"), nullptr);
  EXPECT_EQ(*settings.get<std::int64_t>("product.b", "roll", "max_size"), 1LL << 30);
  EXPECT_EQ(*settings.get<std::int64_t>("product.a", "roll", "max_size"), 2LL << 20);
}

TEST_F(ConfigurationTest, DropInsInOrderOfNameThenSetTakePrecedence) {
  write_to(folder_ / "scope.conf.d" / "20.conf",
           "[source]\nwidth = 20\nrate = 20 Hz\nstall = 2 s\n");
  write_to(folder_ / "scope.conf.d" / "10.conf",
           "[source]\nwidth = 10\n[roll]\nmax_size = 10 MiB\n");
  write_to(folder_ / "scope.conf.d" / "30.conf~", "nonsense");
  write_to(folder_ / "scope.conf.d" / ".40.conf", "nonsense");
  const Configuration configuration = load_text(
      "[source]\ndriver = simulator\nwidth = 1\n[roll]\nmax_size = 1 MiB\n", {"source.rate=30 Hz"});
  EXPECT_EQ(joined(configuration), "");
  const Settings& settings = configuration.settings;
  EXPECT_EQ(*settings.get<std::int64_t>("source", "width"), 20);
  EXPECT_EQ(*settings.get<double>("source", "rate"), 30.0);
  EXPECT_EQ(*settings.get<std::int64_t>("roll", "max_size"), 10LL << 20);
  EXPECT_EQ(settings.find("roll", "max_size")->origin.file,
            (folder_ / "scope.conf.d" / "10.conf").string());
  EXPECT_EQ(settings.find("source", "rate")->origin.file, "--set");
  EXPECT_EQ(settings.place({"source", "rate", "odd"}), "--set: source.rate: odd");
}

TEST_F(ConfigurationTest, EveryErrorOfAllFilesIsReportedAtOnceInOrder) {
  write_to(folder_ / "scope.conf.d" / "a.conf", "[source]\nrate = 5\n");
  EXPECT_EQ(errors_of("driver = x\n[source]\ndriver = simulator\nwidht = 5\nwidth = 0\nnonsense\n"
                      "[rol]\nmax_size = 5\n[roll]\nmax_size = 5 kB\n",
                      {"source.stall=", "bad"}),
            "scope.conf:1: the key \"driver\" stands before any section (a section such as "
            "[source] has to come first)\n"
            "scope.conf:4: source.widht: unknown key (did you mean \"width\"? keys: driver stall "
            "width rate control.NAME)\n"
            "scope.conf:5: source.width: \"0\" is out of range (a whole number, at least 1)\n"
            "scope.conf:6: \"nonsense\" is neither [section] nor key = value nor a comment\n"
            "scope.conf:7: [rol]: unknown section (did you mean [roll]? sections: [source] "
            "[product.NAME] [roll] [files])\n"
            "scope.conf:10: roll.max_size: \"5 kB\" is out of range (a size such as 512 MiB or "
            "2 GB, at least 1 MiB)\n"
            "scope.conf.d/a.conf:2: source.rate: \"5\" has no unit (a rate such as 25 Hz or 2 kHz, "
            "or max)\n"
            "--set: \"bad\" is not section.key=value\n"
            "--set: source.stall: the value is empty (a duration such as 250 ms or 1 h 30 min, or "
            "auto or off)");
}

TEST_F(ConfigurationTest, WhatIsRightIsThereEvenWhereSomethingIsWrong) {
  const Configuration configuration =
      load_text("[source]\ndriver = simulator\nwidth = x\nrate = 5 Hz\n");
  EXPECT_EQ(configuration.errors.size(), 1U);
  EXPECT_EQ(*configuration.settings.get<double>("source", "rate"), 5.0);
}

TEST_F(ConfigurationTest, AnErrorThatALaterValueHidesIsStillReported) {
  EXPECT_EQ(
      load_text("[source]\ndriver = simulator\nwidth = x\n", {"source.width=5"}).errors.size(), 1U);
}

TEST_F(ConfigurationTest, AKeyGivenTwiceInOneFileNamesBothLines) {
  EXPECT_EQ(errors_of("[source]\ndriver = simulator\nwidth = 5\nwidth = 6\n"),
            "scope.conf:4: source.width: given twice (first in line 3)");
}

TEST_F(ConfigurationTest, AKeyOfAnotherDriverSaysWhose) {
  EXPECT_EQ(errors_of("[source]\ndriver = replay\npath = x\nwidth = 5\n"),
            "scope.conf:4: source.width: belongs to driver simulator, but driver is replay");
}

TEST_F(ConfigurationTest, ASharedKeyIsReadAsItsOwnDriverReadsIt) {
  EXPECT_EQ(errors_of("[source]\ndriver = replay\nrate = recorded\n"), "");
  EXPECT_EQ(errors_of("[source]\ndriver = simulator\nrate = recorded\n"),
            "scope.conf:3: source.rate: \"recorded\" does not begin with a number (a rate such as "
            "25 Hz or 2 kHz, or max)");
}

TEST_F(ConfigurationTest, ADriverWrittenLaterChoosesTheKeys) {
  EXPECT_EQ(errors_of("[source]\nrate = recorded\ndriver = simulator\n", {"source.driver=replay"}),
            "");
}

TEST_F(ConfigurationTest, AnUnknownDriverIsTheOnlyErrorAboutItsKeys) {
  EXPECT_EQ(errors_of("[source]\ndriver = simulater\nwidth = 5\nrate = 5\n"),
            "scope.conf:2: source.driver: \"simulater\" is not one of the values (did you mean "
            "\"simulator\"? one of: replay simulator)");
}

TEST_F(ConfigurationTest, AKeyOfAnotherSectionSaysWhich) {
  EXPECT_EQ(
      errors_of("[source]\ndriver = simulator\n[files]\nmax_size = 5 MiB\n[roll]\nroi = y=1:2\n"),
      "scope.conf:4: files.max_size: does not belong here (it does in [product.NAME] or "
      "[roll])\n"
      "scope.conf:6: roll.roi: does not belong here (it does in [product.NAME])");
}

TEST_F(ConfigurationTest, SectionNamesAreChecked) {
  EXPECT_EQ(
      errors_of("[source]\ndriver = simulator\n[product]\nroi = y=1:2\n[product.A b]\n"
                "[product.]\n[roll.a]\n[prodct.a]\n[product.ok_1-x]\n"),
      "scope.conf:3: [product]: needs a name ([product.NAME])\n"
      "scope.conf:5: [product.A b]: the name \"A b\" is not allowed (1 to 64 of a-z 0-9 _ -)\n"
      "scope.conf:6: [product.]: the name \"\" is not allowed (1 to 64 of a-z 0-9 _ -)\n"
      "scope.conf:7: [roll.a]: takes no name ([roll])\n"
      "scope.conf:8: [prodct.a]: unknown section (did you mean [product.a]? sections: "
      "[source] [product.NAME] [roll] [files])");
}

TEST_F(ConfigurationTest, AnUnknownSectionOfSetIsReportedWithItsKey) {
  EXPECT_EQ(errors_of("[source]\ndriver = simulator\n", {"rol.max_size=1 GiB"}),
            "--set: rol.max_size: unknown section (did you mean [roll]? sections: [source] "
            "[product.NAME] [roll] [files])");
}

TEST_F(ConfigurationTest, ACommentBehindAValueIsHintedAt) {
  EXPECT_EQ(errors_of("[source]\ndriver = simulator\nrate = 25 Hz # fast\n"),
            "scope.conf:3: source.rate: \"25 Hz # fast\" goes on behind its unit (a rate such as "
            "25 Hz or 2 kHz, or max); comments stand on lines of their own");
}

TEST_F(ConfigurationTest, AnEmptyFileLacksTheDriver) {
  constexpr std::string_view kMissing =
      "scope.conf: source.driver: is required (one of: replay simulator)";
  EXPECT_EQ(errors_of(""), kMissing);
  EXPECT_EQ(errors_of("# nothing\n[source]\nstall = off\n"), kMissing);
  EXPECT_EQ(errors_of("", {"source.driver=simulator"}), "");
}

TEST_F(ConfigurationTest, AFileThatCannotBeReadSaysWhy) {
  EXPECT_EQ(joined(load()), "scope.conf: cannot be read: No such file or directory");
  fs::create_directory(file_);
  EXPECT_EQ(joined(load()), "scope.conf: is a directory (one file is needed)");
  fs::remove(file_);
  fs::create_symlink("/dev/null", file_);
  EXPECT_EQ(joined(load()), "scope.conf: is not a regular file");
  fs::remove(file_);
  EXPECT_EQ(errors_of(std::string((1U << 20U) + 1, '#')), "scope.conf: is larger than 1 MiB");
}

TEST_F(ConfigurationTest, AFileThatMayNotBeReadSaysSo) {
  if (::geteuid() == 0) GTEST_SKIP() << "root may read everything";
  write("[source]\n");
  fs::permissions(file_, fs::perms::none);
  EXPECT_EQ(joined(load()), "scope.conf: cannot be read: Permission denied");
}

TEST_F(ConfigurationTest, ADropInFolderThatIsNoneIsAnError) {
  write_to(folder_ / "scope.conf.d", "");
  EXPECT_EQ(errors_of("[source]\ndriver = simulator\n"),
            "scope.conf.d: cannot be listed: Not a directory");
}

TEST_F(ConfigurationTest, ADanglingDropInIsAnError) {
  fs::create_directory(folder_ / "scope.conf.d");
  fs::create_symlink("nowhere", folder_ / "scope.conf.d" / "a.conf");
  EXPECT_EQ(errors_of("[source]\ndriver = simulator\n"),
            "scope.conf.d/a.conf: cannot be read: No such file or directory");
}

TEST_F(ConfigurationTest, TheFilesNameHasToBeAnInstrumentsName) {
  for (const std::string name :
       {"Scope.conf", "a b.conf", "a.b.conf", ".conf", "\u00b5.conf", "a_b.conf", "a\nb.conf"}) {
    file_ = folder_ / name;
    const Configuration configuration = load_text("[source]\ndriver = simulator\n");
    ASSERT_EQ(configuration.errors.size(), 1U) << name;
    EXPECT_NE(configuration.errors[0].find("(1 to 64 of a-z 0-9 -)"), std::string::npos);
    EXPECT_EQ(configuration.errors[0].find('\n'), std::string::npos);
    EXPECT_EQ(configuration.instrument, "");
  }
}

TEST_F(ConfigurationTest, ADefaultThatItsOwnTableRefusesIsReported) {
  constexpr std::array kBroken{OptionSpec{
      .section = "roll", .key = "max_size", .type = OptionType::kSize, .default_text = "1"}};
  write("");
  const std::array<std::span<const OptionSpec>, 1> tables{kBroken};
  EXPECT_EQ(joined(load_configuration(file_, {}, tables)),
            "default: roll.max_size: \"1\" has no unit (a size such as 512 MiB or 2 GB)");
}

TEST_F(ConfigurationTest, NoBytesMakeAnErrorOfMoreThanOneLine) {
  constexpr std::string_view kAlphabet = "[]=#; \t\r\n\nabsource.driver\xff\x01\0";
  std::mt19937 random(11);
  for (int i = 0; i < 300; ++i) {
    std::string text = "[source]\n";
    for (auto left = random() % 120; left > 0; --left)
      text += kAlphabet[random() % kAlphabet.size()];
    EXPECT_NE(joined(load_text(text, {text})), "");
  }
}

TEST_F(ConfigurationTest, TheEffectiveTextReadsBackAsItself) {
  const Configuration first = load_text(
      "[source]\ndriver = replay\npath = a # b = c\n[product.z]\n[product.a]\nroi = y=1:2, x=:\n"
      "[files]\ntemplate = {segment}\n");
  ASSERT_EQ(joined(first), "");
  const std::string text = effective_text(first.settings);
  EXPECT_EQ(text,
            "[files]\ntemplate = {segment}\n[product.a]\nformat = hdf5\nroi = y=1:2, x=:\n"
            "[product.z]\nformat = hdf5\n[roll]\nmax_size = 1 GiB\n"
            "[source]\ndriver = replay\npath = a # b = c\nrate = recorded\nstall = auto\n");
  EXPECT_EQ(effective_text(load_text(text).settings), text);
}

TEST_F(ConfigurationTest, TheWrittenTextReadsBackAsTheSameConfiguration) {
  const Configuration first = load_text(
      "[source]\ndriver = replay\npath = a # b = c\n[product.z]\n[product.a]\nroi = y=1:2, x=:\n");
  ASSERT_EQ(joined(first), "");
  const std::string text = written_text(first.settings);
  const Configuration again = load_text(text);
  EXPECT_EQ(written_text(again.settings), text);
  EXPECT_EQ(effective_text(again.settings), effective_text(first.settings));
  EXPECT_EQ(again.settings.names_of("product"), first.settings.names_of("product"));
  EXPECT_EQ(text.find("format"), std::string::npos) << "a default";
}

TEST_F(ConfigurationTest, TheEffectiveTextDoesNotDependOnTheOrderOrPlaceOfWriting) {
  const std::string first = effective_text(
      load_text("[roll]\nmax_size = 1 GiB\n[source]\nwidth = 5\ndriver = simulator\n").settings);
  const std::string second =
      effective_text(load_text("[source]\ndriver = simulator\n", {"source.width=5"}).settings);
  EXPECT_EQ(first, second);
}

TEST_F(ConfigurationTest, ShowSaysWhereEachValueCameFrom) {
  const std::string text =
      show(load_text("[source]\ndriver = simulator\n", {"source.width=5"}).settings);
  EXPECT_NE(text.find("[product.frames]\nformat = hdf5"), std::string::npos) << text;
  EXPECT_NE(text.find("(" + file_.string() + ":2)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("width = 5"), std::string::npos);
  EXPECT_NE(text.find("(--set)\n"), std::string::npos) << text;
  EXPECT_NE(text.find("rate = 25 Hz"), std::string::npos);
  EXPECT_NE(text.find("(default)\n"), std::string::npos) << text;
}

TEST(Reference, HasARowForEveryOption) {
  const std::array<std::span<const OptionSpec>, 2> tables{kCommon, kDrivers};
  const std::string text = reference(tables);
  EXPECT_NE(text.find("## [product.NAME]\n"), std::string::npos) << text;
  EXPECT_NE(text.find("| `driver` | one of: replay simulator | required |"), std::string::npos)
      << text;
  EXPECT_NE(text.find("| `width` (simulator) | a whole number, at least 1 | `640` |"),
            std::string::npos);
  EXPECT_NE(text.find("| `max_size` | a size such as 512 MiB or 2 GB | as in [roll] |"),
            std::string::npos);
  EXPECT_NE(text.find("| `rate` (replay) |"), std::string::npos);
}

TEST(Reference, KeepsCellsWhole) {
  constexpr std::array kBars{OptionSpec{
      .section = "a", .key = "b", .type = OptionType::kText, .default_text = "x|y", .help = "p|q"}};
  const std::array<std::span<const OptionSpec>, 1> tables{kBars};
  EXPECT_NE(reference(tables).find("| `b` | a text | `x\\|y` | p\\|q |\n"), std::string::npos);
}

TEST_F(ConfigurationTest, AFamilyOfKeysTakesAnyName) {
  const Configuration configuration =
      load_text("[source]\ndriver = simulator\ncontrol.Gain = 3\ncontrol.focus_auto = 0\n",
                {"source.control.Gain=4", "source.control.zoom=1"});
  EXPECT_EQ(configuration.errors, std::vector<std::string>{});
  std::string text;
  for (const auto& [name, setting] : configuration.settings.family("source", "control")) {
    text += name + "=" + setting->text + " ";
  }
  EXPECT_EQ(text, "Gain=4 focus_auto=0 zoom=1 ");
  EXPECT_TRUE(configuration.settings.family("source", "width").empty());
}

TEST_F(ConfigurationTest, AFamilyOfKeysChecksItsValuesAndNeedsAName) {
  const Configuration configuration = load_text(
      "[source]\ndriver = simulator\ncontrol.gain = much\ncontrol. = 1\ncontrol = 1\n"
      "control.* = 1\n");
  ASSERT_EQ(configuration.errors.size(), 4U);
  EXPECT_TRUE(configuration.errors[0].contains(":3: source.control.gain: "));
  EXPECT_TRUE(configuration.errors[1].contains(":4: source.control.: unknown key"));
  EXPECT_TRUE(configuration.errors[2].contains(":5: source.control: unknown key"));
  EXPECT_TRUE(configuration.errors[3].contains(":6: source.control.*: unknown key"));
}

TEST_F(ConfigurationTest, AFamilyBelongsToItsDriver) {
  const Configuration configuration =
      load_text("[source]\ndriver = replay\npath = x\ncontrol.gain = 1\n");
  ASSERT_EQ(configuration.errors.size(), 1U);
  EXPECT_TRUE(
      configuration.errors[0].contains("belongs to driver simulator, but driver is replay"));
}

}  // namespace
}  // namespace framelog
