#include "export/write_bundle.hpp"
#include "export/write_hdf5.hpp"
#include "export/write_tables.hpp"

namespace framelog {
namespace {

/// playNano's HDF5 bundle: its datasets and the two attributes of the root, and nothing else in the
/// groups of layers.
class PlaynanoWriter final : public DatasetWriter {
 public:
  PlaynanoWriter(const WritePlan& plan, std::unique_ptr<Hdf5ArrayFile> file)
      : plan_(plan), file_(std::move(file)), metadata_(plan) {}

  Result<void> begin() {
    const ResultFacts& result = *plan_.result;
    write_root(*file_, plan_);
    file_->attribute("/", "pixel_size_nm", pixel_size_nm(result));
    file_->attribute("/", "channel", bundle_channel(*plan_.recording));
    file_->attribute("/", "units", plan_.recording->value_unit);
    data_ = file_->array(pixels_of(plan_, "/data"));
    file_->group("/processed");
    file_->group("/masks");
    for (const LayerFacts& layer : result.layers) {
      Hdf5ArraySpec spec = pixels_of(plan_, "/" + layer_name(layer, "/"));
      spec.type = layer.shape.type;
      spec.shape = {result.slices, layer.shape.height_px, layer.shape.width_px};
      if (spec.chunk_rows > 0) spec.chunk_rows = slices_per_chunk(size_bytes(layer.shape));
      layers_.push_back(file_->array(spec));
    }
    timestamps_ = file_->column("/timestamps", PixelType::kFloat64, result.slices);
    file_->attribute("/timestamps", "units", std::string("s"));
    return file_->good();
  }

  Result<void> write(const ResultSlice& slice) override {
    auto done = file_->append(data_, slice.pixels);
    for (std::size_t i = 0; done && i < layers_.size() && i < slice.layers.size(); ++i) {
      done = file_->append(layers_[i], slice.layers[i]);
    }
    text_ += metadata_.next(slice);
    if (done) done = file_->append_value(timestamps_, metadata_.timestamp());
    return done;
  }

  Result<void> finish(const ResultEnd& /*end*/) override {
    text_ += metadata_.end();
    file_->dataset("/frame_metadata_json", text_);
    file_->dataset("/provenance_json", plan_.provenance_json);
    return file_->finish();
  }

 private:
  WritePlan plan_;
  std::unique_ptr<Hdf5ArrayFile> file_;
  FrameMetadata metadata_;
  std::string text_;  ///< Of all frames: HDF5 takes it at once.
  std::size_t data_{}, timestamps_{};
  std::vector<std::size_t> layers_;
};

}  // namespace

Result<std::unique_ptr<DatasetWriter>> create_playnano(FileSystem& files, const WritePlan& plan) {
  auto file = Hdf5ArrayFile::create(files, plan.part);
  if (!file) return std::unexpected(file.error());
  auto writer = std::make_unique<PlaynanoWriter>(plan, std::move(*file));
  if (auto begun = writer->begin(); !begun) return std::unexpected(begun.error());
  return writer;
}

}  // namespace framelog
