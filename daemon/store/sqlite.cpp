#include "store/sqlite.hpp"

#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace framelog::sqlite {
namespace {

/// How long another process may hold the data base; it holds it for one transaction.
constexpr int kPatienceMs = 5000;

ErrorCode code_of(int result) noexcept {
  switch (result & 0xFF) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_SCHEMA:
    case SQLITE_ERROR:  // A table or column that is not there: somebody else's data base.
      return ErrorCode::kCorrupt;
    case SQLITE_PERM:
    case SQLITE_READONLY:
    case SQLITE_AUTH:
      return ErrorCode::kDenied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kBusy;
    case SQLITE_FULL:
      return ErrorCode::kNoSpace;
    case SQLITE_NOMEM:
      return ErrorCode::kNoMemory;
    default:
      return ErrorCode::kIo;
  }
}

std::unexpected<Error> failure(sqlite3* database) {
  const char* name = sqlite3_db_filename(database, nullptr);
  const std::string where = name == nullptr ? "" : std::string(name) + ": ";
  return fail(code_of(sqlite3_errcode(database)), "the catalog", where + sqlite3_errmsg(database));
}

/// "file:NAME?immutable=1" with what a URI gives a meaning escaped.
std::string immutable_uri(const std::filesystem::path& file) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string uri = "file:";
  for (const char character : file.native()) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte > ' ' && byte < 0x7F && std::strchr("%?#", character) == nullptr) {
      uri += character;
    } else {
      uri += {'%', kDigits[byte >> 4U], kDigits[byte & 0xFU]};
    }
  }
  return uri + "?immutable=1";
}

sqlite3* open_as(const std::string& name, int flags) {
  sqlite3* database = nullptr;
  sqlite3_open_v2(name.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  return database;
}

bool is_readable(sqlite3* database) {
  const int result =
      sqlite3_exec(database, "SELECT count(*) FROM sqlite_master", nullptr, nullptr, nullptr);
  return (result & 0xFF) != SQLITE_CANTOPEN && (result & 0xFF) != SQLITE_READONLY;
}

}  // namespace

void Statement::finalize(sqlite3_stmt* statement) noexcept { sqlite3_finalize(statement); }

Statement& Statement::bind(int parameter, std::int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
  return *this;
}

Statement& Statement::bind(int parameter, std::string_view text) {
  sqlite3_bind_text64(statement_.get(), parameter, text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
  return *this;
}

Result<bool> Statement::next() {
  const int result = sqlite3_step(statement_.get());
  if (result == SQLITE_ROW) return true;
  auto error = failure(sqlite3_db_handle(statement_.get()));
  sqlite3_reset(statement_.get());
  if (result == SQLITE_DONE) return false;
  return error;
}

Result<void> Statement::run() {
  const auto row = next();
  if (!row) return std::unexpected(row.error());
  reset();
  return {};
}

void Statement::reset() noexcept { sqlite3_reset(statement_.get()); }

std::int64_t Statement::integer(int column) const noexcept {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int count = sqlite3_column_bytes(statement_.get(), column);
  return bytes == nullptr ? std::string() : std::string(bytes, static_cast<std::size_t>(count));
}

void Database::close(sqlite3* database) noexcept { sqlite3_close_v2(database); }

Result<Database> Database::open(const std::filesystem::path& file, Mode mode) {
  std::error_code ignored;
  const bool reads = mode == Mode::kRead;
  if (reads && !std::filesystem::exists(file, ignored)) {
    return fail_errno(ENOENT, "there is no catalog", file.string());
  }
  Database opened(open_as(
      file.string(), reads ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE));
  if (opened.database_ == nullptr) return fail_errno(ENOMEM, "cannot open", file.string());
  sqlite3* database = opened.database_.get();
  if (sqlite3_errcode(database) != SQLITE_OK) {
    const int why = sqlite3_system_errno(database);
    return fail_errno(why == 0 ? EIO : why, "cannot open the catalog", file.string());
  }
  sqlite3_busy_timeout(database, kPatienceMs);
  sqlite3_extended_result_codes(database, 1);
  // The reader of a WAL wants its shared memory, which it may not be allowed to make. Without a WAL
  // nobody writes.
  if (reads && !is_readable(database) &&
      !std::filesystem::exists(file.string() + "-wal", ignored)) {
    return Database(open_as(immutable_uri(file), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI));
  }
  return opened;
}

Result<void> Database::run(const char* statements) {
  if (sqlite3_exec(database_.get(), statements, nullptr, nullptr, nullptr) != SQLITE_OK) {
    return failure(database_.get());
  }
  return {};
}

Result<Statement> Database::prepare(std::string_view statement) {
  sqlite3_stmt* prepared = nullptr;
  if (sqlite3_prepare_v3(database_.get(), statement.data(), static_cast<int>(statement.size()),
                         SQLITE_PREPARE_PERSISTENT, &prepared, nullptr) != SQLITE_OK) {
    return failure(database_.get());
  }
  return Statement(prepared);
}

Result<std::int64_t> Database::number(std::string_view statement) {
  auto prepared = prepare(statement);
  if (!prepared) return std::unexpected(prepared.error());
  const auto row = prepared->next();
  if (!row) return std::unexpected(row.error());
  return *row ? prepared->integer(0) : 0;
}

bool Database::has_moved() noexcept {
  int moved = 0;
  const int asked = sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_HAS_MOVED, &moved);
  return asked == SQLITE_OK && moved != 0;
}

bool Database::has_head() noexcept {
  constexpr std::string_view kMagic("SQLite format 3\0", 16);
  sqlite3_file* file = nullptr;
  std::array<char, kMagic.size()> head{};
  sqlite3_file_control(database_.get(), "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (file == nullptr || file->pMethods == nullptr) return false;
  const int got = file->pMethods->xRead(file, head.data(), static_cast<int>(head.size()), 0);
  return got == SQLITE_OK && std::string_view(head.data(), head.size()) == kMagic;
}

Result<Transaction> Transaction::begin(Database& database) {
  if (auto begun = database.run("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  if (database_ != nullptr) static_cast<void>(database_->run("ROLLBACK"));
}

Result<void> Transaction::commit() {
  auto done = database_->run("COMMIT");
  if (done) database_ = nullptr;
  return done;
}

}  // namespace framelog::sqlite
