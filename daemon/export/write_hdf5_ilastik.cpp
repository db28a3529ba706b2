#include "export/write_hdf5.hpp"
#include "export/write_tables.hpp"

namespace framelog {
namespace {

/// One dataset with the attributes that ilastik reads; or, for Quant4D, /STEM4D with a pattern in
/// each chunk and the calibration that Quant4D itself leaves out.
class ArrayWriter : public DatasetWriter {
 public:
  ArrayWriter(const WritePlan& plan, std::unique_ptr<Hdf5ArrayFile> file, std::string path)
      : plan_(plan), file_(std::move(file)), path_(std::move(path)) {}

  Result<void> begin(const Hdf5ArraySpec& spec) {
    write_root(*file_, plan_);
    for (std::size_t at = path_.find('/', 1); at != std::string::npos;
         at = path_.find('/', at + 1)) {
      file_->group(path_.substr(0, at));
    }
    pixels_ = file_->array(spec);
    return file_->good();
  }
  Result<void> write(const ResultSlice& slice) override {
    range_.add(slice.statistics);
    return file_->append(pixels_, slice.pixels);
  }
  Result<void> finish(const ResultEnd& /*end*/) override {
    describe(*file_);
    file_->dataset("/provenance", plan_.provenance_json);
    return file_->finish();
  }

 protected:
  virtual void describe(Hdf5ArrayFile& file) {
    file.attribute(path_, "axistags", axistags(*plan_.result));
    file.attribute(path_, "axis_units", axis_units(*plan_.result));
    file.attribute(path_, "drange", range_.values());
  }
  [[nodiscard]] const WritePlan& plan() const noexcept { return plan_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  WritePlan plan_;
  std::unique_ptr<Hdf5ArrayFile> file_;
  std::string path_;
  std::size_t pixels_{};
  ValueRange range_;
};

class Quant4dWriter final : public ArrayWriter {
 public:
  using ArrayWriter::ArrayWriter;

 protected:
  void describe(Hdf5ArrayFile& file) override {
    ArrayWriter::describe(file);
    std::vector<std::string> names;
    std::vector<std::string> units;
    std::vector<double> steps;
    std::vector<double> origins;
    for (const AxisFacts& axis : plan().result->axes) {
      names.emplace_back(name_of(axis.axis));
      units.push_back(axis.unit.empty() ? "px" : axis.unit);
      steps.push_back(axis.step);
      origins.push_back(axis.origin);
    }
    file.attribute(path(), "axis_names", names);
    file.attribute(path(), "calibration_units", units);
    file.attribute(path(), "calibration_step", steps);
    file.attribute(path(), "calibration_origin", origins);
    file.attribute(path(), "units", plan().recording->value_unit);
  }
};

template <class Writer>
Result<std::unique_ptr<DatasetWriter>> create(FileSystem& files, const WritePlan& plan,
                                              const Hdf5ArraySpec& spec) {
  auto file = Hdf5ArrayFile::create(files, plan.part);
  if (!file) return std::unexpected(file.error());
  auto writer = std::make_unique<Writer>(plan, std::move(*file), spec.path);
  if (auto begun = writer->begin(spec); !begun) return std::unexpected(begun.error());
  return writer;
}

}  // namespace

Result<std::unique_ptr<DatasetWriter>> create_ilastik(FileSystem& files, const WritePlan& plan) {
  return create<ArrayWriter>(files, plan, pixels_of(plan, pixels_path("ilastik", *plan.request)));
}

Result<std::unique_ptr<DatasetWriter>> create_quant4d(FileSystem& files, const WritePlan& plan) {
  Hdf5ArraySpec spec = pixels_of(plan, pixels_path("quant4d", *plan.request));
  spec.chunk_rows = 1;
  return create<Quant4dWriter>(files, plan, spec);
}

}  // namespace framelog
