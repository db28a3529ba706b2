#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "pipeline/ring_head.hpp"

// How another process can go on with a ring: what it says of itself in its memory.
namespace framelog {

using namespace ring_memory;

namespace {

constexpr std::uint64_t kRoomForRecipe = 64 << 10;

}  // namespace

std::uint64_t Ring::kept_bytes(const RingLayout& layout, std::size_t recipe_bytes) noexcept {
  const std::uint64_t room = std::max<std::uint64_t>(kRoomForRecipe, 2 * recipe_bytes);
  return layout.memory_bytes() + 2 * round_up(room, kPage);
}

bool Ring::is_blank(const UniqueFd& memory) noexcept {
  // A ring that does not say how to go on has no frame yet.
  Head head{};
  const auto got = ::pread(memory.get(), &head, sizeof head, 0);
  if (std::cmp_equal(got, sizeof head) && std::ranges::equal(head.identity.magic, kMagic)) {
    return head.recipes.version.load(std::memory_order_relaxed) == 0;
  }
  std::array<std::byte, kPage> piece{};
  for (std::uint64_t at = 0; at < kHeadBytes + kHeaderStride; at += piece.size()) {
    const auto part = ::pread(memory.get(), piece.data(), piece.size(), static_cast<off_t>(at));
    if (part <= 0) return part == 0;
    const std::span<const std::byte> there(piece.data(), static_cast<std::size_t>(part));
    if (std::ranges::any_of(there, [](std::byte byte) { return byte != std::byte{}; }))
      return false;
  }
  return true;
}

Result<std::string> Ring::recipe_of(const UniqueFd& memory) {
  const auto damaged = [](std::string_view what) {
    return fail(ErrorCode::kLayout,
                "not a ring that this version can take over:", std::string(what));
  };
  const auto read = [&memory](void* into, std::size_t bytes, std::uint64_t offset) {
    return std::cmp_equal(::pread(memory.get(), into, bytes, static_cast<off_t>(offset)), bytes);
  };
  Identity identity{};
  std::uint32_t check = 0;
  Recipes recipes;
  if (!read(&identity, sizeof identity, 0) || !std::ranges::equal(identity.magic, kMagic)) {
    return damaged("it has no head");
  }
  if (identity.version != kVersion) {
    return damaged(fmt::format("version {} (this one: {})", identity.version, kVersion));
  }
  if (!read(&check, sizeof check, offsetof(Head, identity_check)) || check != identity.check() ||
      !read(&recipes, sizeof recipes, offsetof(Head, recipes))) {
    return damaged("its head is damaged");
  }
  const std::uint64_t version = recipes.version.load(std::memory_order_relaxed);
  if (version == 0) return damaged("it does not say how");
  const Recipes::Place& place = recipes.places[version % 2];
  if (place.bytes > identity.recipe_bytes) return damaged("its head is damaged");
  std::string recipe(place.bytes, '\0');
  const std::uint64_t offset = identity.bytes + version % 2 * identity.recipe_bytes;
  if (!read(recipe.data(), recipe.size(), offset) ||
      crc32c(std::as_bytes(std::span(recipe))) != place.crc32c) {
    return damaged("what it says of itself is damaged");
  }
  return recipe;
}

bool Ring::has_room_for(std::string_view recipe) const noexcept {
  return recipe.size() <= head_->identity.recipe_bytes;
}

Result<void> Ring::put_recipe(std::string_view recipe) {
  const Identity& identity = head_->identity;
  if (!has_room_for(recipe)) {
    return fail(ErrorCode::kNoMemory, "the ring has no room for its description");
  }
  Recipes& recipes = head_->recipes;
  const std::uint64_t version = recipes.version.load(std::memory_order_relaxed) + 1;
  const auto offset = static_cast<off_t>(identity.bytes + version % 2 * identity.recipe_bytes);
  if (std::cmp_not_equal(::pwrite(fd_.get(), recipe.data(), recipe.size(), offset),
                         recipe.size())) {
    return fail_errno(errno, "cannot describe the ring");
  }
  recipes.places[version % 2] = {recipe.size(), crc32c(std::as_bytes(std::span(recipe)))};
  recipes.version.store(version, std::memory_order_release);
  return {};
}

}  // namespace framelog
