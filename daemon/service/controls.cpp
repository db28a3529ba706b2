#include "service/control_methods.hpp"

namespace framelog {

Controls controls_of(Recorder& recorder) {
  using Done = Controls::Done;
  Controls controls;
  controls.status = [&recorder] { return recorder.status(); };
  controls.start = [&recorder](Done done) { recorder.start(std::move(done)); };
  controls.stop = [&recorder](Done done) { recorder.stop(std::move(done)); };
  controls.trigger = [&recorder](Done done) { recorder.trigger(std::move(done)); };
  controls.roll = [&recorder](Done done) { recorder.roll(std::move(done)); };
  controls.reload = [&recorder](Done done) { recorder.reload(std::move(done)); };
  controls.mark = [&recorder](std::string text, std::string author, Done done) {
    recorder.mark(std::move(text), std::move(author), std::move(done));
  };
  controls.set = [&recorder](std::string key, double value, std::string unit, Done done) {
    recorder.set(std::move(key), value, std::move(unit), std::move(done));
  };
  controls.mark_segment = [&recorder](std::string path, CatalogKeeper::Mark mark, Done done) {
    recorder.mark_segment(std::move(path), mark, std::move(done));
  };
  controls.grab = [&recorder](const std::string& product) { return recorder.grab(product); };
  return controls;
}

}  // namespace framelog
