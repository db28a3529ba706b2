#include "export/movie_palette.hpp"

#include <algorithm>
#include <cmath>
#include <span>

namespace framelog {
namespace {

constexpr std::size_t kMost = 256;

struct Colour {
  std::uint32_t rgb{};
  std::uint32_t count{};
  std::uint8_t index{};
};

unsigned channel_of(std::uint32_t rgb, unsigned channel) {
  return rgb >> (16U - 8U * channel) & 0xFFU;
}

/// Neighbouring entries of the table of colours.
struct Box {
  std::size_t first{}, last{};
  unsigned widest{};  ///< Channel.
  double spread{};    ///< Sum of squared distances from the mean, in that channel.
  std::array<double, 3> mean{};
};

Box measure(std::span<const Colour> colours, std::size_t first, std::size_t last) {
  Box box{first, last, 0, -1, {}};
  for (unsigned channel = 0; channel < 3; ++channel) {
    double count = 0;
    double sum = 0;
    double squares = 0;
    for (const Colour& colour : colours.subspan(first, last - first)) {
      const double value = channel_of(colour.rgb, channel);
      count += colour.count;
      sum += colour.count * value;
      squares += colour.count * value * value;
    }
    box.mean[channel] = sum / count;
    const double spread = squares - sum * sum / count;
    if (spread <= box.spread) continue;
    box.spread = spread;
    box.widest = channel;
  }
  if (last - first < 2) box.spread = -1;  // Nothing to divide.
  return box;
}

/// Divides the box at its mean; both halves hold a colour at least.
std::array<Box, 2> divide(std::span<Colour> colours, const Box& box) {
  const auto part = colours.subspan(box.first, box.last - box.first);
  const unsigned channel = box.widest;
  const auto middle = std::ranges::partition(part, [&](const Colour& colour) {
    return channel_of(colour.rgb, channel) <= box.mean[channel];
  });
  const std::size_t cut = box.last - middle.size();
  return {measure(colours, box.first, cut), measure(colours, cut, box.last)};
}

std::vector<std::uint32_t> pack(const RgbImage& image) {
  std::vector<std::uint32_t> pixels(image.rgb.size() / 3);
  const std::uint8_t* from = image.rgb.data();
  for (std::uint32_t& pixel : pixels) {
    pixel = static_cast<std::uint32_t>(from[0]) << 16U | static_cast<std::uint32_t>(from[1]) << 8U |
            from[2];
    from += 3;
  }
  return pixels;
}

std::vector<Colour> count_colours(std::vector<std::uint32_t> pixels) {
  std::ranges::sort(pixels);
  std::vector<Colour> colours;
  for (const std::uint32_t pixel : pixels) {
    if (colours.empty() || colours.back().rgb != pixel) colours.push_back({pixel, 0, 0});
    ++colours.back().count;
  }
  return colours;
}

std::uint32_t mean_colour(const Box& box) {
  const auto level = [&box](unsigned channel) {
    return static_cast<std::uint32_t>(std::lround(box.mean[channel]));
  };
  return level(0) << 16U | level(1) << 8U | level(2);
}

std::vector<Box> divide_all(std::span<Colour> colours) {
  std::vector<Box> boxes{measure(colours, 0, colours.size())};
  while (boxes.size() < kMost) {
    const auto largest = std::ranges::max_element(boxes, {}, &Box::spread);
    if (largest->spread <= 0) break;
    const auto [low, high] = divide(colours, *largest);
    *largest = low;
    boxes.push_back(high);
  }
  return boxes;
}

/// Gives each colour its index, and fills the palette.
void assign(std::vector<Colour>& colours, std::array<std::uint32_t, 256>& palette) {
  if (colours.size() <= kMost) {
    for (std::size_t index = 0; index < colours.size(); ++index) {
      palette[index] = colours[index].rgb;
      colours[index].index = static_cast<std::uint8_t>(index);
    }
    return;
  }
  const std::vector<Box> boxes = divide_all(colours);
  for (std::size_t index = 0; index < boxes.size(); ++index) {
    palette[index] = mean_colour(boxes[index]);
    for (std::size_t at = boxes[index].first; at < boxes[index].last; ++at) {
      colours[at].index = static_cast<std::uint8_t>(index);
    }
  }
  std::ranges::sort(colours, {}, &Colour::rgb);
}

}  // namespace

IndexedImage make_indexed(const RgbImage& image) {
  IndexedImage indexed;
  const std::vector<std::uint32_t> pixels = pack(image);
  std::vector<Colour> colours = count_colours(pixels);
  if (colours.empty()) return indexed;
  assign(colours, indexed.palette);
  indexed.indices.reserve(pixels.size());
  const Colour* known = colours.data();
  for (const std::uint32_t pixel : pixels) {
    if (known->rgb != pixel) known = &*std::ranges::lower_bound(colours, pixel, {}, &Colour::rgb);
    indexed.indices.push_back(known->index);
  }
  return indexed;
}

}  // namespace framelog
