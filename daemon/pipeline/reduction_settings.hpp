#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/settings.hpp"
#include "drivers/frame_source.hpp"
#include "pipeline/product_reduction.hpp"
#include "reduce/correction.hpp"
#include "store/segment_store.hpp"

namespace framelog {

/// What the products' settings say of their arithmetic, for one source. Images that several
/// products name are read once. Threads: control.
class ReductionSettings {
 public:
  ReductionSettings(const Settings& settings, const SourceInfo& source,
                    std::vector<Complaint>& complaints);

  /// None where something is wrong, which is then in the complaints. Roll and byte order are not
  /// filled in.
  [[nodiscard]] std::optional<ProductReduction> of_product(const std::string& name);
  [[nodiscard]] const std::optional<Scan>& scan() const noexcept { return scan_; }
  /// How the files describe it.
  [[nodiscard]] std::vector<ProcessStep> steps_of(const std::string& name,
                                                  const ProductReduction& reduction) const;
  [[nodiscard]] std::vector<DetectorDescription> detectors_of(
      const std::string& name, const ProductReduction& reduction) const;
  /// Files that the product's arithmetic needs.
  [[nodiscard]] std::vector<std::filesystem::path> inputs_of(const std::string& name) const;

 private:
  using Image = std::shared_ptr<const CorrectionImage>;  // Shared by the products that name it.

  void read_scan();
  [[nodiscard]] Image image_of(const std::string& section, const char* key);
  [[nodiscard]] std::optional<std::shared_ptr<const Correction>> correction_of(
      const std::string& section);
  [[nodiscard]] std::optional<ReductionPlan> plan_of(const std::string& section);
  [[nodiscard]] std::optional<DetectorSet> detectors_of_product(const std::string& section,
                                                                const ReductionPlan& plan);
  [[nodiscard]] std::optional<DetectorSpec> detector_of(const std::string& name);
  void check_detector_keys(const std::string& section, const std::string& shape);
  [[nodiscard]] std::pair<double, double> center_of(const std::string& section);
  [[nodiscard]] std::optional<Rectangle> rectangle_of(const std::string& section);
  [[nodiscard]] std::optional<Mask> mask_of(const std::string& section);
  [[nodiscard]] std::optional<double> radius_of(const std::string& section, const char* key);
  [[nodiscard]] double in_pixels(const Length& length, bool is_y, const std::string& section,
                                 const char* key);
  [[nodiscard]] bool check_scan(const std::string& section);
  void complain(std::string section, std::string key, std::string message);

  const Settings& settings_;
  const SourceInfo& source_;
  std::vector<Complaint>& complaints_;
  std::optional<Scan> scan_;
  std::map<std::string, Image> images_;
  std::map<std::string, std::shared_ptr<const Correction>> corrections_;
};

}  // namespace framelog
