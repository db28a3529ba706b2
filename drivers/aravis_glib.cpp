#include "drivers/aravis_glib.hpp"

#include <arv.h>
#include <fmt/format.h>

#include <mutex>

namespace framelog {
namespace {

void say_nothing(const char* /*domain*/, GLogLevelFlags /*level*/, const char* /*message*/,
                 void* /*data*/) noexcept {}

ErrorCode code_of(const GError& error) noexcept {
  if (error.domain != ARV_DEVICE_ERROR) return ErrorCode::kIo;
  switch (error.code) {
    case ARV_DEVICE_ERROR_NOT_CONTROLLER:
    case ARV_DEVICE_ERROR_PROTOCOL_ERROR_ACCESS_DENIED:
      return ErrorCode::kDenied;
    case ARV_DEVICE_ERROR_NOT_FOUND:
      return ErrorCode::kNotFound;
    case ARV_DEVICE_ERROR_NOT_CONNECTED:
    case ARV_DEVICE_ERROR_TIMEOUT:
      return ErrorCode::kDisconnected;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

void ObjectUnref::operator()(void* object) const noexcept { g_object_unref(object); }

Failure::~Failure() { g_clear_error(&error_); }

GError** Failure::out() noexcept {
  g_clear_error(&error_);
  return &error_;
}

std::string_view Failure::message() const noexcept {
  return error_ == nullptr ? std::string_view() : error_->message;
}

std::unexpected<Error> Failure::error(const char* what, std::string_view where) const {
  if (error_ == nullptr) return fail(ErrorCode::kIo, what, std::string(where));
  std::string context(where);
  if (!context.empty()) context += ' ';
  return fail(code_of(*error_), what, context + fmt::format("({})", error_->message));
}

void quiet_aravis() noexcept {
  static std::once_flag once;
  std::call_once(once, [] { g_log_set_default_handler(say_nothing, nullptr); });
}

}  // namespace framelog
